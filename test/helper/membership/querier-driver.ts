import { expect } from "vitest";
import { Querier, type QuerierCommand } from "#protocol/membership/querier.ts";
import { QUERIER_DEFAULTS, type QuerierOptions } from "#protocol/membership/querier-options.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import type {
  GroupRecord,
  MembershipMessage,
  MembershipQuery,
  RecordType,
} from "#wire/membership-message.ts";

export const OWN = "192.0.2.10";
export const HOST = "192.0.2.50";
export const G = "239.1.2.3";
export const GMI = 260_000;

/** A querier under simulated time: inputs at times, and everything that comes out with the time it came. */
export class Driver {
  readonly querier: Querier;
  now = 0;
  #out: string[] = [];
  wakeUps = 0;

  constructor(options: Partial<QuerierOptions> = {}) {
    this.querier = new Querier(
      { ...QUERIER_DEFAULTS, family: 4, ownAddress: OWN, fastLeave: false, ...options },
      0,
    );
  }

  /** Lets time pass; every deadline on the way is served when it is due, and must be no false alarm. */
  at(time: number): this {
    expect(time).toBeGreaterThanOrEqual(this.now);
    for (;;) {
      const due = this.querier.pollTimeout();
      if (due === undefined || due > time) break;
      this.now = Math.max(this.now, due);
      this.querier.handleTimeout(this.now);
      this.wakeUps++;
      this.#collect();
      const next = this.querier.pollTimeout();
      if (next !== undefined) expect(next, "a deadline that was served stays").toBeGreaterThan(this.now);
    }
    this.now = time;
    return this;
  }

  receive(message: MembershipMessage, from: Address = HOST): this {
    this.querier.handleMessage(message, from, this.now);
    this.#collect();
    return this;
  }

  report(type: RecordType, sources: readonly Address[] = [], group: Address = G, from: Address = HOST): this {
    return this.receive(report({ type, group, sources }), from);
  }

  /** What came out since the last call, and nothing else. */
  expect(...lines: string[]): this {
    expect(this.#out).toEqual(lines);
    this.#out = [];
    return this;
  }

  /** Past the startup queries, the queue empty. */
  settled(): this {
    this.at(40_000);
    this.#out = [];
    return this;
  }

  #collect(): void {
    for (let command; (command = this.querier.nextCommand());)
      this.#out.push(`${this.now} ${describe(command)}`);
  }
}

export function report(...records: GroupRecord[]): MembershipMessage {
  return { kind: "report", version: 3, records };
}

export function query(fields: Partial<MembershipQuery> = {}): MembershipQuery {
  return {
    kind: "query",
    version: 3,
    group: undefined,
    maxResponseMs: 10_000,
    suppress: false,
    robustness: 2,
    queryIntervalS: 125,
    sources: [],
    ...fields,
  };
}

export function filterText(filter: SourceFilter | undefined): string {
  return filter ? `${filter.mode}(${[...filter.sources].sort().join(" ")})` : "nobody";
}

function describe(command: QuerierCommand): string {
  if (command.type === "listeners") return `${command.group} ${filterText(command.filter)}`;
  const { message, destination } = command;
  const what =
    message.group === undefined
      ? "general"
      : `${message.group}${message.sources.map((s) => ` ${s}`).join("")}`;
  return `query ${what}${message.suppress ? " S" : ""} in ${message.maxResponseMs} to ${destination}`;
}
