import type { KeyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { AddressPrefix, UnicastRoute } from "#ports/fast-path.ts";
import type { TunAddresses } from "#ports/tun-device.ts";
import type { GatewaySubnet } from "#ports/gateway.ts";
import type { ChosenInterface, LanWay } from "#protocol/addressing/shared-lans.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import type { VifId } from "#protocol/forwarding/route-table.ts";
import type { SessionTraffic } from "#protocol/session/session-types.ts";
import type { StreamTarget } from "#protocol/session/session-types.ts";
import { addressBytes, family, type Prefix } from "#wire/address.ts";
import type { Hello } from "#wire/control.ts";
import type { Core } from "./core.ts";
import type { Transport } from "./transport.ts";

/** What the networks of this computer share. */
export interface NetworkContext {
  readonly core: Core;
  readonly transport: Transport;
  readonly localStatic: KeyPair;
  readonly hasAes: boolean;
  readonly hello: Omit<Hello, "type" | "wantsReply">;
  readonly traffic: (vif: VifId) => SessionTraffic;
  /** Looks up host names. Never rejects: a name that is not found gives nothing. */
  readonly resolve: (candidates: readonly Candidate[]) => Promise<readonly Endpoint[]>;
  /** Where streams to a host may be opened; see streamTargets. */
  readonly streamTargets: (
    candidates: readonly Candidate[],
    endpoints: readonly Endpoint[],
  ) => readonly StreamTarget[];
  /** Where a peer was heard last, also before this daemon started. */
  readonly lastEndpoint: (publicKey: Uint8Array) => Endpoint | undefined;
  readonly rememberEndpoint: (publicKey: Uint8Array, endpoint: Endpoint) => void;
  /** A port of this computer's router that leads here. */
  readonly mappedEndpoint: () => Endpoint | undefined;
  /** So is this one, of another computer's router; undefined: `before` is none any more. */
  readonly noteMapped: (endpoint: Endpoint | undefined, before: Endpoint | undefined) => void;
  /** Something that the store keeps has changed. */
  readonly stateChanged: () => void;
  /** The meeting point at which members may call the network that we host. */
  readonly meetPlace: () => Candidate | undefined;
  /** Under what we are announced in the DHT; undefined: we are not. */
  readonly dhtKey: () => Uint8Array | undefined;
  /** How this computer reaches the LANs of the host of a network that it joined. */
  readonly lanWays: (networkId: string) => readonly LanWay[];
  /** Own addresses, routes or reachable members have changed. */
  readonly addressesChanged: () => void;
  /** A network can be carried for from now on, or not any more. */
  readonly reachChanged: () => void;
}

/** What a network adds to this computer. */
export interface NetworkAddresses extends TunAddresses {
  readonly unicast: readonly UnicastRoute[];
  /** What is behind this computer's kernel, beside the computer itself. */
  readonly behindTun: readonly Prefix[];
}

/** Where this computer is the router of its own /64. */
export interface RoutedSubnet extends GatewaySubnet {
  readonly on: ChosenInterface;
}

export const NO_ADDRESSES: NetworkAddresses = {
  addresses: [],
  routes: [],
  lans: [],
  unicast: [],
  behindTun: [],
};

/** As the fast path has prefixes: 16 bytes, IPv4 mapped. */
export function mappedPrefix(prefix: Prefix): AddressPrefix {
  const bytes = addressBytes(prefix.address);
  if (family(prefix.address) === 6) return { address: bytes, length: prefix.length };
  const address = new Uint8Array(16);
  address.set([0xff, 0xff], 10);
  address.set(bytes, 12);
  return { address, length: prefix.length + 96 };
}
