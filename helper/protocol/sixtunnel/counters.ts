/** Of one end of the IPv6 tunnel, over all its connections. */
export interface SixCounters {
  /** Packets written to far ends. */
  toPeers: number;
  /** Packets that came from far ends and went on. */
  fromPeers: number;
  readonly drops: Record<SixDrop, number>;
}

export type SixDrop =
  | "too-long" // more than the original reads at once
  | "queue-full" // the far end reads too slowly
  | "not-connected" // nobody has that prefix now
  | "foreign-source" // not of the client's own /64
  | "foreign-destination" // not for us: sent by a server to a client, or by a client to its own /64
  | "link-local" // belongs to one link
  | "multicast" // nobody here takes it
  | "not-ipv6"
  | "not-taken" // by the TUN device
  | "broken-stream" // a connection, closed for what is none of this protocol's
  | "bad-greeting"
  | "no-greeting" // in time
  | "refused-connection" // one too many, from everywhere or from one address
  | "refused-in-use" // its Id is connected from another address
  | "refused-unknown" // its Id has no prefix, and no new ones are given out
  | "refused-exhausted" // no prefix is left
  | "not-saved"; // a new prefix that could not be kept, so was not given out

export const SIX_DROPS: readonly SixDrop[] = [
  "too-long",
  "queue-full",
  "not-connected",
  "foreign-source",
  "foreign-destination",
  "link-local",
  "multicast",
  "not-ipv6",
  "not-taken",
  "broken-stream",
  "bad-greeting",
  "no-greeting",
  "refused-connection",
  "refused-in-use",
  "refused-unknown",
  "refused-exhausted",
  "not-saved",
];

export function sixCounters(): SixCounters {
  const drops = Object.fromEntries(SIX_DROPS.map((drop) => [drop, 0])) as Record<SixDrop, number>;
  return { toPeers: 0, fromPeers: 0, drops };
}
