// From the interfaces that people chose to the networks that are shared.
import type { GatewayLan } from "#ports/gateway.ts";
import type { Link } from "#ports/links.ts";
import type { AddressPlan } from "#protocol/addressing/member-addresses.ts";
import { prefixesOverlap } from "#protocol/addressing/prefixes.ts";
import { isLanPrefix, networkOf, type ChosenInterface } from "#protocol/addressing/shared-lans.ts";
import { isPlainName } from "#protocol/gateway/rules.ts";
import { family, prefixText, type Prefix } from "#wire/address.ts";
import { MAX_SHARED_LANS } from "#wire/control-network.ts";

/** A network of an interface that was chosen and is not shared. */
export interface LeftOut {
  readonly interfaceName: string;
  readonly prefix: Prefix | undefined;
  readonly reason: string;
}

/** The interface as it is now, to be known again by. */
export function chosenInterface(link: Link): ChosenInterface {
  return { name: link.name, networks: networksOf(link, 4) };
}

/** Is it where it was? A computer that is carried elsewhere must not open the network that it finds there. */
export function isWhereItWas(chosen: ChosenInterface, link: Link): boolean {
  const texts = (prefixes: readonly Prefix[]): string => prefixes.map(prefixText).sort().join();
  return texts(chosen.networks) === texts(networksOf(link, 4));
}

/** Why a chosen interface cannot be used now. */
export function interfaceProblem(chosen: ChosenInterface, link: Link | undefined): string | undefined {
  if (!link) return "there is no such interface now";
  if (!isPlainName(link.name)) return "its name cannot stand in a rule";
  if (!link.up || !link.running) return "it is down";
  if (!isWhereItWas(chosen, link))
    return "it is on another network than when it was chosen: choose it again, if you mean this one too";
  return undefined;
}

/** The networks behind the interfaces, and those that cannot be shared, with the reason. */
export function sharedNetworks(
  chosen: readonly ChosenInterface[],
  links: readonly Link[],
  plan: AddressPlan,
): { readonly found: readonly Omit<GatewayLan, "mapped">[]; readonly leftOut: readonly LeftOut[] } {
  const found: Omit<GatewayLan, "mapped">[] = [];
  const leftOut: LeftOut[] = [];
  for (const one of chosen) {
    const interfaceName = one.name;
    const link = links.find(({ name }) => name === interfaceName);
    const networks = link ? networksOf(link) : [];
    const reason =
      interfaceProblem(one, link) ?? (networks.length === 0 ? "it has no network now" : undefined);
    if (reason) leftOut.push({ interfaceName, prefix: undefined, reason });
    for (const prefix of reason ? [] : networks) {
      const why = networkProblem(prefix, plan, found);
      if (why) leftOut.push({ interfaceName, prefix, reason: why });
      else found.push({ interfaceName, prefix });
    }
  }
  return { found, leftOut };
}

function networkProblem(
  prefix: Prefix,
  { prefix4, prefix6 }: AddressPlan,
  found: readonly Omit<GatewayLan, "mapped">[],
): string | undefined {
  if (!isLanPrefix(prefix))
    return family(prefix.address) === 4
      ? "only private networks can be shared (10/8, 172.16/12, 192.168/16, 100.64/10)"
      : "only networks of 64 bits can be shared";
  if ([prefix4, prefix6].some((own) => prefixesOverlap(own, prefix)))
    return "the members' own addresses are in it";
  if (found.some((other) => prefixesOverlap(other.prefix, prefix)))
    return "another interface has the same network";
  return found.length === MAX_SHARED_LANS ? `${MAX_SHARED_LANS} networks can be shared at most` : undefined;
}

/** The networks that an interface is on: not its link-local ones, nor addresses that are alone. */
export function networksOf(link: Link, of?: 4 | 6): Prefix[] {
  const networks = link.addresses
    .filter(({ address }) => of === undefined || family(address) === of)
    .filter(
      ({ address, prefixLength, scope }) =>
        scope === "global" && prefixLength < (family(address) === 4 ? 31 : 127),
    )
    .map(({ address, prefixLength }) => networkOf(address, prefixLength));
  return [...new Map(networks.map((prefix) => [prefixText(prefix), prefix])).values()];
}
