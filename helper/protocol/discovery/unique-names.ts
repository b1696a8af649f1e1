import type { ServiceData, ServiceRecord } from "#wire/control-services.ts";
import { numberedName } from "#wire/dns-name.ts";
import { dataKey } from "./mdns.ts";

/** Names tried for one that is taken. */
const MAX_NUMBER = 99;

/** One side's records: this computer's links together, or a peer. */
export interface NamedSide {
  readonly id: string;
  readonly records: Iterable<NamedRecord>;
}

/** `origin`: the member on whose link it was heard; by two ways, with two addresses, it is still the same. */
type NamedRecord = ServiceRecord & { readonly origin?: number };

/**
 * Which name each thing has for everybody here. The first side's names stay as they are (a link's own names are in
 * use there); what comes from a later one and is called the same but is something else gets a number for as long as it must.
 */
export class UniqueNames {
  /** By side, then by the name there in lower case. */
  #public = new Map<string, Map<string, string>>();
  /** By side, then by the name that everybody knows, in lower case. */
  #original = new Map<string, Map<string, string>>();

  update(sides: readonly NamedSide[]): void {
    const before = this.#public;
    this.#public = new Map();
    this.#original = new Map();
    const taken = new Map<string, Taken>(); // what is known under each name
    for (const { id, records } of sides) {
      const known = before.get(id);
      const mine = new Map<string, string>();
      const back = new Map<string, string>();
      this.#public.set(id, mine);
      this.#original.set(id, back);
      const all = [...records];
      // Places first: a service is told apart from another by where it is.
      this.#choose(thingsOf(all, isAddress), known, taken, mine, back);
      const services = thingsOf(all, isService, (target) => mine.get(target.toLowerCase()) ?? target);
      this.#choose(services, known, taken, mine, back);
    }
  }

  #choose(
    things: ReadonlyMap<string, Thing>,
    known: ReadonlyMap<string, string> | undefined,
    taken: Map<string, Taken>,
    mine: Map<string, string>,
    back: Map<string, string>,
  ): void {
    for (const [key, { name, data }] of things) {
      if (mine.has(key)) continue; // a place with a service of its own name
      const free = (candidate: string): boolean => {
        const there = taken.get(candidate.toLowerCase());
        return !back.has(candidate.toLowerCase()) && (!there || sameThing(there.data, data));
      };
      const wanted = known?.get(key);
      const chosen = free(name) ? name : wanted !== undefined && free(wanted) ? wanted : freeName(name, free);
      if (chosen === undefined) continue; // nobody could tell them apart
      const lower = chosen.toLowerCase();
      mine.set(key, chosen);
      back.set(lower, name);
      const there = taken.get(lower);
      taken.set(lower, { data: there ? new Set([...there.data, ...data]) : data });
    }
  }

  /** The name that everybody knows a side's thing by; a name that is no thing's is the same for all. */
  publicName(side: string, name: string): string {
    return this.#public.get(side)?.get(name.toLowerCase()) ?? name;
  }

  /** The other way round: what the side itself calls it. */
  originalName(side: string, name: string): string {
    return this.#original.get(side)?.get(name.toLowerCase()) ?? name;
  }

  /** The record as everybody knows it; undefined where it had to be left out. */
  publicRecord<Record extends ServiceRecord>(side: string, record: Record): Record | undefined {
    if (isThing(record.data) && !this.#public.get(side)?.has(record.name.toLowerCase())) return undefined;
    const { data } = record;
    const name = this.publicName(side, record.name);
    if (data.type !== "PTR" && data.type !== "SRV")
      return name === record.name ? record : { ...record, name };
    return { ...record, name, data: { ...data, target: this.publicName(side, data.target) } };
  }
}

/** PTR records are shared: any number of sides may have one under a name. */
function isThing(data: ServiceData): boolean {
  return data.type !== "PTR";
}

interface Thing {
  readonly name: string;
  readonly data: Set<string>;
}
type Taken = Pick<Thing, "data">;

function isAddress(data: ServiceData): boolean {
  return data.type === "A" || data.type === "AAAA";
}

function isService(data: ServiceData): boolean {
  return data.type === "SRV" || data.type === "TXT";
}

/** By name in lower case. `target`: what everybody knows a place by. */
function thingsOf(
  records: readonly NamedRecord[],
  of: (data: ServiceData) => boolean,
  target: (name: string) => string = (name) => name,
): Map<string, Thing> {
  const things = new Map<string, Thing>();
  for (const { name, data, origin } of records) {
    if (!of(data)) continue;
    const key = name.toLowerCase();
    const thing = things.get(key) ?? { name, data: new Set<string>() };
    // A TXT record tells nothing apart: many are empty.
    if (data.type === "SRV") thing.data.add(dataKey({ ...data, target: target(data.target) }));
    else if (data.type !== "TXT") thing.data.add(dataKey(data));
    if (origin !== undefined) thing.data.add(`origin ${origin}`);
    things.set(key, thing);
  }
  return things;
}

/** Something in common; or nothing known yet that would tell them apart. */
function sameThing(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size === 0 || b.size === 0) return true;
  for (const one of b) if (a.has(one)) return true;
  return false;
}

function freeName(name: string, free: (candidate: string) => boolean): string | undefined {
  for (let number = 2; number <= MAX_NUMBER; number++) {
    const candidate = numberedName(name, number);
    if (candidate === undefined) return undefined;
    if (free(candidate)) return candidate;
  }
  return undefined;
}
