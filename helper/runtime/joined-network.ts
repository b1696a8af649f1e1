import type { Endpoint } from "#ports/endpoint.ts";
import type { JoinedNetwork } from "#protocol/addressing/joined-network.ts";
import { memberAddresses } from "#protocol/addressing/member-addresses.ts";
import type { ChosenInterface, LanWay } from "#protocol/addressing/shared-lans.ts";
import { networkId, networkIdText } from "#protocol/addressing/network-id.ts";
import { readNews, type MemberEntry } from "#protocol/addressing/network-news.ts";
import type { ProxyName } from "#protocol/discovery/presets.ts";
import { landingRanges } from "#protocol/forwarding/landing-ranges.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import type { Accepted, Authorization } from "#protocol/session/acceptor.ts";
import type { SessionEvent } from "#protocol/session/session-types.ts";
import { sameEndpoint } from "#ports/endpoint.ts";
import type { HandshakeStatus } from "#wire/frame-handshake-payload.ts";
import { family, prefixContains, prefixText, type Prefix } from "#wire/address.ts";
import { CandidateLookup } from "./candidate-lookup.ts";
import {
  mappedPrefix,
  NO_ADDRESSES,
  type NetworkAddresses,
  type NetworkContext,
  type RoutedSubnet,
} from "./network-context.ts";
import { Peer, type PeerNetwork } from "./peer.ts";

/** What the host shares lands in the tunnel; what is never routed or needs a proxy does not, whatever it says. */
const ROUTABLE = ["224.0.0.0/4", "ff00::/8"];

export type JoinedState =
  | { readonly state: "off" }
  | { readonly state: "connecting"; readonly since: number }
  | { readonly state: "pending" } // the host has yet to approve
  | { readonly state: "connected"; readonly since: number }
  | { readonly state: "refused"; readonly status: HandshakeStatus | "no-vif" };

/** A network that this computer is a guest of. */
export class JoinedNetworkRuntime implements PeerNetwork {
  readonly id: string;
  readonly #context: NetworkContext;
  readonly #watchers = new Set<(state: JoinedState) => void>();
  #record: JoinedNetwork;
  #landingOf: readonly Prefix[] = [];
  #landingRanges: readonly Prefix[] = [];
  #peer: Peer | undefined;
  #lookup: CandidateLookup | undefined;
  #state: JoinedState = { state: "off" };
  /** Outlives the session, so that a list of members is there while it reconnects. */
  #directory: readonly MemberEntry[] = [];
  #proxies: ReadonlySet<ProxyName> = new Set();
  /** The port of the host's router. */
  #mapped: Endpoint | undefined;
  /** Said once, however often the host says the same. */
  #complaint = "";

  constructor(context: NetworkContext, record: JoinedNetwork) {
    this.#context = context;
    this.#record = record;
    this.id = networkIdText(networkId(record.hostPublicKey));
  }

  get record(): JoinedNetwork {
    return this.#record;
  }
  get state(): JoinedState {
    return this.#state;
  }
  get peer(): Peer | undefined {
    return this.#peer;
  }
  get directory(): readonly MemberEntry[] {
    return this.#directory;
  }

  /** Discovery proxies that the host wants to run. */
  get proxies(): ReadonlySet<ProxyName> {
    return this.#proxies;
  }

  /** Calls the host. Does nothing where it is under way already. */
  start(): void {
    if (!this.#record.enabled || this.#peer) return;
    const { core, transport, localStatic, hasAes, hello, traffic } = this.#context;
    const id = core.takeVifId();
    if (id === undefined) return this.#become({ state: "refused", status: "no-vif" });
    const { hostPublicKey, psk, inviteId, assigned, ownName } = this.#record;
    const last = this.#context.lastEndpoint(hostPublicKey);
    const peer = new Peer(core, transport, id, {
      name: `host-${this.id.slice(0, 8)}`,
      network: this,
      forwardsForOthers: true,
      traffic,
      maximum: this.#record.maximumBps,
      session: {
        localStatic,
        remoteStatic: hostPublicKey,
        psk,
        ...(assigned ? {} : { inviteId }),
        hasAes,
        hello: { ...hello, name: ownName },
        candidates: last ? [last] : [],
        mayInitiate: true,
      },
    });
    this.#peer = peer;
    this.#become({ state: "connecting", since: core.clock.wall() });
    peer.session.connect(core.clock.now());
    this.#lookup = this.#lookUp(peer);
    this.#lookup.start();
  }

  stop(reason: "bye" | "restarting"): void {
    const peer = this.#peer;
    this.#peer = undefined;
    this.#lookup?.stop();
    peer?.close(reason);
    this.#become({ state: "off" });
    this.#context.addressesChanged();
  }

  setEnabled(enabled: boolean): void {
    if (enabled !== this.#record.enabled) {
      this.#record = { ...this.#record, enabled };
      this.#context.stateChanged();
    }
    if (enabled && this.#state.state === "refused") this.stop("bye"); // asked again by hand
    if (enabled) this.start();
    else this.stop("bye");
  }

  /** The most that is sent to the host, bits a second. */
  limit(maximumBps: number | undefined): void {
    const { maximumBps: _, ...rest } = this.#record;
    this.#record = { ...rest, ...(maximumBps !== undefined && { maximumBps }) };
    this.#peer?.setMaximum(maximumBps);
    this.#context.stateChanged();
  }

  /** Addresses or routes of this computer have changed. */
  handleNetworkChanged(now: number): void {
    this.#peer?.session.handleNetworkChanged(now);
    if (this.#peer && !this.#peer.session.up) this.#lookup?.start();
  }

  onState(watcher: (state: JoinedState) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The host may call us too: after its restart it does. */
  authorize(): Authorization | undefined {
    return this.#record.enabled ? { psk: this.#record.psk, status: "ok" } : undefined;
  }

  accepted(accepted: Accepted, now: number): void {
    this.#peer?.accepted(accepted, now);
  }

  peerEvent(peer: Peer, event: Exclude<SessionEvent, { type: "control" }>): void {
    const { core } = this.#context;
    switch (event.type) {
      case "established":
        if (peer.session.endpoint) this.#context.rememberEndpoint(peer.publicKey, peer.session.endpoint);
        if (event.pending) this.#become({ state: "pending" });
        else if (this.#record.assigned) this.#connected(peer);
        break;
      case "resumed":
        if (this.#record.assigned) this.#connected(peer);
        break;
      case "lost":
        core.log.write("info", "the host is gone", {
          network: this.#record.networkName,
          reason: event.reason,
        });
        if (event.reason === "removed") this.#refused("removed");
        else if (this.#state.state !== "refused")
          this.#become({ state: "connecting", since: core.clock.wall() });
        break;
      case "refused":
        this.#refused(event.status);
        break;
      case "moved":
        this.#context.rememberEndpoint(peer.publicKey, event.endpoint);
    }
  }

  networkChanged(peer: Peer): void {
    const before = this.#record;
    const news = readNews(before, peer.networkTable);
    if (news === undefined) return; // the rest is on its way
    if (typeof news === "string") {
      if (news !== this.#complaint)
        this.#context.core.log.write("warn", news, { network: before.networkName });
      this.#complaint = news;
      return;
    }
    this.#record = news.record;
    this.#directory = news.directory;
    this.#proxies = news.proxies;
    this.#context.noteMapped(news.mapped, this.#mapped);
    this.#mapped = news.mapped;
    if (JSON.stringify(before) !== JSON.stringify(this.#record)) this.#context.stateChanged();
    this.#connected(peer);
  }

  addresses(): NetworkAddresses {
    const { assigned, enabled, sharedRanges } = this.#record;
    // They stay while the host is away: what applications joined and connected waits for its return.
    if (!assigned || !enabled || this.#state.state === "refused") return NO_ADDRESSES;
    const own = memberAddresses(assigned.plan, assigned.number);
    const { prefix6, prefix4 } = assigned.plan;
    const peer = this.#peer;
    const lans = viaOf(this.lanWays());
    return {
      addresses: [
        { address: own.address6, prefixLength: 64 },
        { address: own.address4, prefixLength: 32 },
      ],
      routes: [prefix6, prefix4, ...this.#landing(sharedRanges)],
      lans: lans.map((prefix) => ({
        prefix,
        source: family(prefix.address) === 4 ? own.address4 : own.address6,
      })),
      unicast: peer?.forwarding
        ? [
            ...[prefix6, prefix4].map((prefix) => ({ ...mappedPrefix(prefix), vif: peer.id })),
            ...lans.map((prefix) => ({ ...mappedPrefix(prefix), vif: peer.id, lan: true })),
          ]
        : [],
      behindTun: this.routedSubnet ? [this.routedSubnet.subnet] : [],
    };
  }

  /** The host's LANs, and how this computer reaches each. */
  lanWays(): readonly LanWay[] {
    return this.#context.lanWays(this.id);
  }

  /** The interface on which this computer is the router of its own /64; undefined: on none. */
  setRouteOn(routeOn: ChosenInterface | undefined): void {
    const { routeOn: _, ...rest } = this.#record;
    this.#record = { ...rest, ...(routeOn !== undefined && { routeOn }) };
    this.#context.stateChanged();
    this.#context.addressesChanged();
  }

  /** Its hosts reach the members, and by IPv6 what the host shares. */
  get routedSubnet(): RoutedSubnet | undefined {
    const { routeOn, assigned, enabled } = this.#record;
    if (!enabled || routeOn === undefined || !assigned || this.#state.state === "refused") return undefined;
    const lans = viaOf(this.lanWays()).filter(({ address }) => family(address) === 6);
    const { prefix6 } = assigned.plan;
    return {
      on: routeOn,
      interfaceName: routeOn.name,
      subnet: memberAddresses(assigned.plan, assigned.number).subnet6,
      reach: [prefix6, ...lans.filter((lan) => !prefixContains(prefix6, lan.address))],
    };
  }

  setUseLans(useLans: boolean): void {
    this.#record = { ...this.#record, useLans };
    this.#context.stateChanged();
    this.#context.addressesChanged();
  }

  /** The ways to the host's LANs may be other ones: what it may send from is what we send to it. */
  refreshSources(): void {
    if (this.#peer?.forwarding) this.#admit(this.#peer);
  }

  #admit(peer: Peer): void {
    const { prefix6, prefix4 } = this.#record.assigned!.plan;
    const prefixes = [prefix6, prefix4, ...viaOf(this.lanWays())];
    peer.admit(this.id, false, prefixes.map(mappedPrefix));
  }

  /** Asked often, and the same for as long as the host says the same. */
  #landing(ranges: readonly Prefix[]): readonly Prefix[] {
    if (this.#landingOf !== ranges) {
      this.#landingOf = ranges;
      this.#landingRanges = landingRanges(ranges, scopePolicy(ROUTABLE));
    }
    return this.#landingRanges;
  }

  #lookUp(peer: Peer): CandidateLookup {
    const { core, resolve, lastEndpoint, streamTargets } = this.#context;
    // Where no name can be looked up a proxy may do it: that does not wait.
    peer.session.setStreamTargets(streamTargets(this.#record.candidates, []));
    return new CandidateLookup({
      core,
      resolve,
      candidates: () => this.#record.candidates,
      wanted: () => this.#peer === peer && !peer.session.up,
      found: (candidates) => {
        if (this.#peer !== peer) return;
        const last = lastEndpoint(peer.publicKey);
        const endpoints: Endpoint[] = last ? [last] : [];
        for (const candidate of candidates)
          if (!endpoints.some((known) => sameEndpoint(known, candidate))) endpoints.push(candidate);
        peer.session.setCandidates(endpoints);
        peer.session.setStreamTargets(streamTargets(this.#record.candidates, endpoints));
        core.turn();
      },
    });
  }

  #connected(peer: Peer): void {
    const { assigned } = this.#record;
    if (!assigned) return;
    this.#admit(peer);
    this.#context.addressesChanged();
    if (this.#state.state === "connected") return;
    this.#context.core.log.write("info", "connected", {
      network: this.#record.networkName,
      number: assigned.number,
      prefix: prefixText(assigned.plan.prefix6),
    });
    this.#become({ state: "connected", since: this.#context.core.clock.wall() });
  }

  #refused(status: HandshakeStatus): void {
    this.#become({ state: "refused", status });
    const peer = this.#peer;
    this.#peer = undefined;
    this.#lookup?.stop();
    peer?.close("bye");
    this.#context.addressesChanged();
  }

  #become(state: JoinedState): void {
    const before = this.#state.state;
    this.#state = state;
    if (before !== state.state) this.#context.reachChanged();
    this.#context.core.changed();
    for (const watcher of this.#watchers) watcher(state);
  }
}

function viaOf(ways: readonly LanWay[]): Prefix[] {
  return ways.flatMap(({ via }) => (via ? [via] : []));
}
