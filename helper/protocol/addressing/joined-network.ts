import type { Prefix } from "#wire/address.ts";
import type { SharedLan } from "#wire/control-network.ts";
import type { ChosenInterface } from "./shared-lans.ts";
import type { AddressPlan } from "./member-addresses.ts";

/** Where the host can be reached: an address, or a host name that is looked up each time. */
export interface Candidate {
  readonly host: string;
  readonly port: number;
}

/** A guest's memory of a network that it joined: everything to connect again without the invite. */
export interface JoinedNetwork {
  readonly hostPublicKey: Uint8Array; // 32 bytes
  readonly psk: Uint8Array; // 32 bytes
  readonly inviteId: Uint8Array; // 8 bytes: the host may not know our key yet
  readonly networkName: string;
  /** What we ask to be called; after the first handshake, what the host calls us. */
  readonly ownName: string;
  readonly joinedAt: number; // wall ms
  /** From the invite, then as the host announces them. */
  readonly candidates: readonly Candidate[];
  /** The meeting point where the host can be called, if it names one. */
  readonly meet?: Candidate;
  /** Under what the host is announced in the DHT, if it is: 32 bytes. */
  readonly dhtKey?: Uint8Array;
  /** Absent until the host told us, at the end of the first handshake. */
  readonly assigned?: Assignment;
  /** Multicast ranges that the host shares, which get routes into the tunnel. */
  readonly sharedRanges: readonly Prefix[];
  /** The most that is sent to the host, bits a second. */
  readonly maximumBps?: number;
  /** The host's LANs that we may reach by unicast; none where it is absent. */
  readonly sharedLans?: readonly SharedLan[];
  /** false: we do not want to reach them. */
  readonly useLans?: boolean;
  /** We are the router of our own /64 on this interface. */
  readonly routeOn?: ChosenInterface;
  /** false: the user disconnected (`down`), and we stay out until `up`. */
  readonly enabled: boolean;
}

/** Our place in the network; our addresses are `memberAddresses(plan, number)`. */
export interface Assignment {
  readonly number: number;
  readonly plan: AddressPlan;
}
