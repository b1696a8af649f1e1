import type { AmtJoin } from "#contract/amt.ts";
import type { Entropy } from "#ports/entropy.ts";
import type { Log } from "#ports/log.ts";
import type { NameLookup } from "#ports/name-lookup.ts";
import { ANYCAST_RELAY, candidatesOf, inOrder, reverseName } from "#protocol/amt/driad.ts";
import { isUnicast, type RelayCandidate } from "#protocol/amt/gateway.ts";
import { canonicalAddress, family, type Address, type Family } from "#wire/address.ts";
import { AMTRELAY_TYPE, decodeAmtRelayRecord, type AmtRelayRecord } from "#wire/amt-relay-record.ts";
import { DecodeError } from "#wire/cursor.ts";

/** A place to ask for a relay, and who named it. */
export interface RelayWay extends RelayCandidate {
  readonly how: NonNullable<AmtJoin["via"]>["how"];
}

export interface FoundRelays {
  /** In the order in which they are asked. */
  readonly ways: readonly RelayWay[];
  /** Worth another look after that, ms. */
  readonly holdsMs: number;
}

export interface RelaySearchOptions {
  readonly lookup: NameLookup;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Can this computer send in that family? */
  readonly reachable: (of: Family) => boolean;
}

const MAX_WAYS = 12;
/** Addresses of one name. */
const MAX_ADDRESSES = 4;
/** An answer is believed for a minute at least and a day at most, whatever it says. */
const LEAST_MS = 60_000;
const MOST_MS = 86_400_000;
/** Nobody answered. */
const FAILED_MS = 30_000;
const MAX_CACHED = 256;

interface Answer {
  readonly records: readonly AmtRelayRecord[];
  readonly until: number; // ms, of the caller's clock
}

/** Who might have a stream: relays that somebody named, those that its source's owner names, and the anycast address. */
export class RelaySearch {
  readonly #o: RelaySearchOptions;
  readonly #cache = new Map<Address, Answer>();
  /** Ties are broken at random, but alike for all sources of one owner: they are to share a tunnel. */
  readonly #draws = new Map<string, number>();

  constructor(options: RelaySearchOptions) {
    this.#o = options;
  }

  /** The relays that somebody named, whatever the source: no name server learns of it. Never rejects. */
  async given(places: readonly string[]): Promise<RelayWay[]> {
    const byName = await Promise.all(places.map(async (place) => this.#given(place)));
    return distinct(byName.flat()).slice(0, MAX_WAYS);
  }

  /** Those that the source's owner names, then the anycast address (RFC 8777 section 2.3). Never rejects. */
  async found(source: Address, now: number): Promise<FoundRelays> {
    const { records, until } = await this.#records(source, now);
    const ways: RelayWay[] = [];
    for (const record of this.#ordered(records)) ways.push(...(await this.#driad(record)));
    // RFC 8777 section 4.2.3: who says that there is none is believed.
    const isNone = records.length > 0 && records.every(({ relay }) => relay === undefined);
    if (!isNone)
      for (const address of Object.values(ANYCAST_RELAY))
        if (this.#o.reachable(family(address))) ways.push({ address, discover: true, how: "anycast" });
    return { ways: distinct(ways).slice(0, MAX_WAYS), holdsMs: until - now };
  }

  /** The network is another one, and its name servers may know more. */
  forget(): void {
    this.#cache.clear();
  }

  async #given(place: string): Promise<RelayWay[]> {
    const addresses = await this.#addresses(place);
    // Asked by Discovery, which an anycast address needs, and without where it does not answer that.
    return [true, false].flatMap((discover) =>
      addresses.map((address) => ({ address, discover, how: "given" as const })),
    );
  }

  async #driad(record: AmtRelayRecord): Promise<RelayWay[]> {
    const { relay } = record;
    if (!relay) return [];
    const addresses = "name" in relay ? await this.#addresses(relay.name) : [relay.address].filter(isUnicast);
    return candidatesOf(record, addresses, (of) => this.#o.reachable(of)).map((candidate) => ({
      ...candidate,
      how: "driad",
    }));
  }

  async #addresses(place: string): Promise<Address[]> {
    const address = canonicalAddress(place);
    const found = address === undefined ? await this.#o.lookup.addresses(place) : [address];
    if (found.length === 0) this.#o.log.write("warn", "an AMT relay's name was not found", { relay: place });
    return found
      .slice(0, MAX_ADDRESSES)
      .filter((one) => isUnicast(one) && (address !== undefined || this.#o.reachable(family(one))));
  }

  async #records(source: Address, now: number): Promise<Answer> {
    const cached = this.#cache.get(source);
    if (cached && cached.until > now) return cached;
    const answer = await this.#ask(source, now);
    this.#cache.delete(source);
    this.#cache.set(source, answer);
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= MAX_CACHED) break;
      this.#cache.delete(oldest);
    }
    return answer;
  }

  async #ask(source: Address, now: number): Promise<Answer> {
    const name = reverseName(source);
    try {
      const { records, holdsMs } = await this.#o.lookup.records(name, AMTRELAY_TYPE);
      const until = now + Math.min(Math.max(holdsMs, LEAST_MS), MOST_MS);
      return { records: records.flatMap(({ data }) => decoded(data)), until };
    } catch (error) {
      this.#o.log.write("warn", "who relays a source could not be asked", { name, error: String(error) });
      return { records: [], until: now + FAILED_MS };
    }
  }

  #ordered(records: readonly AmtRelayRecord[]): AmtRelayRecord[] {
    const usable = records.filter(({ relay }) => relay !== undefined);
    const draws = usable.map((record) => this.#draw(JSON.stringify(record)));
    let next = 0;
    return inOrder(usable, () => draws[next++]!);
  }

  #draw(key: string): number {
    let draw = this.#draws.get(key);
    if (draw === undefined) {
      const { buffer, byteOffset } = this.#o.entropy.bytes(4);
      draw = new DataView(buffer, byteOffset).getUint32(0) / 2 ** 32;
      if (this.#draws.size >= MAX_CACHED) this.#draws.clear();
      this.#draws.set(key, draw);
    }
    return draw;
  }
}

function decoded(data: Uint8Array): AmtRelayRecord[] {
  try {
    return [decodeAmtRelayRecord(data)];
  } catch (error) {
    if (error instanceof DecodeError) return []; // section 4.2.3: of a type that is not known yet, perhaps
    throw error;
  }
}

function distinct(ways: readonly RelayWay[]): RelayWay[] {
  const seen = new Map(
    ways.toReversed().map((way) => [`${way.address} ${way.discover}`, way] as const), // the first one stays
  );
  return ways.filter((way) => seen.get(`${way.address} ${way.discover}`) === way);
}
