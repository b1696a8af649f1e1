// What the two ends of the IPv6 tunnel share with those who start them.
import type { OpenPlainTun, PlainTunOptions } from "#ports/plain-tun.ts";
import type { SixCounters } from "#protocol/sixtunnel/counters.ts";
import type { Prefix } from "#wire/address.ts";

export type SixEvent =
  | { readonly event: "connected"; readonly peer: string; readonly id: string; readonly prefix: string }
  | { readonly event: "disconnected"; readonly peer: string; readonly why: string | undefined }
  /** A connection that was not to be; another try follows. */
  | { readonly event: "unreachable"; readonly peer: string; readonly why: string }
  | { readonly event: "refused"; readonly peer: string; readonly why: string };

/** The other end of a connection, for what carries its multicast. */
export interface SixFarEnd {
  readonly peer: string;
  /** The client's. */
  readonly prefix: Prefix;
  send(packet: Uint8Array): void;
}

/** Takes a connection's multicast packets, those of the link (MLD) among them, instead of the TUN device. */
export interface SixMulticast {
  packet(packet: Uint8Array): void;
  closed(): void;
}

export interface SixEndOptions {
  readonly openTun: OpenPlainTun;
  readonly device: PlainTunOptions;
  readonly counters: SixCounters;
  readonly said: (event: SixEvent) => void;
  /** undefined, or none of a connection: multicast is the TUN device's too. */
  readonly multicast?: (farEnd: SixFarEnd) => SixMulticast | undefined;
}

/** Packets taken from the TUN device before anything else has its turn. */
export const BURST = 64;

export const DEVICE_DEFAULTS: PlainTunOptions = { name: "sixtunnel0", mtu: 1_500, queueLength: 500 };

export function peerText(address: string, port: number): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "");
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}
