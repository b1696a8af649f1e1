// The listener's side of MLD (RFC 9777 section 6) towards the other end of a point-to-point tunnel: what all other vifs
// want is reported to it, by numbered steps and, so that any loss heals, in whole every minute.
import { currentStateRecords, stateChangeRecords } from "#protocol/membership/report-records.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import { isNothing } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import { encodeMembershipPacket } from "#wire/membership-packet.ts";
import { splitReport } from "#wire/membership-split.ts";
import type { GroupRecord } from "#wire/membership-message.ts";

/** Well within the 260 s after which a querier forgets (RFC 9777 section 9.4). */
export const REFRESH_MS = 60_000;
/** Each change is told twice (section 9.1), and queries are answered no more often. */
export const REPEAT_MS = 1_000;
const MTU = 1_280;

export class LinkReports {
  readonly #source: Address;
  readonly #wanted = new Map<Address, SourceFilter>();
  #repeat: GroupRecord[] = [];
  #repeatAt: number | undefined;
  #wholeAt: number | undefined;
  #wholeSentAt = -Infinity;
  #packets: Uint8Array[] = [];

  /** `source`: this end's link-local address. */
  constructor(source: Address) {
    this.#source = source;
  }

  /** IPv6 groups alone. `now`: ms of the driver's clock, here and below. */
  want(group: Address, filter: SourceFilter | undefined, now: number): void {
    const records = stateChangeRecords(group, this.#wanted.get(group), filter);
    if (filter && !isNothing(filter)) this.#wanted.set(group, filter);
    else this.#wanted.delete(group);
    if (records.length === 0) return;
    this.#report(records);
    this.#repeat = [...this.#repeat.filter((record) => record.group !== group), ...records];
    this.#repeatAt ??= now + REPEAT_MS;
    this.#wholeAt ??= now + REFRESH_MS;
  }

  /** The other end asks. */
  handleQuery(now: number): void {
    if (this.#wanted.size > 0)
      this.#wholeAt = Math.min(this.#wholeAt ?? Infinity, Math.max(now, this.#wholeSentAt + REPEAT_MS));
  }

  pollTimeout(): number | undefined {
    const at = Math.min(this.#repeatAt ?? Infinity, this.#wholeAt ?? Infinity);
    return at === Infinity ? undefined : at;
  }

  handleTimeout(now: number): void {
    if (this.#repeatAt !== undefined && this.#repeatAt <= now) {
      this.#repeatAt = undefined;
      this.#report(this.#repeat);
      this.#repeat = [];
    }
    if (this.#wholeAt === undefined || this.#wholeAt > now) return;
    this.#wholeSentAt = now;
    this.#wholeAt = this.#wanted.size > 0 ? now + REFRESH_MS : undefined;
    this.#report(currentStateRecords(this.#wanted));
  }

  /** Whole IPv6 packets to send. */
  takePackets(): Uint8Array[] {
    return this.#packets.splice(0);
  }

  #report(records: readonly GroupRecord[]): void {
    if (records.length === 0) return;
    for (const report of splitReport(records, 6, MTU))
      this.#packets.push(encodeMembershipPacket(report, this.#source));
  }
}
