/** Of one end of mcasttunnel, over all its connections. */
export interface TunnelCounters {
  /** Datagrams written to far ends, once for each. */
  toPeers: number;
  /** Datagrams that came from far ends. */
  fromPeers: number;
  readonly drops: Record<TunnelDrop, number>;
}

export type TunnelDrop =
  | "empty-datagram" // the original's session would end with it
  | "too-long" // more than a frame may hold
  | "queue-full" // the oldest of those that waited for a slow far end
  | "not-connected" // nobody at the far end
  | "empty-frame"
  | "broken-stream" // a connection, closed for a length that cannot be
  | "refused-connection" // one client too many
  | "not-sent"; // the system did not take it for the group

export function tunnelCounters(): TunnelCounters {
  return {
    toPeers: 0,
    fromPeers: 0,
    drops: {
      "empty-datagram": 0,
      "too-long": 0,
      "queue-full": 0,
      "not-connected": 0,
      "empty-frame": 0,
      "broken-stream": 0,
      "refused-connection": 0,
      "not-sent": 0,
    },
  };
}
