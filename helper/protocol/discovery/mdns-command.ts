import type { Address } from "#wire/address.ts";
import type { ServiceEntry } from "#wire/control-services.ts";
import type { MdnsQuestion, OutgoingMdns } from "./mdns.ts";

/** What the mDNS proxy wants done. */
export type MdnsCommand =
  /** To the group, or to one who asked from a port of its own. */
  | {
      readonly type: "send";
      readonly link: number;
      readonly message: OutgoingMdns;
      readonly to?: { readonly address: Address; readonly port: number };
    }
  | { readonly type: "ask-peer"; readonly peer: number; readonly questions: readonly MdnsQuestion[] }
  /** Replaces what a peer is told. */
  | {
      readonly type: "tell-peer";
      readonly peer: number;
      readonly entries: ReadonlyMap<string, ServiceEntry>;
    };
