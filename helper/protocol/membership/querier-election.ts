import { addressBytes, type Address } from "#wire/address.ts";
import type { MembershipQuery, MembershipVersion } from "#wire/membership-message.ts";
import { otherQuerierPresentMs, type QuerierTiming } from "./querier-options.ts";

/** Another router that asks on this vif, because its address is lower. */
export interface OtherQuerier {
  readonly address: Address;
  readonly version: MembershipVersion;
  readonly timing: QuerierTiming;
  /** When it counts as gone, ms. */
  readonly expiresAt: number;
}

/**
 * No longer interval is taken over: a single forged query could otherwise keep us from asking for days, and every
 * listener would be forgotten.
 */
const MAX_ADOPTED_INTERVAL_MS = 600_000;

/** RFC 9776 section 6.6.2: the lowest address asks, the others listen and take over its timing (4.1.6, 4.1.7). */
export class QuerierElection {
  readonly #configured: QuerierTiming;
  #other: OtherQuerier | undefined;

  constructor(configured: QuerierTiming) {
    this.#configured = configured;
  }

  get other(): OtherQuerier | undefined {
    return this.#other;
  }

  /** The elected querier's robustness and interval, or our own. */
  get timing(): QuerierTiming {
    return this.#other?.timing ?? this.#configured;
  }

  /** Takes in a query; returns whether its sender is (now) the elected querier. `from` is not unspecified. */
  handleQuery(query: MembershipQuery, from: Address, own: Address | undefined, now: number): boolean {
    const rival = this.#other?.address ?? own;
    if (rival !== undefined && rival !== from && compareAddresses(rival, from) < 0) return false;
    const timing = {
      robustness: query.robustness || this.#configured.robustness,
      queryIntervalMs:
        Math.min(query.queryIntervalS * 1000, MAX_ADOPTED_INTERVAL_MS) || this.#configured.queryIntervalMs,
      queryResponseMs: this.#configured.queryResponseMs,
    };
    this.#other = {
      address: from,
      version: query.version,
      timing,
      expiresAt: now + otherQuerierPresentMs(timing),
    };
    return true;
  }

  /** Our address changed: may we ask again? Returns whether another querier lost its place. */
  ownAddressChanged(own: Address | undefined): boolean {
    if (!this.#other || own === undefined || compareAddresses(own, this.#other.address) > 0) return false;
    this.#other = undefined;
    return true;
  }

  /** The other one could not be heard for `ms`. */
  postpone(ms: number): void {
    if (this.#other) this.#other = { ...this.#other, expiresAt: this.#other.expiresAt + ms };
  }

  /** Returns whether the other querier is gone. */
  handleTimeout(now: number): boolean {
    if (!this.#other || this.#other.expiresAt > now) return false;
    this.#other = undefined;
    return true;
  }
}

/** By the bytes, as numbers in network order. Both are of one family. */
export function compareAddresses(a: Address, b: Address): number {
  const [left, right] = [addressBytes(a), addressBytes(b)];
  for (const [i, byte] of left.entries()) if (byte !== right[i]) return byte - right[i]!;
  return 0;
}

export function isUnspecified(address: Address): boolean {
  return address === "0.0.0.0" || address === "::";
}
