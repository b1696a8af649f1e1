import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Querier } from "#protocol/membership/querier.ts";
import { QUERIER_DEFAULTS, type QuerierOptions } from "#protocol/membership/querier-options.ts";
import {
  NOTHING,
  isNothing,
  mergeFilters,
  sameFilter,
  wantsSource,
  type SourceFilter,
} from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import type { GroupRecord, MembershipQuery } from "#wire/membership-message.ts";

// Hosts that follow RFC 9776 section 5 on one link with the querier, and change their minds at random. What the
// querier says must always cover what each host wants, and be just the sum of it once things are quiet.

const G = "239.1.2.3";
const SOURCES = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const OTHER_SOURCE = "10.9.9.9";

/** What a host says when its filter changes (section 5.1). */
function stateChange(before: SourceFilter, after: SourceFilter): GroupRecord[] {
  const named = (type: GroupRecord["type"], sources: Iterable<Address>): GroupRecord => ({
    type,
    group: G,
    sources: [...sources],
  });
  if (before.mode !== after.mode)
    return [named(after.mode === "exclude" ? "to-exclude" : "to-include", after.sources)];
  const [more, less] = after.mode === "include" ? [after, before] : [before, after];
  const allowed = [...more.sources].filter((source) => !less.sources.has(source));
  const blocked = [...less.sources].filter((source) => !more.sources.has(source));
  return [
    ...(allowed.length > 0 ? [named("allow", allowed)] : []),
    ...(blocked.length > 0 ? [named("block", blocked)] : []),
  ];
}

/** What a host answers a query (section 5.2); undefined: nothing. */
function answer(filter: SourceFilter, query: MembershipQuery): GroupRecord | undefined {
  if (isNothing(filter)) return undefined;
  if (query.sources.length === 0)
    return {
      type: filter.mode === "include" ? "is-include" : "is-exclude",
      group: G,
      sources: [...filter.sources],
    };
  const sources = query.sources.filter((source) => wantsSource(filter, source));
  return sources.length > 0 ? { type: "is-include", group: G, sources } : undefined;
}

class Link {
  readonly querier: Querier;
  readonly hosts: SourceFilter[];
  told: SourceFilter = NOTHING;
  now = 0;
  #answers: { at: number; host: number; query: MembershipQuery }[] = [];

  constructor(hosts: number, options: Partial<QuerierOptions>) {
    this.hosts = Array.from({ length: hosts }, () => NOTHING);
    this.querier = new Querier(
      { ...QUERIER_DEFAULTS, family: 4, ownAddress: "192.0.2.1", fastLeave: false, ...options },
      0,
    );
  }

  change(host: number, filter: SourceFilter): void {
    const records = stateChange(this.hosts[host]!, filter);
    this.hosts[host] = filter;
    for (const record of records) this.#report(host, record);
  }

  /** Lets time pass; hosts answer late but within the time they are given. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = this.querier.pollTimeout() ?? Infinity;
      const next = this.#answers[0];
      if (Math.min(due, next?.at ?? Infinity) > end) break;
      if (next && next.at <= due) {
        this.#answers.shift();
        this.now = next.at;
        const record = answer(this.hosts[next.host]!, next.query);
        if (record) this.#report(next.host, record);
      } else {
        this.now = Math.max(this.now, due);
        this.querier.handleTimeout(this.now);
        this.#collect();
      }
      this.covers();
    }
    this.now = end;
  }

  sum(): SourceFilter {
    return this.hosts.reduce(mergeFilters, NOTHING);
  }

  covers(): void {
    for (const source of [...SOURCES, OTHER_SOURCE])
      if (this.hosts.some((filter) => wantsSource(filter, source)))
        expect(wantsSource(this.told, source), `${source} is wanted at ${this.now}`).toBe(true);
  }

  #report(host: number, record: GroupRecord): void {
    const from = `192.0.2.${100 + host}`;
    this.querier.handleMessage({ kind: "report", version: 3, records: [record] }, from, this.now);
    this.#collect();
  }

  #collect(): void {
    for (let command; (command = this.querier.nextCommand());) {
      if (command.type === "listeners") this.told = command.filter ?? NOTHING;
      else
        for (const host of this.hosts.keys()) {
          const late = Math.floor((command.message.maxResponseMs * (host + 1)) / (this.hosts.length + 1));
          this.#answers.push({ at: this.now + late, host, query: command.message });
        }
    }
    this.#answers.sort((a, b) => a.at - b.at);
  }
}

const filter: fc.Arbitrary<SourceFilter> = fc.record({
  mode: fc.constantFrom("include" as const, "exclude" as const),
  sources: fc.subarray(SOURCES).map((sources) => new Set(sources)),
});
const steps = (hosts: number): fc.Arbitrary<{ host: number; filter: SourceFilter; wait: number }[]> =>
  fc.array(
    fc.record({
      host: fc.integer({ min: 0, max: hosts - 1 }),
      filter,
      wait: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 300_000 })),
    }),
    { maxLength: 30 },
  );

test("whatever several hosts do, the filter covers each of them, and is their sum in the end", () => {
  fc.assert(
    fc.property(steps(3), (changes) => {
      const link = new Link(3, {});
      for (const { host, filter, wait } of changes) {
        link.change(host, filter);
        link.covers();
        link.pass(wait);
      }
      link.pass(3 * 260_000);
      expect(link.told).toEqual(link.sum());
    }),
    { numRuns: 300 },
  );
});

test("with one host and fast leave the filter is the host's at every moment", () => {
  fc.assert(
    fc.property(steps(1), (changes) => {
      const link = new Link(1, { fastLeave: true });
      for (const { filter, wait } of changes) {
        link.change(0, filter);
        expect(sameFilter(link.told, filter)).toBe(true);
        link.pass(wait);
        expect(sameFilter(link.told, filter)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

test("reports at random, that no host would send: never a throw, and silence ends everything", () => {
  const record = fc.record({
    type: fc.constantFrom(
      "is-include" as const,
      "is-exclude" as const,
      "to-include" as const,
      "to-exclude" as const,
      "allow" as const,
      "block" as const,
    ),
    group: fc.constantFrom(G, "239.1.2.4", "224.0.0.1", "8.8.8.8", "ff1e::1"),
    sources: fc.array(fc.constantFrom(...SOURCES, "224.1.1.1", "::1")),
  });
  const old = fc.record({
    kind: fc.constant("report-old" as const),
    version: fc.constantFrom(1 as const, 2 as const),
    group: fc.constant(G),
  });
  const message = fc.oneof(
    fc.array(record).map((records) => ({ kind: "report" as const, version: 3 as const, records })),
    old,
    fc.constant({ kind: "leave" as const, group: G }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(message, fc.integer({ min: 0, max: 5000 })), { maxLength: 60 }),
      fc.boolean(),
      (messages, fastLeave) => {
        const link = new Link(0, { fastLeave });
        for (const [message, wait] of messages) {
          link.querier.handleMessage(message, "192.0.2.9", link.now);
          link.pass(wait);
        }
        link.pass(2 * 260_000);
        expect(link.querier.dump(link.now).groups).toEqual([]);
        expect(link.querier.pollTimeout()).toBeGreaterThan(link.now);
      },
    ),
    { numRuns: 200 },
  );
});
