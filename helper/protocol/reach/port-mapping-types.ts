// What the ways of asking a router for a port have in common.
import type { Endpoint } from "#ports/endpoint.ts";
import type { HttpRequest } from "#ports/router-link.ts";
import type { Address } from "#wire/address.ts";
import type { MappedProtocol } from "#wire/pcp.ts";

/** What is asked of one router, for one port of this computer. */
export interface MappingTarget {
  readonly gateway: Address;
  /** This computer's own address on the router's side. */
  readonly client: Address;
  /** Of the transport: UDP and TCP. */
  readonly port: number;
  /** 12 bytes, the same after a crash: only who knows them may renew or remove a PCP mapping (RFC 6887 section 11.1). */
  readonly nonce: Uint8Array;
}

export type MappingMethod = "pcp" | "nat-pmp" | "upnp";

export interface Mapping {
  readonly external: Endpoint;
  /** Monotonic ms. */
  readonly expiresAt: number;
}
export type Mappings = ReadonlyMap<MappedProtocol, Mapping>;

export type MappingCommand =
  | { readonly type: "datagram"; readonly to: Endpoint; readonly data: Uint8Array }
  /** The answer, or undefined, comes back with the id. */
  | { readonly type: "http"; readonly id: number; readonly request: HttpRequest };

/** Asked for, ms. So long at most a mapping outlives a daemon that crashed; it is renewed at half of it. */
export const LEASE = 600_000;
/** A router may say so much at most (RFC 6887 section 15: "no more than 24 hours"). */
const MAX_LEASE = 86_400_000;
/** And is asked again no sooner than this, whatever it says. */
const MIN_RENEWAL = 10_000;

/** `lifetime`: seconds, as granted. */
export function leaseOf(lifetime: number): number {
  return Math.min(Math.max(lifetime * 1_000, 2 * MIN_RENEWAL), MAX_LEASE);
}
export function renewalAt(now: number, lease: number): number {
  return now + Math.max(Math.min(lease, LEASE) / 2, MIN_RENEWAL);
}
