// The fast path's part of an AMT relay (RFC 7450): it copies streams to gateways, and hands their messages up.
import type { Address } from "#wire/address.ts";
import type { Endpoint } from "./endpoint.ts";

/** Sockets of one relay, each bound to one address of this computer. */
export const MAX_RELAY_SOCKETS = 8;

export interface AmtRelayDevice {
  readonly kind: "amt-relay";
  /** Non-blocking UDP sockets of one family each; a gateway gets its data from the one that it writes to. */
  readonly fds: readonly number[];
  /** What is counted (fastpath/amt/relay-memory.ts). */
  readonly memory: SharedArrayBuffer;
  /** Random: strangers choose what is looked up. */
  readonly seed: number;
}

export type AmtRelayCommand =
  /** A gateway, new or changed. `ecn`: it takes over congestion marks of the outer header (RFC 9601). */
  | {
      readonly type: "amt-gateway-set";
      readonly vif: number;
      readonly gateway: number;
      readonly endpoint: Endpoint;
      readonly socket: number;
      readonly ecn: boolean;
    }
  /** After it was taken out of the fan-out. */
  | { readonly type: "amt-gateway-gone"; readonly vif: number; readonly gateway: number }
  /** The most for each gateway, in bits a second; undefined: no limit. */
  | { readonly type: "amt-gateway-rate"; readonly vif: number; readonly rate: number | undefined }
  /** As protocol/amt/fan-out-changes.ts has them. */
  | { readonly type: "amt-fan-out"; readonly vif: number; readonly changes: Uint32Array<ArrayBuffer> };

/** What gateways and strangers wrote to one of the sockets, but for data, which a relay takes from nobody. */
export interface AmtRelayEvent {
  readonly type: "amt-relay-datagrams";
  readonly vif: number;
  readonly socket: number;
  readonly datagrams: readonly { readonly from: Endpoint; readonly data: Uint8Array }[];
}

/** One of a relay's sockets, as the slow path holds it: it answers by it. */
export interface RelaySocket {
  readonly fd: number;
  /** Now or not at all: a full queue loses it. False: lost. */
  send(to: Endpoint, data: Uint8Array): boolean;
  close(): void;
}

export interface RelaySocketOptions {
  readonly address: Address;
  readonly port: number;
  /** undefined: whatever the routes say. */
  readonly interfaceName: string | undefined;
}

/** Throws SystemError: EADDRINUSE, EADDRNOTAVAIL, ENODEV. */
export type OpenRelaySocket = (options: RelaySocketOptions) => RelaySocket;
