import { ControlError } from "#contract/errors.ts";
import type { Member, Network } from "#contract/snapshot.ts";
import { canonicalAddress } from "#wire/address.ts";

export interface FoundMember {
  readonly network: Network;
  readonly member: Member;
}

/**
 * Whom somebody means by a number, an address of the member, its name, or a network's name (its host). Throws
 * ControlError where that is nobody, or where it is several.
 */
export function findMember(networks: readonly Network[], who: string): FoundMember {
  const all = networks.flatMap((network) => network.members.map((member) => ({ network, member })));
  const address = canonicalAddress(who);
  const readings: readonly ((one: FoundMember) => boolean)[] = [
    ({ member }) => /^\d+$/.test(who) && member.number === Number(who),
    ({ member }) => address !== undefined && member.addresses.includes(address),
    ({ member }) => member.name === who,
    ({ member }) => member.name.toLowerCase() === who.toLowerCase(),
    ({ network, member }) => network.name === who && member.role === "host",
  ];
  for (const reading of readings) {
    const found = all.filter((one) => reading(one));
    if (found.length > 1)
      throw new ControlError(
        "conflict",
        `"${who}" can be one of ${found.length} members`,
        "Use its address (castaway members list), or say which network: --network",
      );
    if (found[0]) return found[0];
  }
  const waiting = networks.find(
    ({ name, role, state }) => name === who && role === "guest" && state !== "connected",
  );
  if (waiting) throw new ControlError("unreachable", waiting.detail, "castaway doctor says more.");
  throw new ControlError("not-found", `no member "${who}"`, "See castaway members list");
}
