// Why a packet did not go on. The position is the place in shared memory: append, never reorder.
export const DROP_REASONS = [
  "no-listener", // nobody wants the group (from this source)
  "ttl", // TTL or hop limit used up
  "hops", // passed on by too many members
  "scope", // a destination or protocol that is never routed
  "bad-source",
  "malformed",
  "duplicate", // (origin, sequence) seen already
  "rpf", // the source is active on another vif
  "loop", // heard on a LAN what the tunnel carried, or the other way round
  "replay",
  "auth-failed",
  "unknown-index",
  "no-keys",
  "no-endpoint",
  "spoofed-source",
  "wrong-origin",
  "no-route", // unicast without a member who has the address
  "too-big",
  "fragment-malformed",
  "fragment-overlap",
  "fragment-timeout",
  "fragment-overflow", // no reassembly slot
  "tun-full",
  "send-failed",
  "socket-overflow", // the kernel's queue of the socket was full
  "rate-limited", // what the slow path would have to look at
  "queue-full", // too much under way to a socket vif
  "stream-full", // a peer's stream takes less than it is sent: the oldest packets go
  "member-limit", // more than the rate that was set for the member
  "circuit-breaker", // more multicast than the path to the member carries
  "ttl-threshold", // of the LAN that it was to leave by
  "one-way", // data from a gateway to its relay
  "interface-rules", // a source or a group that is kept off the LAN
  "interface-limit", // more than the rate that was set for the LAN
  "not-from-relay", // AMT: data from somebody else than the relay that was asked
  "not-joined", // AMT: data that the relay was not asked for
  "congestion", // marked by the way through the tunnel, and its sender knows no such marks (RFC 6040 section 4.2)
  "gateway-limit", // AMT: more than the rate that was set for each gateway of the relay
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

export const DROP_NO_LISTENER = 0;
export const DROP_TTL = 1;
export const DROP_HOPS = 2;
export const DROP_SCOPE = 3;
export const DROP_BAD_SOURCE = 4;
export const DROP_MALFORMED = 5;
export const DROP_DUPLICATE = 6;
export const DROP_RPF = 7;
export const DROP_LOOP = 8;
export const DROP_REPLAY = 9;
export const DROP_AUTH_FAILED = 10;
export const DROP_UNKNOWN_INDEX = 11;
export const DROP_NO_KEYS = 12;
export const DROP_NO_ENDPOINT = 13;
export const DROP_SPOOFED_SOURCE = 14;
export const DROP_WRONG_ORIGIN = 15;
export const DROP_NO_ROUTE = 16;
export const DROP_TOO_BIG = 17;
export const DROP_FRAGMENT_MALFORMED = 18;
export const DROP_FRAGMENT_OVERLAP = 19;
export const DROP_FRAGMENT_TIMEOUT = 20;
export const DROP_FRAGMENT_OVERFLOW = 21;
export const DROP_TUN_FULL = 22;
export const DROP_SEND_FAILED = 23;
export const DROP_SOCKET_OVERFLOW = 24;
export const DROP_RATE_LIMITED = 25;
export const DROP_QUEUE_FULL = 26;
export const DROP_STREAM_FULL = 27;
export const DROP_MEMBER_LIMIT = 28;
export const DROP_CIRCUIT_BREAKER = 29;
export const DROP_TTL_THRESHOLD = 30;
export const DROP_ONE_WAY = 31;
export const DROP_INTERFACE_RULES = 32;
export const DROP_INTERFACE_LIMIT = 33;
export const DROP_NOT_FROM_RELAY = 34;
export const DROP_NOT_JOINED = 35;
export const DROP_CONGESTION = 36;
export const DROP_GATEWAY_LIMIT = 37;
