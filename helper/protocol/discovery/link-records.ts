import type { ServiceRecord } from "#wire/control-services.ts";
import { recordKey, type MdnsMessage, type MdnsQuestion, type MdnsSource } from "./mdns.ts";

/** Records of one link, and of one sender on it: nobody who floods pushes the others out. */
const MAX_RECORDS = 1_024;
const MAX_FROM_ONE = 256;
/** RFC 6762 section 10: longer than any sensible TTL, and what a wrong clock may ask for. */
const MAX_TTL = 4_500;
/** RFC 6762 section 10.2: an older record of the set goes a second after the newer one came. */
const FLUSH_MS = 1_000;
/** RFC 6762 section 5.2: asked for again at 80 and 90 % of its life. */
const RENEW_AT = [0.8, 0.9] as const;

export interface LinkRecord {
  readonly record: ServiceRecord;
  readonly from: string;
  /** Heard from this computer or, on a link that is shared whole, from anybody: it may cross. */
  readonly shared: boolean;
  readonly heardAt: number;
  expiresAt: number;
  renewed: number; // times
}

export interface LinkRecordDrops {
  full: number;
}

/** What was heard on one link, for as long as it is good. */
export class LinkRecords {
  readonly drops: LinkRecordDrops = { full: 0 };
  readonly #records = new Map<string, LinkRecord>();
  readonly #fromOne = new Map<string, number>();
  /** Keys of records, by their name in lower case. */
  readonly #named = new Map<string, Set<string>>();

  get size(): number {
    return this.#records.size;
  }

  values(): Iterable<LinkRecord> {
    return this.#records.values();
  }

  get(key: string): LinkRecord | undefined {
    return this.#records.get(key);
  }

  has(key: string): boolean {
    return this.#records.has(key);
  }

  /** Does the message change what is known? Renewing alone does not. */
  hear(message: MdnsMessage, source: MdnsSource, shared: boolean, now: number): boolean {
    let changed = false;
    for (const { unique, ...record } of message.records) {
      const key = recordKey(record);
      if (record.ttl === 0) changed = this.#delete(key) || changed;
      else {
        const ttl = Math.min(record.ttl, MAX_TTL);
        changed = this.#put(key, { ...record, ttl }, source.address, shared, now) || changed;
      }
      if (unique) this.#flushOthers(key, record, now);
    }
    return changed;
  }

  /** Forgets what is over. Returns whether there was anything. */
  expire(now: number): boolean {
    let any = false;
    for (const [key, { expiresAt }] of this.#records) if (expiresAt <= now) any = this.#delete(key) || any;
    return any;
  }

  /** What should be asked for again, so that it does not run out. */
  toRenew(now: number, most: number): MdnsQuestion[] {
    const questions = new Map<string, MdnsQuestion>();
    for (const entry of this.#records.values()) {
      if (questions.size >= most) break;
      if (!entry.shared || renewalAt(entry) > now) continue;
      entry.renewed++;
      const { name, data } = entry.record;
      questions.set(`${name.toLowerCase()} ${data.type}`, { name, type: data.type });
    }
    return [...questions.values()];
  }

  /** When `expire` or `toRenew` have something to do. */
  pollTimeout(): number | undefined {
    let earliest = Infinity;
    for (const entry of this.#records.values())
      earliest = Math.min(earliest, entry.expiresAt, entry.shared ? renewalAt(entry) : Infinity);
    return earliest === Infinity ? undefined : earliest;
  }

  #put(key: string, record: ServiceRecord, from: string, shared: boolean, now: number): boolean {
    const old = this.#records.get(key);
    if (!old) {
      const fromOne = this.#fromOne.get(from) ?? 0;
      if (this.#records.size >= MAX_RECORDS || fromOne >= MAX_FROM_ONE) {
        this.drops.full++;
        return false;
      }
      this.#fromOne.set(from, fromOne + 1);
      const name = record.name.toLowerCase();
      this.#named.set(name, (this.#named.get(name) ?? new Set()).add(key));
    }
    const entry = {
      record,
      from: old?.from ?? from,
      shared: shared || (old?.shared ?? false),
      heardAt: now,
      expiresAt: now + record.ttl * 1000,
      renewed: 0,
    };
    this.#records.set(key, entry);
    return !old || old.shared !== entry.shared || old.record.ttl !== record.ttl;
  }

  #flushOthers(key: string, { name, data }: ServiceRecord, now: number): void {
    for (const other of this.#named.get(name.toLowerCase()) ?? []) {
      const entry = this.#records.get(other)!;
      if (other === key || entry.record.data.type !== data.type) continue;
      if (now - entry.heardAt > FLUSH_MS) entry.expiresAt = Math.min(entry.expiresAt, now + FLUSH_MS);
    }
  }

  #delete(key: string): boolean {
    const entry = this.#records.get(key);
    if (!entry) return false;
    this.#records.delete(key);
    const name = entry.record.name.toLowerCase();
    const named = this.#named.get(name);
    named?.delete(key);
    if (named?.size === 0) this.#named.delete(name);
    const left = (this.#fromOne.get(entry.from) ?? 1) - 1;
    if (left > 0) this.#fromOne.set(entry.from, left);
    else this.#fromOne.delete(entry.from);
    return true;
  }
}

function renewalAt({ record, heardAt, renewed }: LinkRecord): number {
  const share = RENEW_AT[renewed];
  return share === undefined ? Infinity : heardAt + record.ttl * 1000 * share;
}
