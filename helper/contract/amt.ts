// Internet multicast by AMT (RFC 7450): what was asked for, where it comes from, and the relay for others.
import * as v from "valibot";
import { bitRate } from "./bit-rate.ts";

const text = v.string();
const count = v.pipe(v.number(), v.finite(), v.minValue(0));

/** Where a relay was found: with the source's owner by DNS, by a name or address that was given, by the anycast address. */
export const relayWaySchema = v.picklist(["driad", "given", "anycast"]);

/** A stream of the Internet's that was asked for, by a person or by a program's own join. */
export const amtJoinSchema = v.object({
  id: text,
  /** Null: any source. */
  source: v.nullable(text),
  group: text,
  /** Address or name of the relay that was asked for; null: one is looked for. */
  relay: v.nullable(text),
  /** Destination port that a player listens on, where it is known. */
  port: v.nullable(count),
  /** true: asked for by a person and kept; false: a program on this computer or a host on a LAN joined it. */
  kept: v.boolean(),
  /**
   * looking: for a relay; asking: a relay has not answered yet; waiting: the relay knows, nothing came yet; receiving;
   * failed: no relay answers, or those that do take no more gateways; `detail` says which, and it is tried again.
   */
  state: v.picklist(["looking", "asking", "waiting", "receiving", "failed"]),
  /** One sentence for people. */
  detail: text,
  /** The relay in use: "198.51.100.7", and how it was found. */
  via: v.nullable(v.object({ address: text, how: relayWaySchema })),
  roundTripMs: v.nullable(count),
  packets: count,
  bytes: count,
  rateBps: count, // bits a second
});
export type AmtJoin = v.InferOutput<typeof amtJoinSchema>;

export const MAX_AMT_RELAYS = 8;
export const MAX_AMT_GATEWAYS = 65_536;

const ownAddresses = v.pipe(
  v.array(v.pipe(v.string(), v.regex(/^[\da-fA-F:.]{2,45}$/, "not an address"))),
  v.maxLength(4),
);
/** What is asked of the daemon as a relay; what is not named stays as it is. */
export const amtRelayChangeSchema = v.strictObject({
  enabled: v.boolean(),
  maxGateways: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_AMT_GATEWAYS))),
  /** The most for each gateway; null: no limit. */
  gatewayBitsPerSecond: v.optional(v.nullable(bitRate)),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
  /** Of this computer, which gateways are told; none: the daemon chooses. */
  addresses: v.optional(ownAddresses),
  /** Where Discoveries are answered too, as other relays do at the same address. */
  anycast: v.optional(ownAddresses),
  /** Serve gateways on this interface alone; null: on all. */
  interface: v.optional(
    v.nullable(v.pipe(v.string(), v.regex(/^[^\s/\p{C}]{1,32}$/u, "not an interface name"))),
  ),
  /** Groups of a site's or an organisation's scope too. */
  adminScoped: v.optional(v.boolean()),
  /** Four bytes of a response MAC are enough: for gateways that garble the others. */
  shortMac: v.optional(v.boolean()),
  /** Tell gateways where they are seen; some take no query that does. */
  tellEndpoint: v.optional(v.boolean()),
});
export type AmtRelayChange = v.InferOutput<typeof amtRelayChangeSchema>;

/** This computer as a relay for others. */
export const amtRelaySchema = v.object({
  enabled: v.boolean(),
  state: v.picklist(["off", "up", "failed"]),
  /** One sentence for people. */
  detail: text,
  /** Addresses that gateways are told. */
  addresses: v.array(text),
  gateways: count,
  maxGateways: count,
  /** The most for each of them; null: no limit. */
  gatewayBitsPerSecond: v.nullable(count),
  /** (S,G) and (*,G) that some gateway wants. */
  groups: count,
  packets: count, // delivered, each to one gateway
  bytes: count,
});
export type AmtRelayState = v.InferOutput<typeof amtRelaySchema>;

/** Topic "amt" of the snapshot. */
export const amtSchema = v.object({
  /** Relays to ask before all others, in this order: addresses or names. */
  relays: v.array(text),
  /** What programs join is fetched unasked: sources of the Internet's that nothing else brings. */
  automatic: v.boolean(),
  joins: v.array(amtJoinSchema),
  relay: amtRelaySchema,
});
export type Amt = v.InferOutput<typeof amtSchema>;

/** An address, or a host name; the daemon checks that it is one. */
export const relayPlace = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^[\w.:-]{1,253}$/, "no address or host name"),
);

const delivered = { packets: count, bytes: count };
/** What the relay delivers, in a dump: those who got most, and how many more there are. */
export const amtRelayDumpSchema = v.object({
  gateways: v.array(
    v.object({
      endpoint: text,
      since: count,
      groups: count,
      ...delivered,
      limited: count, // packets that were above its rate
    }),
  ),
  moreGateways: count,
  streams: v.array(v.object({ group: text, source: v.nullable(text), gateways: count, ...delivered })),
  moreStreams: count,
});
export type AmtRelayDump = v.InferOutput<typeof amtRelayDumpSchema>;
