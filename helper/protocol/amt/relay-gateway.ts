import { Group } from "#protocol/membership/group.ts";
import {
  groupMembershipMs,
  isLinkLocalGroup,
  QUERIER_DEFAULTS,
} from "#protocol/membership/querier-options.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import { TokenBucket } from "#protocol/session/load.ts";
import type { Address } from "#wire/address.ts";
import type { AmtEndpoint } from "#wire/amt.ts";
import type { MembershipMessage, RecordType } from "#wire/membership-message.ts";

/** Of one gateway. */
export const MAX_GROUPS = 64;
export const MAX_SOURCES = 64;
/** Updates a second, and at once: a gateway answers a query every two minutes, and says what changes. */
const UPDATES_PER_SECOND = 10;
const UPDATES_AT_ONCE = 60;

/** A gateway's groups are not asked about: what it says holds at once. */
const NEVER_ASKED = { intervalMs: QUERIER_DEFAULTS.lastMemberQueryMs, count: 0 };

export interface RelayTiming {
  readonly robustness: number;
  readonly queryIntervalMs: number;
  readonly queryResponseMs: number;
}

/** What a gateway wants of a group from now on; undefined in it: nothing. */
export type Listeners = { readonly group: Address; readonly filter: SourceFilter | undefined };

/** What an Update must show: that mail to the endpoint arrives there. */
export interface Proof {
  readonly mac: Uint8Array;
  readonly nonce: number;
  /** The gateway takes over congestion marks (RFC 9601). */
  readonly ecn: boolean;
}

/** What one gateway wants: it is the only host on its link, so each record holds at once. */
export class RelayGateway {
  readonly id: number;
  readonly endpoint: AmtEndpoint;
  readonly since: number;
  /** Of the last Update that was good: it stays good, because some gateways never ask for another one. */
  proof: Proof;
  /** Which of the relay's sockets it writes to. */
  socket: number;
  /** Groups and sources that went beyond the limits. */
  overLimit = 0;
  readonly #groups = new Map<Address, Group>();
  readonly #rate: TokenBucket;
  #dueAt = Infinity;

  constructor(id: number, endpoint: AmtEndpoint, socket: number, proof: Proof, now: number) {
    this.id = id;
    this.endpoint = endpoint;
    this.socket = socket;
    this.proof = proof;
    this.since = now;
    this.#rate = new TokenBucket(UPDATES_PER_SECOND, UPDATES_AT_ONCE, now);
  }

  get groups(): number {
    return this.#groups.size;
  }

  /** Nothing is wanted any more. */
  get idle(): boolean {
    return this.#groups.size === 0;
  }

  get dueAt(): number {
    return this.#dueAt;
  }

  mayUpdate(now: number): boolean {
    return this.#rate.take(now);
  }

  /** Returns what changed. */
  handleReport(message: MembershipMessage, timing: RelayTiming, now: number): Listeners[] {
    const changed: Listeners[] = [];
    const apply = (group: Address, type: RecordType, sources: readonly Address[]): void => {
      const change = this.#record(group, type, sources, timing, now);
      if (change) changed.push(change);
    };
    if (message.kind === "report")
      for (const { group, type, sources } of message.records) apply(group, type, sources);
    else if (message.kind === "report-old") apply(message.group, "is-exclude", []);
    else if (message.kind === "leave") apply(message.group, "to-include", []);
    this.#schedule();
    return changed;
  }

  handleTimeout(now: number): Listeners[] {
    const changed: Listeners[] = [];
    for (const group of this.#groups.values()) {
      if (group.dueAt > now) continue;
      group.handleTimeout(now);
      this.#settle(group, changed);
    }
    this.#schedule();
    return changed;
  }

  /** All that it wanted, for when it is gone. */
  drain(): Listeners[] {
    const gone = [...this.#groups.keys()].map((group) => ({ group, filter: undefined }));
    this.#groups.clear();
    this.#dueAt = Infinity;
    return gone;
  }

  #schedule(): void {
    this.#dueAt = Infinity;
    for (const { dueAt } of this.#groups.values()) this.#dueAt = Math.min(this.#dueAt, dueAt);
  }

  #record(
    address: Address,
    type: RecordType,
    sources: readonly Address[],
    timing: RelayTiming,
    now: number,
  ): Listeners | undefined {
    if (isLinkLocalGroup(address)) return undefined;
    let group = this.#groups.get(address);
    if (!group) {
      const asks = type === "is-exclude" || type === "to-exclude" || (type !== "block" && sources.length > 0);
      if (!asks) return undefined;
      if (this.#groups.size >= MAX_GROUPS) {
        this.overLimit++;
        return undefined;
      }
      group = new Group(address, NEVER_ASKED);
      this.#groups.set(address, group);
    }
    const fitting = this.#fitting(group, sources);
    this.overLimit += sources.length - fitting.length;
    const hosts = { now, groupMembershipMs: groupMembershipMs(timing) };
    group.handleRecord(type, new Set(fitting), true, true, hosts);
    const changed: Listeners[] = [];
    this.#settle(group, changed);
    return changed[0];
  }

  /** Those that are known already, and as many new ones as there is room for. */
  #fitting({ state }: Group, sources: readonly Address[]): readonly Address[] {
    let room = MAX_SOURCES - state.requested.size - state.excluded.size;
    return sources.filter(
      (source) => state.requested.has(source) || state.excluded.has(source) || room-- > 0,
    );
  }

  #settle(group: Group, changed: Listeners[]): void {
    const change = group.takeChange();
    if (change) changed.push({ group: group.address, filter: change.filter });
    if (group.isGone) this.#groups.delete(group.address);
  }
}
