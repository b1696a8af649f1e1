import type { Datagrams } from "#ports/datagrams.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Link } from "#ports/links.ts";
import type { NameLookup } from "#ports/name-lookup.ts";
import type { WatchStream } from "#ports/stream-watch.ts";
import { automaticStreams } from "#protocol/amt/automatic-streams.ts";
import { isInternetSource } from "#protocol/amt/internet-source.ts";
import { ANY_SOURCE, mergeFilters, type SourceFilter } from "#protocol/membership/source-filter.ts";
import { family, prefixContains, type Address, type Family, type Prefix } from "#wire/address.ts";
import type { Core } from "../core.ts";
import type { FastPathHandle } from "../engine-ports.ts";
import type { Timed } from "../scheduler.ts";
import type { AmtSettings, KeptJoin } from "../store/amt-settings.ts";
import { AmtDemand } from "./demand.ts";
import { streamKey, type InternetStream } from "./internet-stream.ts";
import { NativeStreams } from "./native-streams.ts";
import { RelaySearch, type FoundRelays } from "./relay-search.ts";
import type { AmtTunnel } from "./tunnel.ts";
import { AmtTunnels } from "./tunnels.ts";

const MAX_AUTOMATIC = 128;
/** What a program joined may come by its LAN: it is given so long to, and a random half second more. */
const NATIVE_MS = 2_000;
const NATIVE_JITTER_MS = 500;
/** It came by a LAN: looked at again after that. */
const NATIVE_AGAIN_MS = 10_000;
/** It comes by AMT: so often it is looked whether it comes by a LAN too. */
const NATIVE_LOOK_MS = 5_000;
/** No relay is known, or no tunnel could be made. */
const RETRY_MS = 30_000;
/** Names of relays that were given are looked up again after that. */
const GIVEN_HOLD_MS = 3_600_000;
/** A network that has changed settles before name servers are asked. */
const SETTLE_MS = 500;

export interface InternetStreamsOptions {
  readonly core: Core;
  readonly fastPath: Pick<FastPathHandle, "flows" | "counters">;
  readonly settings: () => AmtSettings;
  readonly links: () => readonly Link[];
  /** Of networks of members: what is there is nobody's on the Internet. */
  readonly memberPrefixes: () => readonly Prefix[];
  readonly lookup: NameLookup;
  readonly watchStream: WatchStream;
  /** Throws SystemError. */
  readonly openSocket: () => Datagrams;
  readonly send: (from: Datagrams, to: Endpoint, datagram: Uint8Array) => void;
}

/** Multicast of the Internet's, by AMT: what is wanted, who has it, and the tunnels that it comes by. */
export class InternetStreams implements Timed {
  readonly #o: InternetStreamsOptions;
  readonly #search: RelaySearch;
  readonly #native: NativeStreams;
  readonly #streams = new Map<string, InternetStream>();
  readonly #tunnels: AmtTunnels;
  readonly #touched = new Set<AmtTunnel>();
  readonly #demand: AmtDemand | undefined;
  #stale = true;
  #relays = "";

  constructor(options: InternetStreamsOptions) {
    const { core, lookup } = options;
    this.#o = options;
    this.#search = new RelaySearch({
      lookup,
      entropy: core.entropy,
      log: core.log,
      reachable: (of) => this.#reachable(of),
    });
    this.#tunnels = new AmtTunnels({ ...options, exhausted: (tunnel) => this.#exhausted(tunnel) });
    this.#native = new NativeStreams({ core, fastPath: options.fastPath, watch: options.watchStream });
    const id = core.takeVifId();
    this.#demand = id === undefined ? undefined : new AmtDemand(core, id, () => (this.#stale = true));
    core.parts.add(this);
    core.scheduler.add(this);
  }

  streams(): Iterable<InternetStream> {
    return this.#streams.values();
  }

  tunnels(): Iterable<AmtTunnel> {
    return this.#tunnels.values();
  }

  /** Settings or members may have changed. */
  refresh(): void {
    this.#stale = true;
    const relays = this.#o.settings().relays.join(" ");
    if (relays === this.#relays) return;
    this.#relays = relays;
    for (const stream of this.#streams.values()) {
      stream.wide = false;
      stream.full = [];
      this.#searchBy(stream, this.#now);
    }
  }

  /** This computer may be somewhere else: its relays may see it at another address, and others may be nearer. */
  networkChanged(): void {
    this.#stale = true;
    this.#search.forget();
    for (const tunnel of this.#tunnels.values()) tunnel.networkChanged(this.#now);
    for (const stream of this.#streams.values()) {
      stream.wide = false;
      stream.full = [];
      if (!stream.kept && stream.source !== undefined) this.#native.watch(stream.source, stream.group);
      this.#searchBy(stream, this.#now + SETTLE_MS);
    }
  }

  /** Each turn: what is wanted may be something else now. */
  flush(): void {
    if (this.#stale) this.#takeStock();
    for (const stream of this.#streams.values())
      if (stream.full.length > 0 && stream.tunnel?.gateway.state === "active") stream.full = [];
    this.#tell();
  }

  pollTimeout(): number | undefined {
    const due = Math.min(...[...this.#streams.values()].map(({ dueAt }) => dueAt));
    return due === Infinity ? undefined : due;
  }

  handleTimeout(now: number): void {
    for (const stream of this.#streams.values()) if (stream.dueAt <= now) this.#look(stream, now);
    this.#tell();
  }

  close(): void {
    const { core } = this.#o;
    core.scheduler.remove(this);
    core.parts.delete(this);
    this.#streams.clear();
    this.#native.close();
    this.#tunnels.closeAll();
    if (this.#demand) core.removeDemand(this.#demand.id);
  }

  get #now(): number {
    return this.#o.core.clock.now();
  }

  #takeStock(): void {
    this.#stale = false;
    const { joins, automatic, relays } = this.#o.settings();
    const wanted = new Map<string, { source: Address | undefined; group: Address; kept?: KeptJoin }>();
    for (const kept of joins) {
      const source = kept.source ?? undefined;
      wanted.set(streamKey(source, kept.group), { source, group: kept.group, kept });
    }
    if (automatic)
      for (const stream of automaticStreams(this.#demand?.wanted ?? new Map<Address, SourceFilter>(), {
        isElsewhere: (source) => this.#isElsewhere(source),
        hasRelays: relays.length > 0,
        most: MAX_AUTOMATIC,
      })) {
        const key = streamKey(stream.source, stream.group);
        if (!wanted.has(key)) wanted.set(key, stream);
      }
    for (const [key, stream] of this.#streams)
      if (!wanted.has(key)) {
        this.#streams.delete(key);
        if (stream.source !== undefined) this.#native.forget(stream.source, stream.group);
        this.#assign(stream, undefined);
      }
    for (const [key, { source, group, kept }] of wanted) {
      const known = this.#streams.get(key);
      if (known) this.#changeKept(known, kept);
      else this.#streams.set(key, this.#begin(source, group, kept));
    }
    this.#o.core.changed();
  }

  #begin(source: Address | undefined, group: Address, kept: KeptJoin | undefined): InternetStream {
    if (!kept && source !== undefined) this.#native.watch(source, group);
    const jitter = (this.#o.core.entropy.bytes(1)[0]! / 256) * NATIVE_JITTER_MS;
    const at = this.#now + (kept ? 0 : NATIVE_MS + jitter);
    return {
      id: kept?.id ?? `${source ?? "any"}-${group}`,
      source,
      group,
      kept,
      native: false,
      wide: false,
      full: [],
      searching: false,
      problem: undefined,
      tunnel: undefined,
      dueAt: at,
      searchAt: at,
    };
  }

  #changeKept(stream: InternetStream, kept: KeptJoin | undefined): void {
    const { source, group } = stream;
    if (stream.kept === kept) return;
    if (source !== undefined && kept) this.#native.forget(source, group);
    else if (source !== undefined) this.#native.watch(source, group);
    if (stream.kept?.relay !== kept?.relay || !stream.kept) {
      this.#searchBy(stream, this.#now);
      stream.full = [];
    }
    stream.kept = kept;
  }

  #look(stream: InternetStream, now: number): void {
    const { source, group } = stream;
    stream.native = !stream.kept && source !== undefined && this.#native.comes(source, group, NATIVE_MS);
    stream.dueAt = Infinity;
    if (stream.native) {
      stream.dueAt = stream.searchAt = now + NATIVE_AGAIN_MS;
      this.#assign(stream, undefined);
    } else if (now < stream.searchAt) this.#lookAgain(stream, now);
    else if (stream.searching) stream.dueAt = now + SETTLE_MS; // with what has changed meanwhile
    else {
      stream.searching = true;
      stream.searchAt = Infinity;
      void this.#find(stream, now).then((found) => this.#found(stream, found));
    }
    this.#o.core.changed();
  }

  /** Relays that somebody named are asked first, and nobody else is told of it; where none answers, they come last. */
  async #find({ source, kept, wide }: InternetStream, now: number): Promise<FoundRelays> {
    const named = [...(kept?.relay == null ? [] : [kept.relay]), ...this.#o.settings().relays];
    const given = await this.#search.given(named);
    if (source === undefined || (given.length > 0 && !wide)) return { ways: given, holdsMs: GIVEN_HOLD_MS };
    const { ways, holdsMs } = await this.#search.found(source, now);
    return { ways: [...ways, ...given], holdsMs };
  }

  #found(stream: InternetStream, { ways, holdsMs }: FoundRelays): void {
    stream.searching = false;
    if (this.#streams.get(streamKey(stream.source, stream.group)) !== stream) return; // not wanted any more
    if (stream.native) return; // since it was asked
    const { core } = this.#o;
    const { way } = stream.tunnel ?? {};
    // A relay that works and is named still is not given up for one that was named before it.
    const isGood =
      stream.tunnel?.gateway.state === "active" &&
      ways.some((one) => one.address === way?.address && one.discover === way.discover);
    if (!isGood) {
      const tunnel = ways.length === 0 ? "No relay is known that might have it." : this.#tunnels.to(ways);
      stream.problem = typeof tunnel === "string" ? tunnel : undefined;
      this.#assign(stream, typeof tunnel === "string" ? undefined : tunnel);
    }
    const now = this.#now;
    stream.searchAt = Math.min(
      stream.searchAt,
      now + (stream.tunnel ? holdsMs : Math.min(holdsMs, RETRY_MS)),
    );
    this.#lookAgain(stream, now);
    core.changed();
    core.turn();
  }

  #searchBy(stream: InternetStream, at: number): void {
    stream.searchAt = Math.min(stream.searchAt, at);
    stream.dueAt = Math.min(stream.dueAt, at);
  }

  /** What a program joined may come by its LAN later. */
  #lookAgain(stream: InternetStream, now: number): void {
    const { kept, source, searchAt } = stream;
    const lookAt = kept || source === undefined ? Infinity : now + NATIVE_LOOK_MS;
    stream.dueAt = Math.min(stream.dueAt, searchAt, lookAt);
  }

  #assign(stream: InternetStream, tunnel: AmtTunnel | undefined): void {
    if (stream.tunnel === tunnel) return;
    for (const one of [stream.tunnel, tunnel]) if (one) this.#touched.add(one);
    stream.tunnel = tunnel;
  }

  /** Other relays may be named by now. */
  #exhausted(tunnel: AmtTunnel): void {
    this.#search.forget();
    for (const stream of this.#streams.values())
      if (stream.tunnel === tunnel) {
        stream.wide = true;
        stream.full = tunnel.gateway.full;
        this.#searchBy(stream, this.#now + SETTLE_MS);
      }
  }

  /** Tells tunnels what has changed for them; closes those that nothing is wanted of. */
  #tell(): void {
    for (const tunnel of this.#touched) {
      const wanted = new Map<Address, SourceFilter>();
      for (const { source, group, tunnel: of } of this.#streams.values()) {
        if (of !== tunnel) continue;
        const filter: SourceFilter =
          source === undefined ? ANY_SOURCE : { mode: "include", sources: new Set([source]) };
        const before = wanted.get(group);
        wanted.set(group, before ? mergeFilters(before, filter) : filter);
      }
      if (wanted.size > 0) tunnel.want(wanted, this.#now);
      else this.#tunnels.close(tunnel);
    }
    this.#touched.clear();
  }

  #isElsewhere(source: Address): boolean {
    const own = this.#o.links().flatMap(({ addresses }) => addresses);
    if (own.some(({ address, prefixLength: length }) => prefixContains({ address, length }, source)))
      return false;
    return !this.#o.memberPrefixes().some((prefix) => prefixContains(prefix, source));
  }

  #reachable(of: Family): boolean {
    return this.#o
      .links()
      .filter(({ up, running, kind }) => up && running && kind !== "loopback" && kind !== "tun")
      .some(({ addresses }) =>
        addresses.some(
          ({ address, scope }) =>
            family(address) === of && scope === "global" && (of === 4 || isInternetSource(address)),
        ),
      );
  }
}
