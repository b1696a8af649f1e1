// The flat form of the forwarding table: the slow path compiles it, the fast path reads it. It travels as plain
// typed arrays, so handing it over is one copy and no object per entry.

/** Vif numbers are small integers, given out by the runtime and reused; MAX_VIFS bounds every table over them. */
export type VifId = number;
export const MAX_VIFS = 512;

/** How a packet leaves a vif. */
export const EXIT_WIRE = 0; // to others: a LAN's wire, a peer's session, a socket
export const EXIT_LOCAL = 1; // to this computer's own sockets, through the TUN or a LAN interface's loopback
export type ExitKind = typeof EXIT_WIRE | typeof EXIT_LOCAL;

/** One egress word: vif number and exit kind. */
export function egressWord(vif: VifId, kind: ExitKind): number {
  return (vif << 1) | kind;
}
export function egressVif(word: number): VifId {
  return word >>> 1;
}
export function egressKind(word: number): ExitKind {
  return (word & 1) as ExitKind;
}

/** Flags of a vif in `RouteTable.vifFlags`. */
export const VIF_LAN = 1;
/** Another router asks on this LAN, so that one forwards to it what comes from other LANs (RFC 4605 section 4.2). */
export const VIF_OTHER_QUERIER_4 = 2;
export const VIF_OTHER_QUERIER_6 = 4;
/** An upstream or downstream of the proxy. */
export const VIF_PROXIED = 8;

/** Words of one hash slot: used, group[4], source[4], egress offset. IPv4 stands as ::ffff:a.b.c.d. */
export const SLOT_WORDS = 10;
export const SLOT_USED = 0;
export const SLOT_GROUP = 1;
export const SLOT_SOURCE = 5;
export const SLOT_EGRESS = 9;
/** Values of SLOT_USED. */
export const SLOT_EMPTY = 0;
export const SLOT_ANY_SOURCE = 1; // a (*,G) entry, its source words zero
export const SLOT_SOURCE_GROUP = 2; // an (S,G) entry
/** Added to these: the group crosses between vifs with VIF_PROXIED alone. */
export const SLOT_PROXY_ONLY = 4;

/**
 * Words of one entry of `prefixes`: static routes, which name an in-vif and ranges and force an egress without a
 * listener. Lengths count bits of the 16-byte form, so that of an IPv4 prefix is 96 more.
 */
export const PREFIX_WORDS = 12;
export const PREFIX_VIF = 0; // in-vif, or PREFIX_ANY_VIF
export const PREFIX_GROUP_LENGTH = 1;
export const PREFIX_GROUP = 2;
export const PREFIX_SOURCE_LENGTH = 6;
export const PREFIX_SOURCE = 7;
export const PREFIX_EGRESS = 11; // offset into egress, or PREFIX_DENY
export const PREFIX_ANY_VIF = 0xffffffff;
/** The ranges that no wide static route opens stand first: a group that matches one gets none of the others. */
export const PREFIX_DENY = 0xffffffff;

/**
 * Open addressing, linear probing. An (S,G) entry is complete: where it is found, (*,G) does not matter.
 * `egress[offset]` is the number of egress words that follow it. Local exits stand first, in order of
 * preference: the fast path uses one of them at most (each packet reaches each local socket once), and none
 * where the local sockets have the packet already: the vif it came in on has a local exit in the list itself, or
 * is `native`.
 */
export interface RouteTable {
  readonly capacityMask: number; // capacity - 1; capacity is a power of two
  readonly slots: Uint32Array<ArrayBuffer>;
  readonly egress: Uint32Array<ArrayBuffer>;
  /** Static routes, added to what the slots say. Walked when a flow is created, never per packet. */
  readonly prefixes: Uint32Array<ArrayBuffer>;
  /** Bit (in * MAX_VIFS + out): may a packet go from vif `in` to vif `out`? Split horizon and scope of networks. */
  readonly allowed: Uint8Array<ArrayBuffer>;
  /**
   * Bit per vif: a link on which the kernel joins for us what other vifs want. A socket that listens anywhere on this
   * computer hears from there by the kernel itself, and would hear a packet twice that left by a local exit too.
   */
  readonly native: Uint8Array<ArrayBuffer>;
  /** Flags, a byte per vif. */
  readonly vifFlags: Uint8Array<ArrayBuffer>;
  /** TTL thresholds, a byte per vif: what came with that TTL or less does not leave by it. Empty: there are none above 1. */
  readonly thresholds: Uint8Array<ArrayBuffer>;
}

/** Hash of a slot's 8 key words; the compiler and the fast path must agree on it. */
export function hashKey(words: Uint32Array, group: number, source: number): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < 4; i++) h = Math.imul(h ^ words[group + i]!, 0x01000193);
  for (let i = 0; i < 4; i++) h = Math.imul(h ^ words[source + i]!, 0x01000193);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}
