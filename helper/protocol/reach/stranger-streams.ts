import { addressBytes, family, type Address } from "#wire/address.ts";

/** Connections that nobody has proved anything by yet. */
export const MAX_STRANGERS = 64;
export const MAX_STRANGERS_OF_ADDRESS = 8;
/** A member needs a round trip or two, a few more through TLS and a proxy. */
export const STRANGER_LIFETIME = 10_000;

interface Stranger {
  readonly source: string;
  readonly until: number;
}

/**
 * Who has connected and not proved to be a member: so many at most, so many of one address, for so long. One more
 * than there may be costs the oldest its place, as members come through in less time than strangers fill it.
 */
export class StrangerStreams {
  readonly #strangers = new Map<number, Stranger>(); // oldest first

  get size(): number {
    return this.#strangers.size;
  }

  /** False: not this one. `evicted`: that one must go for it. */
  admit(
    id: number,
    address: Address,
    now: number,
  ): { readonly admitted: boolean; readonly evicted?: number } {
    const source = sourceOf(address);
    const same = [...this.#strangers.values()].filter((stranger) => stranger.source === source);
    if (same.length >= MAX_STRANGERS_OF_ADDRESS) return { admitted: false };
    let evicted: number | undefined;
    if (this.#strangers.size >= MAX_STRANGERS) {
      [evicted] = this.#strangers.keys();
      this.#strangers.delete(evicted!);
    }
    this.#strangers.set(id, { source, until: now + STRANGER_LIFETIME });
    return { admitted: true, ...(evicted !== undefined && { evicted }) };
  }

  /** It is a stranger no more, or gone. */
  delete(id: number): void {
    this.#strangers.delete(id);
  }

  pollTimeout(): number | undefined {
    for (const { until } of this.#strangers.values()) return until;
    return undefined;
  }

  /** Whose time is over. */
  handleTimeout(now: number): number[] {
    const over: number[] = [];
    for (const [id, { until }] of this.#strangers) {
      if (until > now) break;
      over.push(id);
      this.#strangers.delete(id);
    }
    return over;
  }
}

/** An IPv6 site has 2^64 addresses to connect from. */
function sourceOf(address: Address): string {
  return family(address) === 4 ? address : addressBytes(address).subarray(0, 8).toHex();
}
