import type { Link } from "#ports/links.ts";
import { family, type Address, type Family } from "#wire/address.ts";
import type { RelaySettings } from "../store/relay-settings.ts";

/** An address that the relay has a socket at. */
export interface RelayAddress {
  readonly address: Address;
  readonly anycast: boolean;
  /** What gateways are told instead, who reach the socket through a NAT. */
  readonly told?: Address;
}

/** Where the relay is to be reached: as was set, or where this computer's own traffic leaves it. Unicast ones first. */
export function relayAddresses(
  { addresses, anycast, interface: name }: RelaySettings,
  links: readonly Link[],
  current: readonly RelayAddress[] = [],
): RelayAddress[] {
  const used = new Set(current.filter((one) => !one.anycast).map(({ address }) => address));
  const own = ownAddresses(links, name, used);
  const unicast =
    addresses.length > 0
      ? addresses.map((address) => whereItIs(address, own, links))
      : own.map((address) => ({ address, anycast: false }));
  if (unicast.length === 0) return [];
  return [
    ...unicast.filter(({ address }, i) => unicast.findIndex((one) => one.address === address) === i),
    ...anycast.map((address) => ({ address, anycast: true })),
  ];
}

/** An address that no interface has is that of a NAT in front of this computer, whose port leads here. */
function whereItIs(address: Address, own: readonly Address[], links: readonly Link[]): RelayAddress {
  const here = links.some((link) => link.addresses.some((one) => one.address === address));
  const behind = own.find((one) => family(one) === family(address));
  return here || behind === undefined
    ? { address, anycast: false }
    : { address: behind, anycast: false, told: address };
}

/** One of each family; what is in use stays while it is there, for gateways would have to find the relay anew. */
function ownAddresses(links: readonly Link[], name: string | null, used: ReadonlySet<Address>): Address[] {
  const usable = links
    .filter((link) => link.up && link.kind !== "loopback" && (name === null || link.name === name))
    .sort((a, b) => Number(b.defaultRoute) - Number(a.defaultRoute));
  return ([4, 6] as const).flatMap((of: Family) => {
    const found = usable
      .flatMap((link) => link.addresses)
      .filter(({ address, scope }) => scope === "global" && family(address) === of)
      .map(({ address }) => address);
    return found
      .filter((address) => used.has(address) || found.every((other) => !used.has(other)))
      .slice(0, 1);
  });
}
