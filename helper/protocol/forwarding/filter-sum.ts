import { ANY_SOURCE, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";

/**
 * What many listeners want together (RFC 9776 section 3.2), kept as counts, so that one listener more or less
 * costs its own sources and not those of all the others.
 */
export class FilterSum {
  #excluding = 0;
  readonly #excluded = new Map<Address, number>();
  readonly #included = new Map<Address, number>();

  add(filter: SourceFilter): void {
    this.#count(filter, 1);
  }

  /** Takes back a filter that was added: the very same sources. */
  remove(filter: SourceFilter): void {
    this.#count(filter, -1);
  }

  merge(other: FilterSum): void {
    this.#excluding += other.#excluding;
    for (const [source, count] of other.#excluded) bump(this.#excluded, source, count);
    for (const [source, count] of other.#included) bump(this.#included, source, count);
  }

  /** undefined: nobody wants anything. */
  result(): SourceFilter | undefined {
    if (this.#excluding === 0)
      return this.#included.size > 0
        ? { mode: "include", sources: new Set(this.#included.keys()) }
        : undefined;
    if (this.#excluded.size === 0) return ANY_SOURCE;
    const sources = new Set<Address>();
    for (const [source, count] of this.#excluded)
      if (count === this.#excluding && !this.#included.has(source)) sources.add(source);
    return sources.size > 0 ? { mode: "exclude", sources } : ANY_SOURCE;
  }

  #count(filter: SourceFilter, by: 1 | -1): void {
    if (filter.mode === "exclude") this.#excluding += by;
    const counts = filter.mode === "exclude" ? this.#excluded : this.#included;
    for (const source of filter.sources) bump(counts, source, by);
  }
}

function bump(counts: Map<Address, number>, source: Address, by: number): void {
  const count = (counts.get(source) ?? 0) + by;
  if (count < 0) throw new Error(`a filter that was never added is taken back: ${source}`);
  if (count === 0) counts.delete(source);
  else counts.set(source, count);
}
