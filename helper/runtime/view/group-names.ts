import type { Group } from "#contract/snapshot.ts";
import { cleanName } from "#protocol/addressing/names.ts";
import { memberAddresses, type AddressPlan } from "#protocol/addressing/member-addresses.ts";
import type { GroupPurposes } from "#protocol/discovery/group-purpose.ts";
import type { Address } from "#wire/address.ts";
import type { Engine } from "../engine.ts";

type Named = Pick<Group, "name" | "nameFrom">;

/** What groups and their sources are called, for one look at them. */
export class GroupNames {
  readonly #engine: Engine;
  readonly #sources: ReadonlyMap<Address, string>;
  readonly #purposes: GroupPurposes;

  constructor(engine: Engine, purposes: GroupPurposes) {
    this.#engine = engine;
    this.#sources = sourceNames(engine);
    this.#purposes = purposes;
  }

  of(group: Address, source?: Address, port?: number): Named {
    const announced = this.#engine.announcements.known.nameOf(group, source, port);
    if (announced !== undefined) return { name: announced, nameFrom: "announcement" };
    const purpose = this.#purposes.of(group);
    return { name: purpose?.name ?? null, nameFrom: purpose?.from ?? null };
  }

  ofSource(source: Address): string | null {
    return this.#sources.get(source) ?? null;
  }
}

/**
 * Hosts that mDNS named, then this computer and the members, who have their addresses from the network's host. Nobody
 * is asked: a reverse lookup would tell a name server whom this computer listens to.
 */
function sourceNames({ discovery, hostname, networks, lans }: Engine): Map<Address, string> {
  const names = new Map<Address, string>();
  for (const [address, name] of discovery.hostNames()) {
    const clean = cleanName(name);
    if (clean !== "") names.set(address, clean);
  }
  for (const link of lans.links()) for (const own of link.addresses) names.set(own.address, hostname);
  const add = (plan: AddressPlan, number: number, name: string): void => {
    const { address6, address4 } = memberAddresses(plan, number);
    names.set(address6, name);
    names.set(address4, name);
  };
  const { hosted, joined, byFile } = networks;
  for (const { name, addresses } of byFile.config?.peers ?? []) {
    names.set(addresses.address6, name);
    names.set(addresses.address4, name);
  }
  for (const { number, name, approved } of hosted?.members.list() ?? [])
    if (approved) add(hosted!.record.plan, number, name);
  for (const { record, directory } of joined.values())
    if (record.assigned) for (const { number, name } of directory) add(record.assigned.plan, number, name);
  return names;
}
