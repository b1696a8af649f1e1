import type { Address } from "#wire/address.ts";
import type { SsdpDevice } from "#wire/control-discovery.ts";

/** Answers are waited for this much longer than the asker said: they have a tunnel to cross, twice. */
const LATE_MS = 3_000;
const MAX_SEARCHES = 256;
/** Answers that one search gets. */
const MAX_ANSWERS = 128;

export interface Search {
  readonly target: string;
  readonly network: string | undefined; // of the peer that asked
  readonly asker:
    | { readonly link: number; readonly to: { readonly address: Address; readonly port: number } }
    | { readonly peer: number; readonly id: number };
  readonly expiresAt: number;
  readonly seen: Set<string>;
}

/** The searches whose answers are waited for, by the number under which we asked. */
export class SsdpSearches {
  readonly #searches = new Map<number, Search>();
  #nextId = 1;
  /** Given up early, for want of room. */
  givenUp = 0;

  get size(): number {
    return this.#searches.size;
  }

  get(id: number): Search | undefined {
    return this.#searches.get(id);
  }

  values(): MapIterator<Search> {
    return this.#searches.values();
  }

  /** `mx`: seconds. */
  add(search: Omit<Search, "expiresAt" | "seen">, mx: number, now: number): number {
    if (this.#searches.size >= MAX_SEARCHES) {
      const [oldest] = this.#searches.keys();
      this.#searches.delete(oldest!);
      this.givenUp++;
    }
    const id = this.#nextId++ >>> 0;
    this.#searches.set(id, { ...search, expiresAt: now + mx * 1000 + LATE_MS, seen: new Set() });
    return id;
  }

  removeOfLink(link: number): void {
    for (const [id, { asker }] of this.#searches)
      if ("link" in asker && asker.link === link) this.#searches.delete(id);
  }

  removeOfPeer(peer: number): void {
    for (const [id, { asker }] of this.#searches)
      if ("peer" in asker && asker.peer === peer) this.#searches.delete(id);
  }

  /** Infinity: none is waited for. */
  pollTimeout(): number {
    let earliest = Infinity;
    for (const { expiresAt } of this.#searches.values()) earliest = Math.min(earliest, expiresAt);
    return earliest;
  }

  handleTimeout(now: number): void {
    for (const [id, { expiresAt }] of this.#searches) if (expiresAt <= now) this.#searches.delete(id);
  }

  clear(): void {
    this.#searches.clear();
  }
}

/** True once for each device, as long as the search may have more. */
export function isNews({ seen }: Search, device: SsdpDevice): boolean {
  const key = `${device.usn} ${device.target} ${device.location}`;
  if (seen.has(key) || seen.size >= MAX_ANSWERS) return false;
  seen.add(key);
  return true;
}

/** Does a device with this target answer the search? Of a type any later version does, too (section 1.3.3). */
export function matches(wanted: string, target: string): boolean {
  if (wanted === "ssdp:all") return true;
  const type = (text: string): string => text.toLowerCase().replace(/^(urn:.*):\d+$/, "$1");
  return type(wanted) === type(target);
}
