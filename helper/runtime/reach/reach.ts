// How computers find each other where no address does: the ways there are (meeting points, the DHT), the place of the
// network that we host at each, and the searches for the hosts of those that we joined.
import type { KeyPair } from "#noise/x25519.ts";
import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import type { IncomingCall, Rendezvous, RendezvousEvents } from "#ports/rendezvous.ts";
import type { Candidate, JoinedNetwork } from "#protocol/addressing/joined-network.ts";
import { Puncher } from "#protocol/reach/puncher.ts";
import { openCall, sealAnswer } from "#protocol/reach/sealed-call.ts";
import { isUsablePath } from "#protocol/reach/usable-path.ts";
import { TokenBucket } from "#protocol/session/load.ts";
import { canonicalAddress } from "#wire/address.ts";
import { decodePunch, encodePunch } from "#wire/meet.ts";
import { FRAME_MEET, FRAME_PUNCH } from "#wire/meet-message.ts";
import { MAX_LISTED_PATHS, type ListedKind, type ListedPath } from "#wire/path-list.ts";
import type { Core } from "../core.ts";
import type { Networks } from "../networks.ts";
import type { Timed } from "../scheduler.ts";
import type { ReachSettings } from "../store/reach-settings.ts";
import { GuestSearch, notePaths } from "./guest-search.ts";
import { MeetRendezvous, type MeetStreamPort } from "./meet-rendezvous.ts";
import type { PathKinds } from "./path-kinds.ts";

/** Calls a second that are opened, and at once: each costs a Diffie-Hellman, and a few datagrams to where it says. */
const CALL_RATE = 10;
const CALL_BURST = 20;
/** Answers that are given again where their call comes again. */
const MAX_ANSWERED = 128;

export interface ReachOptions {
  readonly core: Core;
  readonly local: KeyPair;
  readonly networks: Networks;
  readonly paths: PathKinds;
  readonly settings: () => ReachSettings;
  readonly resolve: (candidates: readonly Candidate[]) => Promise<readonly Endpoint[]>;
  readonly send: (to: Endpoint, data: Uint8Array) => void;
  readonly streams: Omit<MeetStreamPort, "enabled">;
  /** Of interfaces, and what the router mapped. */
  readonly ownEndpoints: () => readonly (Endpoint & { readonly kind: ListedKind })[];
  /** What people said. */
  readonly saidEndpoints: () => readonly Candidate[];
}

/** A way that somebody else makes: the DHT. */
export interface OtherWay {
  readonly way: Rendezvous;
  /** Can the host of that network be called by it? */
  readonly serves: (record: JoinedNetwork) => boolean;
  /** May the network that we host be called by it? */
  readonly hosts: () => boolean;
}

export class Reach implements Timed {
  /** Datagrams that nobody expected, and calls that did not authenticate or were too many. */
  readonly drops = { unexpected: 0, calls: 0 };
  readonly #options: ReachOptions;
  readonly #meets = new Map<string, MeetRendezvous>(); // by place
  readonly #others: OtherWay[] = [];
  readonly #observed = new Map<Rendezvous | string, Endpoint>();
  readonly #searches = new Map<string, GuestSearch>(); // by network and way
  readonly #puncher = new Puncher();
  readonly #calls: TokenBucket;
  readonly #answered = new Map<string, Uint8Array>();
  readonly #now: () => number;
  #closed = false;

  constructor(options: ReachOptions) {
    const { core } = options;
    this.#options = options;
    this.#now = () => core.clock.now();
    this.#calls = new TokenBucket(CALL_RATE, CALL_BURST, this.#now());
    core.scheduler.add(this);
    core.parts.add(this);
  }

  /** For doctor and status. */
  ways(): readonly Rendezvous[] {
    return [...this.#meets.values(), ...this.#others.map(({ way }) => way)];
  }

  /** Where others see our transport socket. */
  observed(): Endpoint[] {
    const all: Endpoint[] = [];
    for (const endpoint of this.#observed.values())
      if (!all.some((known) => sameEndpoint(known, endpoint))) all.push(endpoint);
    return all;
  }

  /** What a way made elsewhere tells; hand it to that way when it is made. `key`: any name of its own. */
  eventsFor(key: string, name: () => string): RendezvousEvents {
    return {
      called: (call) => this.#called(call),
      relayed: (endpoint) => this.#options.paths.note(endpoint, "relayed", name()),
      relayLost: (endpoint) => this.#relayLost(endpoint),
      observed: (endpoint) => {
        if (endpoint) this.#observed.set(key, endpoint);
        else this.#observed.delete(key);
        this.#options.core.changed();
      },
      changed: () => this.#options.core.changed(),
    };
  }

  add(other: OtherWay): void {
    this.#others.push(other);
    this.refresh();
  }

  /** Settings or networks have changed. */
  refresh(): void {
    if (this.#closed) return;
    const { networks, settings } = this.#options;
    const hosting = networks.hosted?.enabled === true;
    const own = settings().meet;
    const ownPlace = networks.meetPlace();
    const wanted = new Map<string, Candidate>();
    if (ownPlace) wanted.set(placeKey(ownPlace), ownPlace);
    if (own !== "off")
      for (const { record } of networks.joined.values())
        if (record.meet && record.enabled) wanted.set(placeKey(record.meet), record.meet);
    for (const [key, way] of this.#meets) if (!wanted.has(key)) this.#drop(key, way);
    for (const [key, place] of wanted)
      if (!this.#meets.has(key)) this.#meets.set(key, this.#meet(key, place));
    for (const [key, way] of this.#meets)
      way.host(hosting && ownPlace !== undefined && key === placeKey(ownPlace));
    for (const { way, hosts } of this.#others) way.host(hosting && hosts());
    this.#searchAll();
  }

  /** A datagram that is no session's. False: none of ours. */
  handleDatagram(data: Uint8Array, from: Endpoint, now: number): boolean {
    if (data[0] === FRAME_MEET) {
      for (const way of this.#meets.values()) if (way.handleMessage(data, from, now)) return true;
      this.drops.unexpected++;
      return true;
    }
    if (data[0] !== FRAME_PUNCH) return false;
    const token = decodePunch(data)?.toHex();
    const search = [...this.#searches.values()].find(({ punchToken }) => punchToken?.toHex() === token);
    if (search) search.handleSeen(from);
    else this.drops.unexpected++;
    return true;
  }

  handleNetworkChanged(now: number): void {
    for (const way of this.ways()) way.handleNetworkChanged();
    for (const search of this.#searches.values()) search.handleNetworkChanged(now);
  }

  /** A stream of anybody's has ended. */
  streamClosed(stream: number): void {
    for (const way of this.#meets.values()) way.streamClosed(stream);
  }

  close(): void {
    this.#closed = true;
    for (const search of this.#searches.values()) search.close();
    this.#searches.clear();
    for (const way of this.ways()) way.close();
    this.#meets.clear();
    this.#options.core.scheduler.remove(this);
    this.#options.core.parts.delete(this);
  }

  pollTimeout(): number | undefined {
    const now = this.#now();
    let earliest = this.#puncher.pollTimeout() ?? Infinity;
    for (const search of this.#searches.values()) earliest = Math.min(earliest, search.pollTimeout(now));
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    for (const search of this.#searches.values()) search.handleTimeout(now);
    for (const { to, data } of this.#puncher.handleTimeout(now)) this.#options.send(to, data);
  }

  /** At each turn. */
  flush(): void {
    const now = this.#now();
    this.refresh(); // a host may have named another meeting point
    for (const search of this.#searches.values()) search.flush(now);
  }

  #searchAll(): void {
    if (this.#closed) return;
    const { core, networks, paths, settings } = this.#options;
    const wanted = new Set<string>();
    for (const network of networks.joined.values()) {
      const { peer, record } = network;
      if (!peer) continue;
      const own = settings().meet;
      const places =
        own === "off" ? [] : [record.meet, own].flatMap((place) => (place ? [placeKey(place)] : []));
      const ways = [
        ...new Set(places.flatMap((key) => this.#meets.get(key) ?? [])),
        ...this.#others.filter(({ serves }) => serves(record)).map(({ way }) => way),
      ];
      for (const way of ways) {
        const key = `${network.id} ${way.name}`;
        wanted.add(key);
        const known = this.#searches.get(key);
        if (known?.peer === peer && known.way === way) continue;
        known?.close();
        const ownPaths = (): readonly ListedPath[] => this.#ownPaths();
        this.#searches.set(key, new GuestSearch({ core, network, peer, way, paths, ownPaths }));
      }
    }
    for (const [key, search] of this.#searches)
      if (!wanted.has(key)) {
        search.close();
        this.#searches.delete(key);
      }
  }

  #meet(key: string, place: Candidate): MeetRendezvous {
    const { core, local, resolve, send, settings } = this.#options;
    const streams = { ...this.#options.streams, enabled: () => settings().tcp };
    const events = this.eventsFor(key, () => place.host);
    return new MeetRendezvous({ core, local, place, resolve, send, streams, events });
  }

  #drop(key: string, way: MeetRendezvous): void {
    this.#meets.delete(key);
    this.#observed.delete(key);
    for (const [name, search] of this.#searches)
      if (search.way === way) {
        search.close();
        this.#searches.delete(name);
      }
    way.close();
  }

  /** A guest calls the network that we host. Only who knows the secret of an invite gets an answer. */
  #called(call: IncomingCall): void {
    const { core, networks, local, paths } = this.#options;
    const now = this.#now();
    const key = call.payload.subarray(0, 32).toHex(); // the caller's ephemeral key
    const before = this.#answered.get(key);
    if (before) return call.answer(before);
    const hosted = networks.hosted;
    const opened =
      hosted?.enabled && this.#calls.take(now)
        ? openCall(local, call.payload, (id) => hosted.pskOf(id))
        : undefined;
    if (!opened) {
      this.drops.calls++;
      return;
    }
    const listed = opened.paths.filter(isUsablePath);
    notePaths(paths, listed);
    const answer = sealAnswer(opened.keys, this.#ownPaths(), core.entropy.bytes(12));
    if (this.#answered.size >= MAX_ANSWERED) this.#answered.delete(this.#answered.keys().next().value!);
    this.#answered.set(key, answer);
    this.#puncher.punch(key, listed, encodePunch(opened.keys.punch), now);
    this.handleTimeout(now); // first: the guest's datagrams find the hole open
    call.answer(answer);
  }

  #relayLost(endpoint: Endpoint): void {
    const now = this.#now();
    for (const search of this.#searches.values()) search.handleRelayLost(endpoint, now);
  }

  /** The likeliest first. */
  #ownPaths(): ListedPath[] {
    const { ownEndpoints, saidEndpoints } = this.#options;
    const all: ListedPath[] = [];
    const add = (path: ListedPath): void => {
      if (!all.some((known) => sameEndpoint(known, path))) all.push(path);
    };
    for (const { host, port } of saidEndpoints()) {
      const address = canonicalAddress(host);
      if (address) add({ address, port, kind: "own" });
    }
    for (const { address, port, kind } of ownEndpoints()) add({ address, port, kind });
    for (const { address, port } of this.observed()) add({ address, port, kind: "observed" });
    return all.slice(-MAX_LISTED_PATHS);
  }
}

function placeKey({ host, port }: Candidate): string {
  return `${host.toLowerCase()} ${port}`;
}
