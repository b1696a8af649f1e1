import type { Address, Prefix } from "#wire/address.ts";

export interface TunAddresses {
  /** Own addresses with the length of their network. */
  readonly addresses: readonly { readonly address: Address; readonly prefixLength: number }[];
  /**
   * Prefixes whose packets go into the tunnel. A multicast prefix also decides where a program lands that joins
   * a group without naming an interface; groups outside of them keep the interface that they had.
   */
  readonly routes: readonly Prefix[];
  /** LANs behind the tunnel, and the address that this computer has for those on them. */
  readonly lans: readonly { readonly prefix: Prefix; readonly source: Address }[];
}

/** This computer's end of the tunnel. What is configured survives the process until remove(). */
export interface TunDevice {
  /** Non-blocking; packets with a 10-byte virtio header in front, both ways. Those read have whole checksums. */
  readonly fd: number;
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
  /** Makes the device's addresses and routes exactly these: adds what is missing, takes away what is too much. */
  configure(config: TunAddresses): void;
  /** Lets go of the device and leaves it in place, with the memberships that programs hold on it. */
  close(): void;
  /** Takes the device away, and lets go of it. */
  remove(): void;
}
