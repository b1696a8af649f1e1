import { describe, expect, test } from "vitest";
import { FanOutTable } from "#fastpath/amt/fan-out-table.ts";
import { FAN_OUT_LIMITS, RelayFanOut, type FanOutLimits } from "#protocol/amt/relay-fan-out.ts";
import { isRelayed } from "#protocol/amt/relay-scope.ts";
import { writeAddressWords } from "#protocol/forwarding/address-words.ts";
import {
  ANY_SOURCE,
  mergeFilters,
  NOTHING,
  sameFilter,
  wantsSource,
  type SourceFilter,
} from "#protocol/membership/source-filter.ts";
import { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

const include = (...sources: string[]): SourceFilter => ({ mode: "include", sources: new Set(sources) });
const exclude = (...sources: string[]): SourceFilter => ({ mode: "exclude", sources: new Set(sources) });

/** Both ends of what the relay keeps: the slow path's, and the table that the fast path looks packets up in. */
class Ends {
  readonly fanOut: RelayFanOut;
  readonly table = new FanOutTable(0x1234_5678);
  /** What was told of the sum, by group. */
  readonly sums = new Map<string, SourceFilter>();

  constructor(limits: FanOutLimits = FAN_OUT_LIMITS) {
    this.fanOut = new RelayFanOut(limits);
  }

  /** Returns how many groups' sums were told of. */
  drain(): number {
    const changes = this.fanOut.drainChanges();
    if (changes) this.table.apply(changes);
    const wants = this.fanOut.drainWants();
    for (const { group, filter } of wants)
      if (filter) this.sums.set(group, filter);
      else this.sums.delete(group);
    return wants.length;
  }

  /** The gateways that get a packet, each as often as it does. */
  recipients(group: string, source: string): number[] {
    const key = new Uint32Array(8);
    writeAddressWords(key, 0, group);
    writeAddressWords(key, 4, source);
    if (!this.table.find(key)) return [];
    const any = this.table.list(this.table.any);
    const named = this.table.list(this.table.named);
    const ids = (list: typeof any): number[] => (list ? [...list.ids.subarray(0, list.count)] : []);
    return [...ids(any).filter((id) => !this.table.isExcepted(id)), ...ids(named)].sort((a, b) => a - b);
  }
}

describe("the fan-out", () => {
  test("random joins and leaves of many gateways, against a model that looks at everybody", () => {
    const seeded = new SeededRandom(20_261_121);
    const random = (): number => seeded.below(1_000) / 1_000;
    const pick = <T>(of: readonly T[]): T => seeded.pick(of);
    const groups = ["232.1.1.1", "232.1.1.2", "226.3.3.3", "ff3e::1", "ff1e::7"];
    const sourcesOf = (group: string): string[] =>
      Array.from({ length: 6 }, (_, i) => (group.includes(":") ? `2001:db8::${i + 1}` : `192.0.2.${i + 1}`));
    const gateways = Array.from({ length: 40 }, (_, i) => i + 1);
    const ends = new Ends();
    const model = new Map<string, Map<number, SourceFilter>>(groups.map((group) => [group, new Map()]));
    for (let step = 0; step < 6_000; step++) {
      const group = pick(groups);
      const gateway = pick(gateways);
      const sources = sourcesOf(group).filter(() => random() < 0.4);
      const filter = random() < 0.3 ? undefined : random() < 0.5 ? include(...sources) : exclude(...sources);
      ends.fanOut.set(gateway, group, filter);
      if (filter && !sameFilter(filter, NOTHING)) model.get(group)!.set(gateway, filter);
      else model.get(group)!.delete(gateway);
      if (random() < 0.7) continue; // what changes between two drains may change more than once
      ends.drain();
      const looked = pick(groups);
      const filters = model.get(looked)!;
      for (const source of [...sourcesOf(looked), looked.includes(":") ? "2001:db8::99" : "192.0.2.99"]) {
        const wanted = [...filters].filter(([, one]) => wantsSource(one, source)).map(([id]) => id);
        expect(ends.recipients(looked, source)).toEqual(wanted.sort((a, b) => a - b));
      }
      const sum = [...filters.values()].reduce<SourceFilter>(mergeFilters, NOTHING);
      expect(ends.sums.get(looked) ?? NOTHING).toEqual(sum);
    }
    for (const group of groups) for (const gateway of gateways) ends.fanOut.set(gateway, group, undefined);
    ends.drain();
    expect({ groups: ends.fanOut.groups, entries: ends.fanOut.entryCount, sums: ends.sums.size }).toEqual({
      groups: 0,
      entries: 0,
      sums: 0,
    });
    for (const group of groups) expect(ends.recipients(group, sourcesOf(group)[0]!)).toEqual([]);
  });

  test("one gateway's join is a few words, however many others there are, and no news for the table", () => {
    const ends = new Ends();
    for (let group = 0; group < 100; group++)
      for (let gateway = 1; gateway <= 1_000; gateway++)
        ends.fanOut.set(gateway, `232.1.2.${group}`, include("192.0.2.1"));
    expect(ends.drain()).toBe(100);
    ends.fanOut.set(1_001, "232.1.2.50", include("192.0.2.1"));
    expect(ends.fanOut.drainChanges()).toHaveLength(3);
    expect(ends.drain()).toBe(0);
    expect(ends.fanOut.entryCount).toBe(100);
    expect([...ends.fanOut.entries()][50]).toMatchObject({ group: "232.1.2.50", gateways: 1_001 });
  });

  test("beyond the limits nothing grows, what was there stays, and it is counted", () => {
    const ends = new Ends({ maxGroups: 3, maxSourcesPerGroup: 2, maxEntries: 4 });
    const { fanOut } = ends;
    fanOut.set(1, "232.0.0.1", include("192.0.2.1", "192.0.2.2", "192.0.2.3"));
    fanOut.set(2, "232.0.0.1", include("192.0.2.3"));
    expect(fanOut.refusals).toEqual({ outOfScope: 0, tooManyGroups: 0, tooManySources: 2 });
    // An EXCLUDE list is cut too: who does not want a source may get it, but nobody misses what it wants.
    fanOut.set(3, "232.0.0.1", exclude("192.0.2.9"));
    fanOut.set(4, "226.0.0.2", ANY_SOURCE);
    fanOut.set(5, "226.0.0.3", ANY_SOURCE); // a fifth entry
    fanOut.set(6, "226.0.0.4", ANY_SOURCE); // a fourth group
    ends.drain();
    expect(ends.recipients("232.0.0.1", "192.0.2.1")).toEqual([1, 3]);
    expect(ends.recipients("232.0.0.1", "192.0.2.3")).toEqual([3]);
    expect(ends.recipients("232.0.0.1", "192.0.2.9")).toEqual([3]);
    expect(ends.recipients("226.0.0.2", "192.0.2.1")).toEqual([4]);
    expect(ends.recipients("226.0.0.3", "192.0.2.1")).toEqual([]);
    expect(fanOut.entryCount).toBe(4);
    expect(fanOut.refusals).toEqual({ outOfScope: 0, tooManyGroups: 1, tooManySources: 4 });
  });

  test("a group that is out of scope is nobody's, also where it was admitted before", () => {
    const ends = new Ends();
    ends.fanOut.set(1, "239.1.1.1", ANY_SOURCE, true);
    ends.fanOut.set(2, "239.1.1.1", ANY_SOURCE, false);
    ends.fanOut.set(1, "239.1.1.1", include("192.0.2.1"), false);
    ends.drain();
    expect(ends.recipients("239.1.1.1", "192.0.2.1")).toEqual([]);
    expect(ends.fanOut.refusals.outOfScope).toBe(2);
    expect(ends.sums.size).toBe(0);
  });

  test.each([[[9, 0, 0]], [[3, 70_000, 1]], [[0]]])("words that are no change: %j", (words) => {
    expect(() => new FanOutTable(1).apply(Uint32Array.from(words))).toThrow(RangeError);
  });
});

describe("which groups gateways may have", () => {
  test.each([
    ["232.1.1.1", true],
    ["226.1.1.1", true],
    ["239.1.1.1", false],
    ["ff3e::1", true],
    ["ff1e::1", true],
    ["ff05::1", false],
    ["ff08::1", false],
  ])("%s: %s", (group, relayed) => {
    expect(isRelayed(group, false)).toBe(relayed);
    expect(isRelayed(group, true)).toBe(true);
  });
});
