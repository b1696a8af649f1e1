import type { Endpoint } from "#ports/endpoint.ts";

/** How the session with the host stands. */
export interface Situation {
  readonly up: boolean;
  /** Somebody else passes the frames on. */
  readonly relayed: boolean;
  /** A handshake is under way since then, ms: the way in use may not work any more. */
  readonly dialingSince: number | undefined;
}

export type SearchCommand =
  | { readonly type: "call" }
  /** Handshakes to these, all at once. */
  | { readonly type: "try"; readonly endpoints: readonly Endpoint[] }
  | { readonly type: "request-relay" }
  /** The call that is under way holds the relay in use: it stays when the next one begins. */
  | { readonly type: "keep-relay" }
  | { readonly type: "end-call" }
  | { readonly type: "end-relay" };

/** A host with known addresses gets this long to answer there before anybody else is asked. */
export const DIRECT_FIRST = 250;
/** A handshake of a session that is up: a rekey takes a round trip, more than this is trouble. */
const TROUBLE_AFTER = 1_000;
/** After the answer: both ends punch at the same time, and what is lost is said again. */
const TRY_AT = [0, 250, 600, 1_200, 2_500];
/** A relay is asked for so long after the call began, and used after this long: other ways come first. */
const ASK_RELAY_AFTER = 250;
const USE_RELAY_AFTER = 600;
const RELAY_AGAIN = 500;
const SEARCH_FOR = 12_000;
/** While relayed, a direct path is looked for this often. */
export const LOOK_AGAIN = 30_000;
/** Most troubles are short: for the first tries the waits stay so. */
const RETRY_FIRST = 1_000;
const RETRY_DENSE = 3_000;
const DENSE_TRIES = 10;
const RETRY_LAST = 30_000;

interface Search {
  readonly since: number;
  answeredAt: number | undefined;
  paths: readonly Endpoint[];
  tries: number;
  relay: "unasked" | "asked" | Endpoint;
  relayAt: number;
}

/**
 * One way (a meeting point, the DHT) of finding the host of one network: when to call, when to try what came of it,
 * when to fall back to a relay, and when to look for something better.
 */
export class WaySearch {
  readonly #commands: SearchCommand[] = [];
  #situation: Situation = { up: false, relayed: false, dialingSince: undefined };
  #search: Search | undefined;
  #nextAt: number;
  #failures = 0;
  /** Looks once, although all seems well: the network has changed. */
  #forced = false;
  #holdsRelay = false;

  constructor(startAt: number) {
    this.#nextAt = startAt;
  }

  get searching(): boolean {
    return this.#search !== undefined;
  }

  nextCommand(): SearchCommand | undefined {
    return this.#commands.shift();
  }

  handleSituation(situation: Situation, now: number): void {
    this.#situation = situation;
    const search = this.#search;
    if (situation.up && !situation.relayed && !this.#troubled(now)) {
      this.#failures = 0;
      if (search && !this.#forced) this.#end(now);
      if (this.#holdsRelay) this.#endRelay();
      if (!this.#forced) this.#nextAt = now;
    } else if (search && situation.up && situation.relayed && !this.#holdsRelay && isEndpoint(search.relay)) {
      this.#holdsRelay = true;
      this.#commands.push({ type: "keep-relay" });
    }
  }

  /** The sealed answer's endpoints. */
  handleAnswered(paths: readonly Endpoint[], now: number): void {
    const search = this.#search;
    if (!search) return;
    search.paths = paths;
    if (search.answeredAt !== undefined) return; // once more: it said so already
    search.answeredAt = now;
    this.handleTimeout(now);
  }

  /** The host's datagram came from there: a router that gives each of its destinations another port. */
  handleSeen(endpoint: Endpoint): void {
    if (this.#search && !this.#settled()) this.#commands.push({ type: "try", endpoints: [endpoint] });
  }

  handleRelay(endpoint: Endpoint, now: number): void {
    const search = this.#search;
    if (!search || isEndpoint(search.relay)) return;
    search.relay = endpoint;
    search.relayAt = Math.max(now, search.since + USE_RELAY_AFTER);
  }

  /** The host says that it is reached elsewhere now: what is relayed need not wait for its turn. */
  handleNews(now: number): void {
    if (!this.#search) this.#nextAt = Math.min(this.#nextAt, now);
  }

  /** The relay in use has ended. */
  handleRelayLost(now: number): void {
    if (!this.#holdsRelay) return;
    this.#endRelay();
    this.#nextAt = now;
  }

  handleFailed(now: number): void {
    if (!this.#search) return;
    this.#search = undefined;
    this.#forced = false;
    this.#later(now);
  }

  /** Addresses or routes have changed: holes are closed, and there may be a better path. */
  handleNetworkChanged(now: number): void {
    this.#failures = 0;
    this.#forced = true;
    if (this.#search) this.#end(now);
    this.#nextAt = now;
  }

  pollTimeout(now: number): number {
    const search = this.#search;
    if (!search) return this.#wants(now) ? this.#nextAt : this.#troubleAt();
    let at = search.since + SEARCH_FOR;
    if (search.answeredAt !== undefined) {
      const next = TRY_AT[search.tries];
      if (next !== undefined) at = Math.min(at, search.answeredAt + next);
      else if (!this.#wantsRelay(now)) at = Math.min(at, search.answeredAt + TRY_AT.at(-1)! + 1_000);
      if (search.relay === "unasked" && this.#wantsRelay(now))
        at = Math.min(at, Math.max(search.answeredAt, search.since + ASK_RELAY_AFTER));
    }
    if (isEndpoint(search.relay) && this.#wantsRelay(now)) at = Math.min(at, search.relayAt);
    return at;
  }

  handleTimeout(now: number): void {
    const search = this.#search;
    if (!search) {
      if (this.#wants(now) && now >= this.#nextAt) this.#begin(now);
      return;
    }
    if (search.answeredAt !== undefined) this.#tryPaths(search, search.answeredAt, now);
    if (search.relay === "unasked" && search.answeredAt !== undefined && this.#wantsRelay(now)) {
      if (now >= search.since + ASK_RELAY_AFTER) {
        search.relay = "asked";
        this.#commands.push({ type: "request-relay" });
      }
    } else if (isEndpoint(search.relay) && this.#wantsRelay(now) && now >= search.relayAt) {
      search.relayAt = now + RELAY_AGAIN;
      this.#commands.push({ type: "try", endpoints: [search.relay] });
    }
    const triedAll = search.answeredAt !== undefined && search.tries >= TRY_AT.length;
    const looked = triedAll && now >= search.answeredAt! + TRY_AT.at(-1)! + 1_000;
    const enough = looked && this.#situation.up && !this.#troubled(now);
    if (now >= search.since + SEARCH_FOR || enough) {
      this.#forced = false;
      this.#end(now);
      this.#later(now);
    }
  }

  #begin(now: number): void {
    this.#search = {
      since: now,
      answeredAt: undefined,
      paths: [],
      tries: 0,
      relay: "unasked",
      relayAt: Infinity,
    };
    this.#commands.push({ type: "call" });
  }

  #tryPaths(search: Search, answeredAt: number, now: number): void {
    const at = TRY_AT[search.tries];
    if (at === undefined || now < answeredAt + at) return;
    search.tries++;
    if (search.paths.length > 0) this.#commands.push({ type: "try", endpoints: search.paths });
  }

  /** Ends the search; a relay that is in use stays. */
  #end(now: number): void {
    const search = this.#search;
    if (!search) return;
    this.#search = undefined;
    this.#nextAt = now;
    this.#commands.push({ type: "end-call" });
  }

  #endRelay(): void {
    this.#holdsRelay = false;
    this.#commands.push({ type: "end-relay" });
  }

  #later(now: number): void {
    const { up, relayed } = this.#situation;
    const dense = Math.min(RETRY_FIRST * 2 ** Math.min(this.#failures, 6), RETRY_DENSE);
    const sparse = Math.min(RETRY_DENSE * 2 ** Math.min(this.#failures - DENSE_TRIES, 6), RETRY_LAST);
    const trying = this.#failures++ < DENSE_TRIES ? dense : sparse;
    const wait = up && relayed ? LOOK_AGAIN : trying;
    this.#nextAt = now + wait;
  }

  #wants(now: number): boolean {
    const { up, relayed } = this.#situation;
    return !up || relayed || this.#forced || this.#troubled(now);
  }

  #wantsRelay(now: number): boolean {
    return !this.#situation.up || this.#troubled(now);
  }

  #troubled(now: number): boolean {
    const { dialingSince } = this.#situation;
    return dialingSince !== undefined && now - dialingSince >= TROUBLE_AFTER;
  }

  #troubleAt(): number {
    const { dialingSince } = this.#situation;
    return dialingSince === undefined ? Infinity : dialingSince + TROUBLE_AFTER;
  }

  #settled(): boolean {
    return this.#situation.up && !this.#situation.relayed;
  }
}

function isEndpoint(relay: Search["relay"]): relay is Endpoint {
  return typeof relay === "object";
}
