// Which of a host's LANs its members may reach by unicast, and by which addresses each member does.
import { addressBytes, addressText, family, prefixContains, prefixText } from "#wire/address.ts";
import type { Address, Prefix } from "#wire/address.ts";
import { MAX_SHARED_LANS, type SharedLan } from "#wire/control-network.ts";
import { highestNumber, type AddressPlan } from "./member-addresses.ts";
import { labelledHash } from "./network-id.ts";
import { clashes, freeIpv4Prefix, isFromPools, prefixesOverlap, ULA } from "./prefixes.ts";

/** RFC 1918, and RFC 6598: carriers, and some networks at home. */
const PRIVATE4: readonly Prefix[] = [
  { address: "10.0.0.0", length: 8 },
  { address: "172.16.0.0", length: 12 },
  { address: "192.168.0.0", length: 16 },
  { address: "100.64.0.0", length: 10 },
];
/** RFC 4291 section 2.4: what is given out of the global unicast space. */
const GLOBAL6: Prefix = { address: "2000::", length: 3 };
/** A LAN with IPv6 is a /64 (RFC 4291 section 2.5.1). */
const LAN6_LENGTH = 64;
/** The shortest IPv4 prefix that is mapped: a longer one finds a place in 100.64.0.0/10 beside others. */
const MAPPED4_SHORTEST = 12;

/**
 * Can it be a LAN that members are let into? Members route it into the tunnel, so a host must not be able to name
 * the internet: private IPv4 alone, and of IPv6 nothing wider than one LAN.
 */
export function isLanPrefix(prefix: Prefix): boolean {
  const { address, length } = prefix;
  if (family(address) === 6)
    return length === LAN6_LENGTH && (prefixContains(ULA, address) || prefixContains(GLOBAL6, address));
  return length <= 30 && PRIVATE4.some((range) => range.length <= length && prefixContains(range, address));
}

/** An interface that somebody chose, with the IPv4 networks that it was on: it is meant there and nowhere else. */
export interface ChosenInterface {
  readonly name: string;
  readonly networks: readonly Prefix[];
}

/** The network that an interface's address is in. */
export function networkOf(address: Address, length: number): Prefix {
  const bytes = addressBytes(address);
  for (let bit = length; bit < bytes.length * 8; bit++) bytes[bit >> 3]! &= ~(0x80 >> (bit & 7));
  return { address: addressText(bytes), length };
}

/**
 * Gives each LAN a second prefix by which members reach it who are on a network with the same addresses. The same
 * LAN has the same one wherever that can be, so that people may write it down. `inUse`: what this computer uses.
 */
export function offerLans(
  hostPublicKey: Uint8Array,
  plan: AddressPlan,
  lans: readonly Prefix[],
  inUse: readonly Prefix[],
): SharedLan[] {
  const taken = [plan.prefix4, ...lans, ...inUse];
  const subnets = new Set<number>();
  return lans.slice(0, MAX_SHARED_LANS).map((prefix) => {
    const hash = labelledHash("castaway lan", hostPublicKey, new TextEncoder().encode(prefixText(prefix)));
    const mapped =
      family(prefix.address) === 4
        ? prefix.length < MAPPED4_SHORTEST
          ? undefined
          : freeIpv4Prefix(hash, prefix.length, taken)
        : mappedSubnet(plan, hash, subnets);
    if (mapped) taken.push(mapped);
    return { prefix, mapped };
  });
}

/** A /64 of the network's own prefix, of those behind the last member's. */
function mappedSubnet(plan: AddressPlan, hash: Uint8Array, taken: Set<number>): Prefix | undefined {
  const first = highestNumber(plan) + 1;
  const count = 2 ** (LAN6_LENGTH - plan.prefix6.length) - first;
  if (count < 1) return undefined;
  const start = new DataView(hash.buffer, hash.byteOffset).getUint32(0) % count;
  for (let step = 0; step < Math.min(count, MAX_SHARED_LANS); step++) {
    const subnet = first + ((start + step) % count);
    if (taken.has(subnet)) continue;
    taken.add(subnet);
    const bytes = addressBytes(plan.prefix6.address);
    bytes[6]! |= subnet >> 8;
    bytes[7]! |= subnet & 0xff;
    return { address: addressText(bytes), length: LAN6_LENGTH };
  }
  return undefined;
}

/** What a guest takes over of its host's LANs: nothing that would lead other traffic than a LAN's into the tunnel. */
export function acceptLans(offered: readonly SharedLan[], plan: AddressPlan): SharedLan[] {
  const accepted: SharedLan[] = [];
  for (const { prefix, mapped } of offered) {
    if (!isLanPrefix(prefix)) continue;
    const others = [
      plan.prefix4,
      plan.prefix6,
      ...accepted.flatMap((one) => [one.prefix, ...(one.mapped ? [one.mapped] : [])]),
    ];
    if (clashes(prefix, others).length > 0) continue;
    const apart = others.filter((other) => other !== plan.prefix6);
    const sound = mapped && isMappedPrefix(mapped, plan) && clashes(mapped, [...apart, prefix]).length === 0;
    accepted.push({ prefix, mapped: sound ? mapped : undefined });
  }
  return accepted;
}

function isMappedPrefix(mapped: Prefix, plan: AddressPlan): boolean {
  if (family(mapped.address) === 4) return mapped.length >= MAPPED4_SHORTEST && isFromPools(mapped);
  if (mapped.length !== LAN6_LENGTH || !prefixContains(plan.prefix6, mapped.address)) return false;
  const bytes = addressBytes(mapped.address);
  const subnet = ((bytes[6]! << 8) | bytes[7]!) & (2 ** (LAN6_LENGTH - plan.prefix6.length) - 1);
  return subnet > highestNumber(plan);
}

/** A LAN of the host as a guest reaches it. */
export interface LanWay extends SharedLan {
  /** `prefix`: by the devices' own addresses. `mapped`: by those. undefined: not at all. */
  readonly via: Prefix | undefined;
  /** What this computer uses that has the same addresses. */
  readonly clash: Prefix | undefined;
}

/** `inUse`: the networks that this computer is on, and LANs of other networks that it reaches already. */
export function lanWays(lans: readonly SharedLan[], inUse: readonly Prefix[]): LanWay[] {
  return lans.map((lan) => {
    const [clash] = clashes(lan.prefix, inUse);
    if (!clash) return { ...lan, via: lan.prefix, clash: undefined };
    const free = lan.mapped !== undefined && !inUse.some((used) => prefixesOverlap(used, lan.mapped!));
    return { ...lan, via: free ? lan.mapped : undefined, clash };
  });
}
