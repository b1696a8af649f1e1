import type { Address, Prefix } from "#wire/address.ts";

export type LinkKind = "ethernet" | "wifi" | "bridge" | "vlan" | "tun" | "loopback" | "other";

export interface LinkAddress {
  readonly address: Address;
  readonly prefixLength: number;
  readonly scope: "global" | "link" | "host";
}

/** A network interface of this computer, as it is now. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly kind: LinkKind;
  readonly up: boolean; // switched on by the administrator
  readonly running: boolean; // and with a carrier
  readonly multicast: boolean;
  readonly mac: Uint8Array | undefined; // 6 bytes; of Ethernet-like interfaces alone
  readonly mtu: number; // bytes of an IP packet
  readonly master: number | undefined; // index of the bridge (or bond) that it is a port of
  readonly addresses: readonly LinkAddress[];
  readonly defaultRoute: boolean; // a default route of IPv4 or IPv6 leaves by it
  /** The router of IPv4's default route by it, and that route's metric: the lowest one is used. */
  readonly gateway4?: { readonly address: Address; readonly metric: number };
}

export type LinkEvent =
  | { readonly type: "link-changed"; readonly index: number; readonly name: string } // new ones included
  | { readonly type: "link-removed"; readonly index: number; readonly name: string }
  | { readonly type: "address-added"; readonly index: number; readonly prefix: Prefix }
  | { readonly type: "address-removed"; readonly index: number; readonly prefix: Prefix }
  | { readonly type: "default-route-changed" }
  /** Events were lost: list() again. */
  | { readonly type: "resync" };

export interface Links {
  list(): readonly Link[];
  /** Events come in the order in which things happened. The watch does not keep the process alive. */
  watch(handler: (event: LinkEvent) => void): { close(): void };
  close(): void;
}

/** The interfaces worth carrying multicast on: up, multicast-capable, with a MAC, and no port of a bridge. */
export function isLan(link: Link): boolean {
  return (
    link.up &&
    link.multicast &&
    link.mac !== undefined &&
    link.master === undefined &&
    (link.kind === "ethernet" || link.kind === "wifi" || link.kind === "bridge" || link.kind === "vlan")
  );
}
