import { sameFilter, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import type { GroupRecord, MembershipVersion } from "#wire/membership-message.ts";
import { expire, filterOf, newGroupState, nextExpiry } from "./group-state.ts";
import { applyRecord } from "./report-actions.ts";
import { applySingleHostRecord } from "./single-host-actions.ts";
import { SpecificQueries, type LastMemberTiming, type SpecificQuery } from "./specific-queries.ts";

const NO_SOURCES: ReadonlySet<Address> = new Set();

/** Whose hosts are here: RFC 9776 section 7.3.2. */
export interface HostTiming {
  readonly now: number;
  readonly groupMembershipMs: number; // also the Older Host Present Interval
}

/** One group on one vif: state, compatibility mode, questions under way, and what was last said of it. */
export class Group {
  readonly address: Address;
  readonly state = newGroupState();
  readonly #queries: SpecificQueries;
  #version1Until = -Infinity;
  #version2Until = -Infinity;
  #told: SourceFilter | undefined;
  #dueAt: number | undefined; // undefined: to be looked up again

  constructor(address: Address, lastMember: LastMemberTiming) {
    this.address = address;
    this.#queries = new SpecificQueries(lastMember);
  }

  get isGone(): boolean {
    return this.state.mode === "include" && this.state.requested.size === 0;
  }

  /** Group Compatibility Mode: the lowest version that a host of late has shown. */
  version(now: number): MembershipVersion {
    if (this.#version1Until > now) return 1;
    return this.#version2Until > now ? 2 : 3;
  }

  /** A version 1 or 2 report stands for IS_EX({}). */
  handleOldReport(version: 1 | 2, singleHost: boolean, { now, groupMembershipMs }: HostTiming): void {
    this.#dueAt = undefined;
    if (version === 1) this.#version1Until = now + groupMembershipMs;
    else this.#version2Until = now + groupMembershipMs;
    const gmi = now + groupMembershipMs;
    if (singleHost) applySingleHostRecord(this.state, "is-exclude", NO_SOURCES, gmi);
    else applyRecord(this.state, "is-exclude", NO_SOURCES, gmi);
  }

  /** A version 3 record, or a leave as TO_IN({}). Returns the queries to be sent at once where `querier`. */
  handleRecord(
    type: GroupRecord["type"],
    sources: ReadonlySet<Address>,
    singleHost: boolean,
    querier: boolean,
    { now, groupMembershipMs }: HostTiming,
  ): SpecificQuery[] {
    this.#dueAt = undefined;
    const version = this.version(now);
    if (version < 3 && type === "block") return [];
    if (version === 1 && type === "to-include") return [];
    const named = version < 3 && type === "to-exclude" ? NO_SOURCES : sources;

    const gmi = now + groupMembershipMs;
    if (singleHost) {
      applySingleHostRecord(this.state, type, named, gmi);
      return [];
    }
    const wanted = applyRecord(this.state, type, named, gmi);
    if (!querier) return []; // the router that asks has heard the report too
    return [
      ...(wanted.group ? this.#queries.askGroup(this.state, now) : []),
      ...this.#queries.askSources(this.state, wanted.sources, now),
    ];
  }

  /** Section 6.6.1: another router asks without the S flag, so who does not answer within LMQT is gone. */
  lowerTimers(sources: readonly Address[], deadline: number): void {
    this.#dueAt = undefined;
    const { state } = this;
    if (sources.length === 0) state.groupTimer = Math.min(state.groupTimer, deadline);
    for (const source of sources) {
      const timer = state.requested.get(source);
      if (timer !== undefined) state.requested.set(source, Math.min(timer, deadline));
    }
  }

  /** Nobody could be heard for `ms`: no timer ran. */
  postpone(ms: number): void {
    this.#dueAt = undefined;
    const { state } = this;
    state.groupTimer += ms;
    for (const [source, deadline] of state.requested) state.requested.set(source, deadline + ms);
    this.#version1Until += ms;
    this.#version2Until += ms;
  }

  /** Returns the retransmissions that are due. */
  handleTimeout(now: number): SpecificQuery[] {
    this.#dueAt = undefined;
    expire(this.state, now);
    return this.isGone ? [] : this.#queries.handleTimeout(this.state, now);
  }

  /** Another router asks now. */
  cancelQueries(): void {
    this.#dueAt = undefined;
    this.#queries.cancel();
  }

  get dueAt(): number {
    this.#dueAt ??= Math.min(nextExpiry(this.state), this.#queries.dueAt);
    return this.#dueAt;
  }

  /** The filter where it is another than the last time; undefined in it: no listener is left. */
  takeChange(): { readonly filter: SourceFilter | undefined } | undefined {
    const filter = filterOf(this.state);
    const before = this.#told;
    if (before === filter || (before && filter && sameFilter(before, filter))) return undefined;
    this.#told = filter;
    return { filter };
  }
}
