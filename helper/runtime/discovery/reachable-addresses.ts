import type { LanWay } from "#protocol/addressing/shared-lans.ts";
import {
  addressBytes,
  addressText,
  family,
  parsePrefix,
  prefixContains,
  type Address,
  type Prefix,
} from "#wire/address.ts";
import type { SharedLan } from "#wire/control-network.ts";
import type { Networks } from "../networks.ts";

interface Network {
  /** This computer's addresses in it. */
  readonly own: readonly Address[];
  /** Of all members. */
  readonly members: readonly Prefix[];
  /** LANs of this computer that members are let into. */
  readonly shared: readonly Prefix[];
  /** The host's LANs as this computer reaches them. */
  readonly ways: readonly LanWay[];
}

const UNKNOWN: Network = { own: [], members: [], shared: [], ways: [] };

/** What an address of one link is worth on another: nobody is told what cannot be reached. */
export class ReachableAddresses {
  readonly #networks: Networks;
  #known = new Map<string, Network>();
  #own: ReadonlySet<Address> = new Set();
  /** Asked for each record, again and again. */
  readonly #exported = new Map<string, Address | undefined>();
  readonly #imported = new Map<string, Address | undefined>();

  constructor(networks: Networks) {
    this.#networks = networks;
  }

  /** Addresses, networks or shared LANs may have changed. */
  refresh(own: ReadonlySet<Address>, sharedLans: readonly SharedLan[]): void {
    this.#own = own;
    this.#known = new Map();
    this.#exported.clear();
    this.#imported.clear();
    const { hosted, joined, byFile } = this.#networks;
    if (hosted) {
      const { prefix6, prefix4 } = hosted.record.plan;
      this.#known.set(hosted.id, {
        own: hosted.addresses().addresses.map(({ address }) => address),
        members: [prefix6, prefix4],
        shared: sharedLans.map(({ prefix }) => prefix),
        ways: [],
      });
    }
    for (const network of joined.values()) {
      const plan = network.record.assigned?.plan;
      if (!plan) continue;
      this.#known.set(network.id, {
        own: network.addresses().addresses.map(({ address }) => address),
        members: [plan.prefix6, plan.prefix4],
        shared: [],
        ways: network.lanWays(),
      });
    }
    if (byFile.config)
      this.#known.set(byFile.id, {
        own: [byFile.own.address6, byFile.own.address4],
        members: [byFile.own, ...byFile.config.peers.map((peer) => peer.addresses)].flatMap(
          ({ prefixes }) => prefixes,
        ),
        shared: [],
        ways: [],
      });
  }

  /**
   * As members of the network reach it. This computer is reached by its address in the network, which works whatever
   * else is shared; a device of a shared LAN by its own.
   */
  exported(network: string, address: Address): Address | undefined {
    return remembered(this.#exported, `${network} ${address}`, () => this.#export(network, address));
  }

  /** As this computer reaches what a member of the network told: where LANs clash, by the address that stands for it. */
  imported(network: string, address: Address): Address | undefined {
    return remembered(this.#imported, `${network} ${address}`, () => this.#import(network, address));
  }

  #export(network: string, address: Address): Address | undefined {
    if (isOfOneLink(address)) return undefined;
    const { own, members, shared } = this.#known.get(network) ?? UNKNOWN;
    if (this.#own.has(address)) return own.find((one) => family(one) === family(address));
    return [...members, ...shared].some((prefix) => prefixContains(prefix, address)) ? address : undefined;
  }

  #import(network: string, address: Address): Address | undefined {
    if (isOfOneLink(address)) return undefined;
    const { members, shared, ways } = this.#known.get(network) ?? UNKNOWN;
    const way = ways.find(({ prefix }) => prefixContains(prefix, address));
    if (way) return way.via && moved(address, way.via);
    return [...members, ...shared].some((prefix) => prefixContains(prefix, address)) ? address : undefined;
  }
}

const MAX_REMEMBERED = 4_096;

function remembered(
  known: Map<string, Address | undefined>,
  key: string,
  find: () => Address | undefined,
): Address | undefined {
  if (known.has(key)) return known.get(key);
  if (known.size >= MAX_REMEMBERED) known.clear();
  const found = find();
  known.set(key, found);
  return found;
}

/** Addresses that mean something else, or nothing, on every other link. */
const OF_ONE_LINK = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/3",
  "::/127",
  "fe80::/10",
  "ff00::/8",
].map(parsePrefix);

function isOfOneLink(address: Address): boolean {
  return OF_ONE_LINK.some((prefix) => prefixContains(prefix, address));
}

/** The address with its first bits from the prefix. */
function moved(address: Address, to: Prefix): Address {
  const bytes = addressBytes(address);
  const first = addressBytes(to.address);
  for (let bit = 0; bit < to.length; bit++) {
    const mask = 0x80 >> (bit & 7);
    bytes[bit >> 3] = (bytes[bit >> 3]! & ~mask) | (first[bit >> 3]! & mask);
  }
  return addressText(bytes);
}
