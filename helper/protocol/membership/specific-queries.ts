import type { Address } from "#wire/address.ts";
import type { GroupState } from "./group-state.ts";

/** What a group-specific or group-and-source-specific query is to say. */
export interface SpecificQuery {
  readonly suppress: boolean;
  readonly sources: readonly Address[]; // none: group-specific
}

/** Last Member Query Interval and Count, RFC 9776 sections 8.8 and 8.9. */
export interface LastMemberTiming {
  readonly intervalMs: number;
  readonly count: number;
}

/** Sources in one query: an MLD query of so many stays below 1280 bytes. */
const MAX_SOURCES_PER_QUERY = 64;

/** Questions about one group that are being asked and asked again (RFC 9776 section 6.6.3). */
export class SpecificQueries {
  readonly #timing: LastMemberTiming;
  #groupLeft = 0;
  readonly #sourcesLeft = new Map<Address, number>();
  #dueAt = Infinity;

  constructor(timing: LastMemberTiming) {
    this.#timing = timing;
  }

  get dueAt(): number {
    return this.#dueAt;
  }

  /** "Send Q(G)", section 6.6.3.1: lowers the group timer to LMQT. Nothing where it is being asked already. */
  askGroup(state: GroupState, now: number): SpecificQuery[] {
    if (this.#groupLeft > 0) return [];
    state.groupTimer = Math.min(state.groupTimer, now + this.#lastMemberQueryTime());
    this.#groupLeft = this.#timing.count - 1;
    this.#schedule(now);
    return [{ suppress: false, sources: [] }];
  }

  /** "Send Q(G,S)", section 6.6.3.2: of those sources whose timers are above LMQT, which they are lowered to. */
  askSources(state: GroupState, sources: readonly Address[], now: number): SpecificQuery[] {
    const lowered = now + this.#lastMemberQueryTime();
    const asked = sources.filter((source) => (state.requested.get(source) ?? 0) > lowered);
    for (const source of asked) {
      state.requested.set(source, lowered);
      if (this.#timing.count > 1) this.#sourcesLeft.set(source, this.#timing.count - 1);
    }
    if (asked.length > 0) this.#schedule(now);
    return chunks(asked).map((chunk) => ({ suppress: false, sources: chunk }));
  }

  /** The retransmissions that are due. What was reported in the meantime is asked with the S flag. */
  handleTimeout(state: GroupState, now: number): SpecificQuery[] {
    if (this.#dueAt > now) return [];
    this.#dueAt = Infinity;
    const lowered = now + this.#lastMemberQueryTime();
    const queries: SpecificQuery[] = [];
    const askGroup = this.#groupLeft > 0 && state.mode === "exclude";
    if (askGroup) queries.push({ suppress: state.groupTimer > lowered, sources: [] });
    this.#groupLeft = Math.max(0, this.#groupLeft - 1);

    const refreshed: Address[] = [];
    const waiting: Address[] = [];
    for (const [source, left] of this.#sourcesLeft) {
      if (left > 1) this.#sourcesLeft.set(source, left - 1);
      else this.#sourcesLeft.delete(source);
      const deadline = state.requested.get(source);
      if (deadline !== undefined) (deadline > lowered ? refreshed : waiting).push(source);
    }
    // A group-specific query at the same time asks those with the S flag anyway.
    if (!askGroup) for (const chunk of chunks(refreshed)) queries.push({ suppress: true, sources: chunk });
    for (const chunk of chunks(waiting)) queries.push({ suppress: false, sources: chunk });
    this.#schedule(now);
    return queries;
  }

  /** Another router asks now. */
  cancel(): void {
    this.#groupLeft = 0;
    this.#sourcesLeft.clear();
    this.#dueAt = Infinity;
  }

  #lastMemberQueryTime(): number {
    return this.#timing.intervalMs * this.#timing.count;
  }

  #schedule(now: number): void {
    const pending = this.#groupLeft > 0 || this.#sourcesLeft.size > 0;
    if (pending && this.#dueAt === Infinity) this.#dueAt = now + this.#timing.intervalMs;
  }
}

function chunks(sources: readonly Address[]): Address[][] {
  const parts: Address[][] = [];
  for (let i = 0; i < sources.length; i += MAX_SOURCES_PER_QUERY)
    parts.push(sources.slice(i, i + MAX_SOURCES_PER_QUERY));
  return parts;
}
