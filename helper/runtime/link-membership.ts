import { Querier } from "#protocol/membership/querier.ts";
import { QUERIER_DEFAULTS } from "#protocol/membership/querier-options.ts";
import type { PerFamily } from "#protocol/forwarding/vifs.ts";
import { currentStateRecords } from "#protocol/membership/report-records.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address, Family } from "#wire/address.ts";
import {
  decodeMembershipPacket,
  encodeMembershipPacket,
  type RefusalReason,
} from "#wire/membership-packet.ts";
import type { Timed } from "./scheduler.ts";

/** Last Member Query Interval where leaves are to be quick: RFC 9776 section 8.8 lets it be lowered for that. */
const QUICK_LEAVE_MS = 200;

export interface LinkMembershipOptions {
  /** Sources of our queries. */
  readonly ownAddress4: Address | undefined;
  readonly ownAddress6: Address | undefined;
  readonly fastLeave: boolean;
  /** Ask for 200 ms alone who else is there before a group is given up (igmpproxy's quickleave). */
  readonly quickLeave?: boolean;
  readonly now: number;
  readonly sendPacket: (packet: Uint8Array) => void;
  /** What this computer itself has joined on the link. None: nobody but us listens to what it reports. */
  readonly ownJoin?: (group: Address) => SourceFilter | undefined;
  readonly listenersChanged: (group: Address, filter: SourceFilter | undefined) => void;
}

/** The router side of IGMP and MLD on one link: complete IP packets in and out. */
export class LinkMembership implements Timed {
  readonly queriers: Readonly<Record<Family, Querier>>;
  readonly refused = new Map<RefusalReason, number>();
  readonly queriesSent: Record<Family, number> = { 4: 0, 6: 0 };
  readonly reportsReceived: Record<Family, number> = { 4: 0, 6: 0 };
  readonly #options: LinkMembershipOptions;
  readonly #ownAddress: Record<Family, Address | undefined>;

  constructor(options: LinkMembershipOptions) {
    this.#options = options;
    this.#ownAddress = { 4: options.ownAddress4, 6: options.ownAddress6 };
    const { fastLeave, quickLeave = false, now } = options;
    const both = {
      ...QUERIER_DEFAULTS,
      fastLeave,
      ...(quickLeave && { lastMemberQueryMs: QUICK_LEAVE_MS }),
    };
    this.queriers = {
      4: new Querier({ ...both, family: 4, ownAddress: options.ownAddress4 }, now),
      6: new Querier({ ...both, family: 6, ownAddress: options.ownAddress6 }, now),
    };
    this.#drain();
  }

  /** On whose behalf another router asks. */
  otherQuerier(): PerFamily {
    return { 4: this.queriers[4].hasOther, 6: this.queriers[6].hasOther };
  }

  setOwnAddress(family: Family, address: Address | undefined, now: number): void {
    if (this.#ownAddress[family] === address) return;
    this.#ownAddress[family] = address;
    this.queriers[family].setOwnAddress(address, now);
    this.#drain();
  }

  handlePacket(packet: Uint8Array, now: number): void {
    const decoded = decodeMembershipPacket(packet);
    if ("refused" in decoded) {
      this.refused.set(decoded.refused, (this.refused.get(decoded.refused) ?? 0) + 1);
      return;
    }
    if (decoded.message.kind !== "query") this.reportsReceived[decoded.family]++;
    this.queriers[decoded.family].handleMessage(decoded.message, decoded.source, now);
    this.#drain();
  }

  /** This computer has slept for `ms` up to now. */
  handleSlept(ms: number, now: number): void {
    for (const family of [4, 6] as const) this.queriers[family].handleSlept(ms, now);
    this.#drain();
  }

  pollTimeout(): number | undefined {
    return Math.min(this.queriers[4].pollTimeout() ?? Infinity, this.queriers[6].pollTimeout() ?? Infinity);
  }

  handleTimeout(now: number): void {
    for (const querier of [this.queriers[4], this.queriers[6]])
      if ((querier.pollTimeout() ?? Infinity) <= now) querier.handleTimeout(now);
    this.#drain();
  }

  #drain(): void {
    for (const family of [4, 6] as const)
      for (let command; (command = this.queriers[family].nextCommand());) {
        if (command.type === "listeners") this.#options.listenersChanged(command.group, command.filter);
        else {
          const source = this.#ownAddress[family];
          if (!source) continue;
          this.queriesSent[family]++;
          this.#options.sendPacket(encodeMembershipPacket(command.message, source, command.destination));
          if (command.message.group !== undefined) this.#answer(command.message.group, source);
        }
      }
  }

  /**
   * This computer's kernel does not hear our questions, and a snooping switch that is not answered takes the group from
   * our port, at once where it does not know us for a querier. So what the kernel has joined is reported for it.
   */
  #answer(group: Address, source: Address): void {
    const own = this.#options.ownJoin?.(group);
    if (!own) return;
    const records = currentStateRecords(new Map([[group, own]]));
    if (records.length > 0)
      this.#options.sendPacket(encodeMembershipPacket({ kind: "report", version: 3, records }, source));
  }
}
