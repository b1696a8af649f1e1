import { LinkMembership } from "#runtime/link-membership.ts";
import { QUERIER_DEFAULTS } from "#protocol/membership/querier-options.ts";
import type { Address, Family } from "#wire/address.ts";
import type { GroupRecord, MembershipMessage } from "#wire/membership-message.ts";
import { decodeMembershipPacket, encodeMembershipPacket } from "#wire/membership-packet.ts";
import { fuzzMachines, serveDeadlines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { repairPacket } from "#test/helper/wire/fuzz-ip-targets.ts";
import { KERNEL_VECTORS } from "#test/helper/wire/membership-vectors.ts";
import { fromHex } from "#test/helper/wire/round-trip.ts";

const KERNEL = KERNEL_VECTORS.map(({ hex }) => fromHex(hex));
const TYPES = ["is-include", "is-exclude", "to-include", "to-exclude", "allow", "block"] as const;
const OWN: Record<Family, Address> = { 4: "192.0.2.10", 6: "fe80::10" };

/** Packets that mean something, for more groups and sources than anybody is let have. */
function sensible(random: SeededRandom): Uint8Array {
  const family: Family = random.oneIn(2) ? 4 : 6;
  const group = (): Address =>
    family === 4
      ? `239.1.${random.below(8)}.${random.below(256)}`
      : `ff1e::${(1 + random.below(2000)).toString(16)}`;
  const source = (): Address =>
    family === 4 ? `10.0.0.${1 + random.below(200)}` : `2001:db8::${(1 + random.below(200)).toString(16)}`;
  const sources = (): Address[] => [...new Set(Array.from({ length: random.below(30) }, source))];
  const host =
    family === 4 ? `192.0.2.${1 + random.below(99)}` : `fe80::${(1 + random.below(99)).toString(16)}`;
  const record = (): GroupRecord => ({ type: random.pick(TYPES), group: group(), sources: sources() });
  const messages: MembershipMessage[] = [
    { kind: "report", version: 3, records: Array.from({ length: 1 + random.below(4) }, record) },
    { kind: "report-old", version: 2, group: group() },
    { kind: "leave", group: group() },
    {
      kind: "query",
      version: 3,
      group: random.oneIn(2) ? group() : undefined,
      maxResponseMs: 100 * random.below(100),
      suppress: random.oneIn(4),
      robustness: random.below(8),
      queryIntervalS: random.below(200),
      sources: [],
    },
  ];
  const message = random.oneIn(50) ? messages[3]! : random.pick(messages.slice(0, 3));
  return encodeMembershipPacket(message, host);
}

class Link implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #membership: LinkMembership;
  readonly #listening = new Set<Address>();
  #now = 0;

  constructor(random: SeededRandom, fastLeave: boolean) {
    this.#random = random;
    this.#membership = new LinkMembership({
      ownAddress4: OWN[4],
      ownAddress6: OWN[6],
      fastLeave,
      now: 0,
      sendPacket: (packet) => {
        const sent = decodeMembershipPacket(packet);
        if ("refused" in sent) throw new Error(`we sent what nobody takes: ${sent.refused}`);
      },
      listenersChanged: (group, filter) => {
        if (filter) this.#listening.add(group);
        else this.#listening.delete(group);
      },
    });
  }

  step(): boolean {
    const random = this.#random;
    const packet = random.oneIn(2) ? mutate(random, KERNEL) : mutate(random, [sensible(random)]);
    if (!random.oneIn(4)) repairPacket(packet);
    const before = sum(this.#membership.refused.values());
    this.#membership.handlePacket(packet, this.#now);
    if (random.oneIn(200)) this.#membership.setOwnAddress(4, random.oneIn(2) ? undefined : OWN[4], this.#now);
    this.#now += random.below(20);
    serveDeadlines(this.#membership, this.#now);
    return sum(this.#membership.refused.values()) === before;
  }

  held() {
    const { queriers } = this.#membership;
    const dumps = [queriers[4].dump(this.#now), queriers[6].dump(this.#now)];
    const groups = dumps.flatMap((dump) => dump.groups);
    return {
      groups: [Math.max(...dumps.map((dump) => dump.groups.length)), QUERIER_DEFAULTS.maxGroups],
      sources: [
        Math.max(0, ...groups.map(({ requested, excluded }) => requested.length + excluded.length)),
        QUERIER_DEFAULTS.maxSourcesPerGroup,
      ],
      "groups that were told of": [this.#listening.size, groups.length],
      "reasons for refusing": [this.#membership.refused.size, 16],
    } as const;
  }

  settle(): void {
    for (let i = 0; i < 120; i++) {
      this.#now += 60_000;
      serveDeadlines(this.#membership, this.#now);
    }
  }

  left() {
    const { queriers } = this.#membership;
    return {
      listeners: this.#listening.size,
      groups: queriers[4].dump(this.#now).groups.length + queriers[6].dump(this.#now).groups.length,
      "queriers that ask nobody": Number(!queriers[6].isQuerier),
    };
  }
}

function sum(counts: Iterable<number>): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

fuzzMachines([
  { name: "the querier of a LAN", start: (random) => new Link(random, false) },
  { name: "the querier of the TUN", start: (random) => new Link(random, true) },
]);
