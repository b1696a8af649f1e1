import { family, parsePrefix, prefixContains, type Address, type Prefix } from "#wire/address.ts";
import type { Networks } from "../networks.ts";

/** What an address of one link is worth on another: members are told only what they can reach. */
export class ReachableAddresses {
  readonly #networks: Networks;
  readonly #isOwn: (address: Address) => boolean;

  constructor(networks: Networks, isOwn: (address: Address) => boolean) {
    this.#networks = networks;
    this.#isOwn = isOwn;
  }

  /**
   * As members of the network reach it. This computer is reached by its address in the network, which works whatever
   * else is shared; a member by its own; a device of the LAN by its own where the LAN is shared.
   */
  exported(network: string, address: Address): Address | undefined {
    if (LINK_ONLY.some((prefix) => prefixContains(prefix, address))) return undefined;
    const { own, prefixes } = this.#of(network);
    if (prefixes.some((prefix) => prefixContains(prefix, address))) return address;
    if (this.#isOwn(address)) return own.find((one) => family(one) === family(address));
    return undefined;
  }

  /** As this computer reaches what a member of the network told. */
  imported(_network: string, address: Address): Address | undefined {
    return LINK_ONLY.some((prefix) => prefixContains(prefix, address)) ? undefined : address;
  }

  #of(network: string): { readonly own: readonly Address[]; readonly prefixes: readonly Prefix[] } {
    const { hosted, joined } = this.#networks;
    const found = hosted?.id === network ? hosted : joined.get(network);
    const own = found?.addresses().addresses.map(({ address }) => address) ?? [];
    const plan = hosted?.id === network ? hosted.record.plan : joined.get(network)?.record.assigned?.plan;
    return { own, prefixes: plan ? [plan.prefix6, plan.prefix4] : [] };
  }
}

/** Addresses that mean something else, or nothing, on every other link. */
const LINK_ONLY = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/3",
  "::/127",
  "fe80::/10",
  "ff00::/8",
].map(parsePrefix);
