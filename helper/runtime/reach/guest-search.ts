import { endpointText, sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import type { OutgoingCall, Rendezvous } from "#ports/rendezvous.ts";
import { openAnswer, sealCall, type CallKeys } from "#protocol/reach/sealed-call.ts";
import { isUsablePath } from "#protocol/reach/usable-path.ts";
import { DIRECT_FIRST, WaySearch, type SearchCommand } from "#protocol/reach/way-search.ts";
import type { ListedPath } from "#wire/path-list.ts";
import type { Core } from "../core.ts";
import type { JoinedNetworkRuntime } from "../joined-network.ts";
import type { Peer } from "../peer.ts";
import type { PathKinds } from "./path-kinds.ts";

export interface GuestSearchOptions {
  readonly core: Core;
  readonly network: JoinedNetworkRuntime;
  readonly peer: Peer;
  readonly way: Rendezvous;
  readonly paths: PathKinds;
  /** Where we may be reached, as far as it is known now. */
  readonly ownPaths: () => readonly ListedPath[];
}

/** Looks for the host of a network that we joined, by one way: carries out what the machine says. */
export class GuestSearch {
  readonly peer: Peer;
  readonly way: Rendezvous;
  readonly #options: GuestSearchOptions;
  readonly #search: WaySearch;
  /** As the host said last where it is reached. */
  #candidates: string;
  #call: { readonly call: OutgoingCall; keys: CallKeys | undefined; relay: Endpoint | undefined } | undefined;
  #relay: { readonly call: OutgoingCall; readonly endpoint: Endpoint } | undefined;

  constructor(options: GuestSearchOptions) {
    const { core, network, peer, way } = options;
    this.#options = options;
    this.peer = peer;
    this.way = way;
    this.#candidates = JSON.stringify(network.record.candidates);
    const now = core.clock.now();
    this.#search = new WaySearch(network.record.candidates.length > 0 ? now + DIRECT_FIRST : now);
  }

  /** What the host's datagrams carry in the call that is under way. */
  get punchToken(): Uint8Array | undefined {
    return this.#call?.keys?.punch;
  }

  pollTimeout(now: number): number {
    return this.#search.pollTimeout(now);
  }

  handleTimeout(now: number): void {
    this.#search.handleTimeout(now);
  }

  /** The host's datagram came from there. */
  handleSeen(endpoint: Endpoint): void {
    if (this.#options.paths.of(endpoint) === "direct") this.#options.paths.note(endpoint, "punched");
    this.#search.handleSeen(endpoint);
  }

  handleNetworkChanged(now: number): void {
    this.#search.handleNetworkChanged(now);
  }

  handleRelayLost(endpoint: Endpoint, now: number): void {
    if (!this.#relay || !sameEndpoint(this.#relay.endpoint, endpoint)) return;
    this.#search.handleRelayLost(now);
    this.peer.session.handleNetworkChanged(now); // asks whether anybody is there, at once
  }

  /** Carries out what there is to do. */
  flush(now: number): void {
    const { up, dialingSince, endpoint } = this.peer.session;
    const relayed = endpoint !== undefined && this.#options.paths.of(endpoint) === "relayed";
    this.#hearNews(now);
    this.#search.handleSituation({ up, relayed, dialingSince }, now);
    for (let command; (command = this.#search.nextCommand());) this.#carryOut(command, now);
  }

  close(): void {
    this.#endCall();
    this.#endRelay();
  }

  #hearNews(now: number): void {
    const { paths, network } = this.#options;
    const { candidates } = network.record;
    const said = JSON.stringify(candidates);
    if (said === this.#candidates) return;
    this.#candidates = said;
    // What was a hole is an open port from now on.
    for (const { host: address, port } of candidates)
      if (paths.of({ address, port }) === "punched") paths.forget({ address, port });
    this.#search.handleNews(now);
  }

  #carryOut(command: SearchCommand, now: number): void {
    switch (command.type) {
      case "call":
        return this.#begin(now);
      case "try":
        return this.peer.session.tryPaths(command.endpoints, now);
      case "request-relay":
        return this.#call?.call.requestRelay();
      case "keep-relay":
        this.#endRelay();
        if (this.#call?.relay) this.#relay = { call: this.#call.call, endpoint: this.#call.relay };
        return;
      case "end-call":
        return this.#endCall();
      case "end-relay":
        return this.#endRelay();
    }
  }

  #begin(now: number): void {
    const { core, network, way, ownPaths } = this.#options;
    const { hostPublicKey, inviteId, psk } = network.record;
    this.#endCall();
    const call = way.call(hostPublicKey, {
      payload: () => {
        const sealed = sealCall(hostPublicKey, { id: inviteId, psk }, ownPaths(), core.entropy.bytes(32));
        if (this.#call?.call === call) this.#call!.keys = sealed.keys;
        return sealed.payload;
      },
      answered: (payload) => {
        if (this.#call?.call === call) this.#answered(payload);
      },
      relay: (endpoint) => {
        if (this.#call?.call !== call) return;
        this.#call!.relay = endpoint;
        this.#options.paths.note(endpoint, "relayed", way.name);
        this.#search.handleRelay(endpoint, core.clock.now());
      },
      failed: (reason) => {
        if (this.#call?.call !== call) return;
        core.log.write("debug", "nothing came of a call", { by: way.name, reason });
        this.#call = undefined;
        this.#search.handleFailed(core.clock.now());
      },
    });
    if (call) this.#call = { call, keys: undefined, relay: undefined };
    else this.#search.handleFailed(now);
  }

  #answered(payload: Uint8Array): void {
    const { core, paths, network, way } = this.#options;
    const { keys } = this.#call!;
    const listed = keys && openAnswer(keys, payload);
    if (!listed) return core.log.write("debug", "an answer is not the host's", { by: way.name });
    const usable = listed.filter(isUsablePath);
    notePaths(
      paths,
      usable,
      network.record.candidates.map(({ host, port }) => `${host} ${port}`),
    );
    core.log.write("debug", "the host says where it is", {
      by: way.name,
      paths: usable.map(endpointText).join(", "),
    });
    const endpoints = usable.map(({ address, port }) => ({ address, port }));
    this.#search.handleAnswered(endpoints, core.clock.now());
  }

  #endCall(): void {
    const call = this.#call?.call;
    this.#call = undefined;
    if (call && call !== this.#relay?.call) call.end();
  }

  #endRelay(): void {
    const relay = this.#relay;
    this.#relay = undefined;
    if (!relay) return;
    if (relay.call !== this.#call?.call) relay.call.end();
  }
}

/** How the far end's endpoints came about, for people. An address that it has itself needs no hole. */
export function notePaths(
  paths: PathKinds,
  listed: readonly ListedPath[],
  known: readonly string[] = [],
): void {
  const own = listed.filter(({ kind }) => kind !== "observed");
  for (const path of listed) {
    const { address, port, kind } = path;
    // Perhaps it was a hole before somebody opened the port.
    if (kind === "own" || known.includes(`${address} ${port}`)) paths.forget({ address, port });
    else if (kind === "mapped") paths.note({ address, port }, "mapped");
    else if (kind === "observed" && !own.some((other) => sameEndpoint(other, path)))
      paths.note({ address, port }, "punched");
  }
}
