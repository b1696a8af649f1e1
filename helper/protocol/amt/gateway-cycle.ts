import type { Entropy } from "#ports/entropy.ts";
import { isNothing, sameFilter, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address, Family } from "#wire/address.ts";
import type { AmtEndpoint, AmtMembershipQuery, AmtMessage } from "#wire/amt.ts";
import type { GroupRecord } from "#wire/membership-message.ts";
import { decodeMembershipPacket, encodeMembershipPacket } from "#wire/membership-packet.ts";
import { splitReport } from "#wire/membership-split.ts";
import { answerWaitMs } from "./backoff.ts";
import { currentStateRecords, stateChangeRecords } from "#protocol/membership/report-records.ts";

/** Tries of one Request before the relay counts as gone (RFC 7450 section 5.2.3.5.3 leaves the number open). */
const REQUEST_TRIES = 4;
/** The same where there is a reason to doubt that it is there. */
const DOUBTED_TRIES = 2;
const REST_MS = 120_000;
/** Between the repetitions of a report (RFC 9776 section 8.11). */
const REPORT_INTERVAL_MS = 1_000;
const DEFAULT_ROBUSTNESS = 2;
const MAX_REPETITIONS = 7;
const DEFAULT_QUERY_INTERVAL_S = 125;
/** A relay may not make us ask more often than this. */
const MIN_QUERY_INTERVAL_S = 5;
const MAX_QUERY_INTERVAL_S = 3_600;
/** Inside AMT, IP and UDP over a path of IPv6's least MTU. */
const REPORT_MTU = 1_200;
/** RFC 7450 section 4.2.2: a gateway's pseudo-interface has no address of its own. */
const REPORT_SOURCE: Readonly<Record<Family, Address>> = { 4: "0.0.0.0", 6: "::" };

export type CycleOutcome =
  /** full: the relay takes no new gateway; unanswered: it seems gone. */
  { readonly type: "rejected"; readonly reason: "full" | "unanswered" } | undefined;

/** Why a Query was not taken. */
export type QueryDrop = "wrong-nonce" | "no-query";

interface Proof {
  readonly mac: Uint8Array;
  readonly nonce: number;
  /** Where the relay sees us, if it says so. */
  readonly gateway: AmtEndpoint | undefined;
}

interface Repetition {
  records: readonly GroupRecord[];
  left: number;
  at: number;
}

/**
 * The handshake of one family of membership with one relay, again and again: Request, Query, Update (RFC 7450
 * sections 5.2.3.5 to 5.2.3.7). Nothing is sent while nothing is wanted.
 */
export class GatewayCycle {
  readonly family: Family;
  readonly #entropy: Entropy;
  readonly #wanted = new Map<Address, SourceFilter>();
  readonly #outgoing: AmtMessage[] = [];
  #request: { readonly nonce: number; tries: number; answerBy: number } | undefined;
  #isDoubted = false;
  #nextRequestAt = Infinity;
  #proof: Proof | undefined;
  #robustness = DEFAULT_ROBUSTNESS;
  #repetitions: Repetition[] = [];
  #requestedAt = 0;
  /** The last Request was one that Linux' relay takes; what was answered is how it is asked the next time. */
  #isPlain = false;
  /** From the Request to its Query, ms. */
  roundTripMs: number | undefined;

  constructor(family: Family, entropy: Entropy) {
    this.family = family;
    this.#entropy = entropy;
  }

  get wanted(): ReadonlyMap<Address, SourceFilter> {
    return this.#wanted;
  }

  /** The relay has answered and holds what is wanted. */
  get active(): boolean {
    return this.#proof !== undefined;
  }

  /** Sends now what it would have sent later: the network may have changed. `isDoubted`: the relay may be gone. */
  refresh(now: number, isDoubted = false): void {
    if (this.#wanted.size === 0) return;
    this.#isDoubted = isDoubted;
    this.#request = undefined;
    this.#nextRequestAt = now;
  }

  /** A relay was found: what is wanted is asked of it. */
  start(now: number): void {
    this.#isPlain = false;
    this.#forget();
    if (this.#wanted.size > 0) this.#nextRequestAt = now;
  }

  /** The relay has no answer for this family: it is asked again after a while. */
  rest(now: number): void {
    this.#forget();
    this.#nextRequestAt = now + REST_MS;
  }

  /** There is no relay. */
  stop(): void {
    this.#forget();
  }

  /** NOTHING, or undefined: not wanted any more. `started`: there is a relay. */
  want(group: Address, filter: SourceFilter | undefined, started: boolean, now: number): void {
    const before = this.#wanted.get(group);
    const after = filter && !isNothing(filter) ? filter : undefined;
    if (before === after || (before && after && sameFilter(before, after))) return;
    if (after) this.#wanted.set(group, after);
    else this.#wanted.delete(group);
    if (!started) return;
    if (this.#proof) this.#report(stateChangeRecords(group, before, after), now);
    else if (after && !this.#request && this.#nextRequestAt === Infinity) this.#nextRequestAt = now;
  }

  nextMessage(): AmtMessage | undefined {
    return this.#outgoing.shift();
  }

  pollTimeout(): number {
    const repetitions = this.#repetitions.map(({ at }) => at);
    return Math.min(this.#request?.answerBy ?? this.#nextRequestAt, ...repetitions);
  }

  handleTimeout(now: number): CycleOutcome {
    for (const repetition of this.#repetitions) {
      if (repetition.at > now) continue;
      this.#update(repetition.records);
      repetition.left--;
      repetition.at = now + REPORT_INTERVAL_MS;
    }
    this.#repetitions = this.#repetitions.filter(({ left }) => left > 0);
    if (this.#request && this.#request.answerBy <= now) return this.#askAgain(now);
    if (!this.#request && this.#nextRequestAt <= now) this.#ask(now);
    return undefined;
  }

  handleQuery(query: AmtMembershipQuery, now: number): CycleOutcome | QueryDrop {
    if (!this.#request || query.nonce !== this.#request.nonce) return "wrong-nonce";
    const inner = decodeMembershipPacket(query.packet);
    // A relay that does not know the P flag answers with IGMP's query; its MAC is as good.
    if ("refused" in inner || inner.message.kind !== "query" || inner.message.group !== undefined)
      return "no-query";
    // Section 5.1.4.4: it is for those who have no tunnel yet.
    if (query.full && !this.#proof) return { type: "rejected", reason: "full" };
    const { robustness, queryIntervalS } = inner.message;
    this.#robustness = robustness > 0 ? Math.min(robustness, MAX_REPETITIONS) : DEFAULT_ROBUSTNESS;
    const interval = queryIntervalS > 0 ? queryIntervalS : DEFAULT_QUERY_INTERVAL_S;
    const wait = Math.min(Math.max(interval, MIN_QUERY_INTERVAL_S), MAX_QUERY_INTERVAL_S) * 1_000;
    this.roundTripMs = now - this.#requestedAt;
    this.#request = undefined;
    this.#isDoubted = false;
    this.#nextRequestAt = this.#wanted.size > 0 ? now + wait : Infinity;
    const before = this.#proof;
    // Copied: the datagram's buffer is used again.
    this.#proof = { mac: Uint8Array.from(query.mac), nonce: query.nonce, gateway: query.gateway };
    const moved =
      before?.gateway && query.gateway && !sameGateway(before.gateway, query.gateway) ? before : undefined;
    if (moved) this.#tearDown(moved);
    const records = currentStateRecords(this.#wanted);
    // The first report to a relay, or from a new address, makes state there: it is repeated like any change.
    if (!before || moved) this.#report(records, now);
    else this.#update(records);
    return undefined;
  }

  /** Says goodbye: what we asked for is not wanted any more. */
  close(): void {
    const proof = this.#proof;
    if (proof?.gateway) this.#tearDown(proof);
    else if (proof)
      this.#update([...this.#wanted].flatMap(([group, filter]) => stateChangeRecords(group, filter)));
    this.#forget();
  }

  #forget(): void {
    this.#request = undefined;
    this.#isDoubted = false;
    this.#nextRequestAt = Infinity;
    this.#proof = undefined;
    this.#repetitions = [];
  }

  #ask(now: number): void {
    if (this.#wanted.size === 0) {
      this.#forget(); // the relay forgets us by itself
      return;
    }
    this.#request = { nonce: this.#random(), tries: 0, answerBy: 0 };
    this.#sendRequest(this.#request, now);
  }

  #askAgain(now: number): CycleOutcome {
    const request = this.#request!;
    if (request.tries >= (this.#isDoubted ? DOUBTED_TRIES : REQUEST_TRIES)) {
      this.#forget();
      return { type: "rejected", reason: "unanswered" };
    }
    this.#sendRequest(request, now);
    return undefined;
  }

  #sendRequest(request: { readonly nonce: number; tries: number; answerBy: number }, now: number): void {
    // Linux' relay looks for the MLD flag in another bit, and is silent to ours and to E.
    this.#isPlain = request.tries === 0 ? this.#isPlain : !this.#isPlain;
    const flag = this.family === 6 && this.#isPlain ? "linux" : "rfc";
    const ecn = this.#isPlain ? {} : { ecn: true };
    this.#outgoing.push({ kind: "request", nonce: request.nonce, family: this.family, flag, ...ecn });
    this.#requestedAt = now;
    request.answerBy = now + answerWaitMs(request.tries++, this.#random() / 2 ** 32);
  }

  #report(records: readonly GroupRecord[], now: number): void {
    if (records.length === 0) return;
    this.#update(records);
    // What was still to be repeated of an older state of the same groups would undo this.
    const groups = new Set(records.map(({ group }) => group));
    for (const repetition of this.#repetitions)
      repetition.records = repetition.records.filter(({ group }) => !groups.has(group));
    this.#repetitions = this.#repetitions.filter((repetition) => repetition.records.length > 0);
    if (this.#robustness > 1)
      this.#repetitions.push({ records, left: this.#robustness - 1, at: now + REPORT_INTERVAL_MS });
  }

  #update(records: readonly GroupRecord[]): void {
    const proof = this.#proof;
    if (!proof) return;
    for (const report of splitReport(records, this.family, REPORT_MTU))
      this.#outgoing.push({
        kind: "membership-update",
        mac: proof.mac,
        nonce: proof.nonce,
        packet: encodeMembershipPacket(report, REPORT_SOURCE[this.family]),
      });
  }

  #tearDown({ mac, nonce, gateway }: Proof): void {
    if (!gateway) return;
    for (let i = 0; i < this.#robustness; i++) this.#outgoing.push({ kind: "teardown", mac, nonce, gateway });
  }

  #random(): number {
    const { buffer, byteOffset } = this.#entropy.bytes(4);
    return new DataView(buffer, byteOffset).getUint32(0);
  }
}

function sameGateway(a: AmtEndpoint, b: AmtEndpoint): boolean {
  return a.address === b.address && a.port === b.port;
}
