import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import { family, isMulticast, type Address } from "#wire/address.ts";
import type { GroupRecord, MembershipMessage, MembershipQuery } from "#wire/membership-message.ts";
import { Group } from "./group.ts";
import { QuerierElection, isUnspecified } from "./querier-election.ts";
import {
  STARTUP_INTERVAL_DIVISOR,
  allSystems,
  groupMembershipMs,
  isLinkLocalGroup,
  type QuerierOptions,
} from "./querier-options.ts";
import { noDrops, type QuerierDrops } from "./querier-drops.ts";
import { querierDump, type QuerierDump } from "./querier-dump.ts";
import type { SpecificQuery } from "./specific-queries.ts";

export type QuerierCommand =
  | { readonly type: "send"; readonly destination: Address; readonly message: MembershipQuery }
  /** What the listeners on this vif want of a group; undefined: nobody listens any more. */
  | { readonly type: "listeners"; readonly group: Address; readonly filter: SourceFilter | undefined };

/**
 * The router side of IGMP or MLD on one vif (RFC 9776 section 6, RFC 9777 section 7): learns from reports what
 * the hosts want, asks them where no other router does. Bad messages are dropped and counted in `drops`.
 */
export class Querier {
  readonly drops: QuerierDrops = noDrops();
  readonly #options: QuerierOptions;
  readonly #election: QuerierElection;
  readonly #groups = new Map<Address, Group>();
  readonly #commands: QuerierCommand[] = [];
  #ownAddress: Address | undefined;
  #generalQueryAt = Infinity;
  #startupQueriesLeft = 0;
  /** The earliest deadline of a group; undefined: to be looked up again. */
  #groupsDueAt: number | undefined = Infinity;

  /** Asks from the first `handleTimeout` on, at `now`, provided that the own address is known. */
  constructor(options: QuerierOptions, now: number) {
    this.#options = options;
    this.#election = new QuerierElection(options);
    this.#ownAddress = options.ownAddress;
    this.#start(now);
  }

  get isQuerier(): boolean {
    return this.#election.other === undefined && this.#ownAddress !== undefined;
  }

  /** Does another router on the link ask in our place? */
  get hasOther(): boolean {
    return this.#election.other !== undefined;
  }

  /** undefined: not known any more. The querier starts anew with a new address. */
  setOwnAddress(address: Address | undefined, now: number): void {
    if (address === this.#ownAddress) return;
    this.#ownAddress = address;
    this.#election.ownAddressChanged(address);
    this.#start(now);
  }

  /** `from` is the packet's source address, `now` monotonic ms. */
  handleMessage(message: MembershipMessage, from: Address, now: number): void {
    if (family(from) !== this.#options.family || isMulticast(from)) this.drops.badSender++;
    else if (message.kind === "query") this.#handleQuery(message, from, now);
    else if (!this.#isHost(from)) this.drops.badSender++;
    else if (message.kind === "report") for (const record of message.records) this.#handleRecord(record, now);
    else if (message.kind === "leave")
      this.#handleRecord({ type: "to-include", group: message.group, sources: [] }, now);
    else this.#handleOldReport(message.version, message.group, now);
  }

  handleTimeout(now: number): void {
    if (this.#election.handleTimeout(now) && this.isQuerier) this.#generalQueryAt = now;
    if (this.#generalQueryAt <= now) this.#sendGeneralQuery(now);
    if (this.#earliestGroup() > now) return;
    for (const group of this.#groups.values()) {
      if (group.dueAt > now) continue;
      this.#sendSpecific(group.address, group.handleTimeout(now));
      this.#changed(group);
    }
  }

  /**
   * Nothing could be heard for `ms` up to now: this computer slept. Who listened is given the time that it had left,
   * and is asked at once, with the short response time of a start.
   */
  handleSlept(ms: number, now: number): void {
    this.#election.postpone(ms);
    for (const group of this.#groups.values()) group.postpone(ms);
    this.#groupsDueAt = undefined;
    this.#start(now);
  }

  /** When `handleTimeout` is due, ms; undefined: never. */
  pollTimeout(): number | undefined {
    const other = this.#election.other?.expiresAt ?? Infinity;
    const due = Math.min(this.#generalQueryAt, other, this.#earliestGroup());
    return due === Infinity ? undefined : due;
  }

  nextCommand(): QuerierCommand | undefined {
    return this.#commands.shift();
  }

  dump(now: number): QuerierDump {
    return querierDump(this.#groups.values(), this.#election, this.#ownAddress, { ...this.drops }, now);
  }

  #start(now: number): void {
    const asks = this.isQuerier;
    this.#generalQueryAt = asks ? now : Infinity;
    this.#startupQueriesLeft = asks ? this.#options.robustness : 0;
  }

  /** RFC 9777 section 5.2.13 wants link-local senders; the unspecified address is a host without one yet. */
  #isHost(from: Address): boolean {
    return family(from) === 4 || from === "::" || /^fe[89ab]/.test(from);
  }

  #handleQuery(query: MembershipQuery, from: Address, now: number): void {
    if (from === this.#ownAddress) return;
    if (isUnspecified(from) || !this.#isHost(from)) {
      this.drops.badSender++; // a snooping switch's 0.0.0.0 wins no election (RFC 9776 section 4.1.13)
      return;
    }
    if (!this.#election.handleQuery(query, from, this.#ownAddress, now)) {
      this.drops.notElected++;
      return;
    }
    this.#generalQueryAt = Infinity;
    this.#startupQueriesLeft = 0;
    for (const group of this.#groups.values()) group.cancelQueries();
    this.#groupsDueAt = undefined;
    const group = query.group === undefined ? undefined : this.#groups.get(query.group);
    if (!group || query.suppress) return;
    const { lastMemberQueryMs, lastMemberQueryCount } = this.#options;
    group.lowerTimers(query.sources, now + lastMemberQueryMs * lastMemberQueryCount);
  }

  #handleOldReport(version: 1 | 2, address: Address, now: number): void {
    const group = this.#admit(address, true);
    if (!group) return;
    group.handleOldReport(version, this.#options.fastLeave, this.#hostTiming(now));
    this.#changed(group);
  }

  #handleRecord(record: GroupRecord, now: number): void {
    const creates =
      record.type !== "block" && (record.sources.length > 0 || record.type.endsWith("-exclude"));
    const group = this.#admit(record.group, creates);
    if (!group) return;
    const sources = this.#admitSources(record, group);
    const { fastLeave } = this.#options;
    const timing = this.#hostTiming(now);
    const queries = group.handleRecord(record.type, sources, fastLeave, this.isQuerier, timing);
    this.#sendSpecific(group.address, queries);
    this.#changed(group);
  }

  /** The group's state, made where `creates`. */
  #admit(address: Address, creates: boolean): Group | undefined {
    const known = this.#groups.get(address);
    if (known) return known;
    if (family(address) !== this.#options.family || !isMulticast(address)) this.drops.badGroup++;
    else if (isLinkLocalGroup(address)) this.drops.linkLocalGroup++;
    else if (!creates) this.drops.nothingToLeave++;
    else if (this.#groups.size >= this.#options.maxGroups) this.drops.tooManyGroups++;
    else {
      const { lastMemberQueryMs, lastMemberQueryCount } = this.#options;
      const group = new Group(address, { intervalMs: lastMemberQueryMs, count: lastMemberQueryCount });
      this.#groups.set(address, group);
      return group;
    }
    return undefined;
  }

  /** The record's sources that can be some, no more than the group has room for. */
  #admitSources({ type, sources }: GroupRecord, group: Group): Set<Address> {
    const { requested, excluded } = group.state;
    // An EXCLUDE list takes the place of what is there, the other records add to it.
    let room = this.#options.maxSourcesPerGroup;
    if (!type.endsWith("-exclude")) room -= requested.size + excluded.size;
    const admitted = new Set<Address>();
    for (const source of sources) {
      if (admitted.has(source)) continue;
      const known = !type.endsWith("-exclude") && (requested.has(source) || excluded.has(source));
      if (family(source) !== this.#options.family || isMulticast(source) || isUnspecified(source))
        this.drops.badSource++;
      else if (!known && room <= 0) this.drops.tooManySources++;
      else {
        admitted.add(source);
        if (!known) room--;
      }
    }
    return admitted;
  }

  #changed(group: Group): void {
    const change = group.takeChange();
    if (group.isGone) this.#groups.delete(group.address);
    if (change) this.#commands.push({ type: "listeners", group: group.address, filter: change.filter });
    this.#groupsDueAt = undefined;
  }

  #hostTiming(now: number): { now: number; groupMembershipMs: number } {
    return { now, groupMembershipMs: groupMembershipMs(this.#election.timing) };
  }

  #earliestGroup(): number {
    if (this.#groupsDueAt === undefined) {
      let earliest = Infinity;
      for (const group of this.#groups.values()) earliest = Math.min(earliest, group.dueAt);
      this.#groupsDueAt = earliest;
    }
    return this.#groupsDueAt;
  }

  #sendGeneralQuery(now: number): void {
    const { queryIntervalMs, queryResponseMs, startupQueryResponseMs } = this.#options;
    const starting = this.#startupQueriesLeft > 0;
    if (starting) this.#startupQueriesLeft--;
    this.#send(undefined, starting ? startupQueryResponseMs : queryResponseMs, false, []);
    const divisor = this.#startupQueriesLeft > 0 ? STARTUP_INTERVAL_DIVISOR : 1;
    this.#generalQueryAt = now + queryIntervalMs / divisor;
  }

  #sendSpecific(group: Address, queries: readonly SpecificQuery[]): void {
    for (const { suppress, sources } of queries)
      this.#send(group, this.#options.lastMemberQueryMs, suppress, sources);
  }

  #send(
    group: Address | undefined,
    maxResponseMs: number,
    suppress: boolean,
    sources: readonly Address[],
  ): void {
    const { family, robustness, queryIntervalMs } = this.#options;
    this.#commands.push({
      type: "send",
      destination: group ?? allSystems(family),
      message: {
        kind: "query",
        version: 3,
        group,
        maxResponseMs,
        suppress,
        robustness: robustness > 7 ? 0 : robustness, // QRV has three bits, RFC 9776 section 4.1.6
        queryIntervalS: Math.round(queryIntervalMs / 1000),
        sources,
      },
    });
  }
}
