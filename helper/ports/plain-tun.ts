import type { Address, Prefix } from "#wire/address.ts";

/** A TUN device for one program's packets. It lives as long as the process: with it go its addresses and routes. */
export interface PlainTun {
  readonly name: string;
  readonly mtu: number; // bytes of a packet
  addAddress(address: Address, prefixLength: number): void;
  removeAddress(address: Address, prefixLength: number): void;
  /** Packets for the prefix go into the device. "::/0" is the default route, before one by a router of the LAN. */
  addRoute(prefix: Prefix): void;
  removeRoute(prefix: Prefix): void;
  /** The next packet that the kernel has for us, a copy; undefined: none waits. */
  read(): Uint8Array | undefined;
  /** False where the kernel does not take it. */
  write(packet: Uint8Array): boolean;
  /** Calls while a packet waits. What is not read waits in the kernel, as many as the queue is long. */
  watch(readable: () => void): { close(): void };
  close(): void;
}

export interface PlainTunOptions {
  readonly name: string;
  readonly mtu: number;
  /** Packets that wait in the kernel; more are dropped there. */
  readonly queueLength: number;
}

/** Throws SystemError: EBUSY where another process holds the device, EPERM without CAP_NET_ADMIN. */
export type OpenPlainTun = (options: PlainTunOptions) => PlainTun;
