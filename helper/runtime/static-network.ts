import { labelledHash, networkIdText } from "#protocol/addressing/network-id.ts";
import { staticAddresses, type StaticAddresses } from "#protocol/addressing/static-addresses.ts";
import type { ProxyName } from "#protocol/discovery/presets.ts";
import { landingRanges } from "#protocol/forwarding/landing-ranges.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import type { Accepted, Authorization } from "#protocol/session/acceptor.ts";
import type { SessionEvent } from "#protocol/session/session-types.ts";
import { NO_VIF } from "#ports/fast-path.ts";
import { family, prefixText, type Prefix } from "#wire/address.ts";
import { mappedPrefix, NO_ADDRESSES, type NetworkAddresses, type NetworkContext } from "./network-context.ts";
import type { Peer, PeerNetwork } from "./peer.ts";
import type { PeersConfig, StaticPeer } from "./peers-file/peers-config.ts";
import { StaticPeerRuntime } from "./static-peer.ts";

const ROUTABLE = scopePolicy(["224.0.0.0/4", "ff00::/8"]);

/** This computer's own, wherever it is. */
export const OWN_NUMBER = 1;

export interface StaticNetworkOptions {
  readonly context: NetworkContext;
  /** Undefined: there is no peers file. */
  readonly config: () => PeersConfig | undefined;
  /** False: disconnected by `down`, until `up`. */
  readonly enabled: () => boolean;
}

/**
 * The peers of the peers file: a network without a host, in which each has its own list of the others. Nothing crosses
 * from one peer to another, unless the file makes this computer the hub of a star.
 */
export class StaticNetworkRuntime implements PeerNetwork {
  readonly #options: StaticNetworkOptions;
  readonly #lastSeen = new Map<string, number>(); // wall ms by public key
  #peers = new Map<string, StaticPeerRuntime>(); // by public key, hexadecimal, in the order of the file
  #config: PeersConfig | undefined;
  #shared: readonly Prefix[] = [];
  #ofPresets: readonly Prefix[] = [];
  #landing: readonly Prefix[] = [];
  #proxies: ReadonlySet<ProxyName> = new Set();

  constructor(options: StaticNetworkOptions) {
    this.#options = options;
  }

  /** What is in force; undefined: no peers. */
  get config(): PeersConfig | undefined {
    return this.#config;
  }

  /** There are peers, and they may be talked to. */
  get active(): boolean {
    return this.#config !== undefined && this.#options.enabled();
  }

  get id(): string {
    const name = new TextEncoder().encode(this.#config?.network ?? "");
    return networkIdText(labelledHash("castaway static network", name).slice(0, 16));
  }

  get sharedRanges(): readonly Prefix[] {
    return this.#config ? this.#shared : [];
  }

  /** Discovery proxies that people switched on here: nobody else decides in this network. */
  get proxies(): ReadonlySet<ProxyName> {
    return this.active ? this.#proxies : new Set();
  }

  /** This computer's own addresses in it. */
  get own(): StaticAddresses {
    return staticAddresses(this.#options.context.localStatic.publicKey, this.#config?.addresses);
  }

  list(): readonly StaticPeerRuntime[] {
    return [...this.#peers.values()];
  }

  /** This computer is 1, the lines of the file follow. */
  numberOf(one: StaticPeerRuntime): number {
    return OWN_NUMBER + 1 + this.list().indexOf(one);
  }

  numbered(number: number): StaticPeerRuntime | undefined {
    return this.list()[number - OWN_NUMBER - 1];
  }

  /** By the peer's vif. */
  byPeer(peer: Peer): StaticPeerRuntime | undefined {
    const found = this.#peers.get(peer.publicKey.toHex());
    return found?.peer === peer ? found : undefined;
  }

  lastSeen(publicKey: Uint8Array): number | undefined {
    return this.#lastSeen.get(publicKey.toHex());
  }

  /** The file, or whether the network is on, has changed. Who is not in it any more is out at once. */
  refresh(): void {
    const before = this.#config;
    const said = this.#options.config();
    this.#config = said && said.peers.length > 0 ? said : undefined;
    const lines = this.active ? this.#config!.peers : [];
    const known = this.#peers;
    const same = sameNetwork(before, this.#config);
    for (const [key, one] of known) {
      const line = same ? lines.find(({ publicKey }) => publicKey.toHex() === key) : undefined;
      if (line && one.change(line)) continue;
      known.delete(key);
      one.close("bye");
    }
    this.#peers = new Map(
      lines.map((line) => {
        const key = line.publicKey.toHex();
        return [key, known.get(key) ?? this.#add(line)];
      }),
    );
    this.#reshare();
    this.#changed();
  }

  /** Ranges and proxies that the presets of this computer open. */
  setShared(ranges: readonly Prefix[], proxies: ReadonlySet<ProxyName>): void {
    const before = [...this.#shared.map(prefixText), ...this.#proxies].join();
    this.#ofPresets = ranges;
    this.#proxies = proxies;
    this.#reshare();
    if (this.#config && before !== [...this.#shared.map(prefixText), ...proxies].join())
      this.#options.context.addressesChanged();
  }

  close(reason: "bye" | "restarting"): void {
    for (const one of this.#peers.values()) one.close(reason);
    this.#peers.clear();
  }

  handleNetworkChanged(now: number): void {
    for (const one of this.#peers.values()) one.handleNetworkChanged(now);
  }

  authorize(publicKey: Uint8Array): Authorization | undefined {
    const psk = this.#peers.get(publicKey.toHex())?.config.psk;
    return psk && { psk, status: "ok" };
  }

  ownerOf(publicKey: Uint8Array): Peer | undefined {
    return this.#peers.get(publicKey.toHex())?.peer;
  }

  accepted(accepted: Accepted, now: number): void {
    this.ownerOf(accepted.publicKey)?.accepted(accepted, now);
  }

  /** Those who may be sent to. */
  peers(): Peer[] {
    return this.list().flatMap(({ peer }) => (peer?.forwarding ? [peer] : []));
  }

  peerEvent(peer: Peer, event: Exclude<SessionEvent, { type: "control" }>): void {
    const { context } = this.#options;
    const found = this.byPeer(peer);
    if (!found) return;
    switch (event.type) {
      case "established":
      case "resumed":
        if (peer.session.endpoint) context.rememberEndpoint(peer.publicKey, peer.session.endpoint);
        context.core.log.write("info", "a peer is here", { peer: peer.name });
        found.admit();
        this.#changed();
        break;
      case "lost":
        context.core.log.write("info", "a peer is gone", { peer: peer.name, reason: event.reason });
        this.#changed();
        break;
      case "gave-up":
        found.handleGaveUp();
        break;
      case "moved":
        context.rememberEndpoint(peer.publicKey, event.endpoint);
    }
    this.#lastSeen.set(peer.publicKey.toHex(), context.core.clock.wall());
  }

  networkChanged(): void {} // peers have nothing to tell about the network: it is in the file

  /** As LANs have to know it; undefined: nobody is there to carry anything for. */
  lanNetwork(): { id: string; host: boolean; hostPublicKey: Uint8Array } | undefined {
    const config = this.#config;
    if (!config || !this.list().some(({ up }) => up)) return undefined;
    const name = new TextEncoder().encode(config.network);
    const secret = labelledHash("castaway static lan", config.networkPsk, name);
    return { id: this.id, host: config.forward, hostPublicKey: secret };
  }

  addresses(): NetworkAddresses {
    const config = this.#config;
    if (!config || !this.active) return NO_ADDRESSES;
    const { address6, address4, prefixes } = this.own;
    const length6 = prefixes.find(({ address }) => family(address) === 6)!.length;
    return {
      addresses: [
        { address: address6, prefixLength: length6 },
        { address: address4, prefixLength: 32 },
      ],
      routes: [
        ...config.peers.flatMap(({ addresses, ranges }) => [...addresses.prefixes, ...ranges]),
        ...this.#landing,
      ],
      lans: [],
      behindTun: [],
      unicast: this.list().flatMap(({ config: { addresses, ranges }, peer }) =>
        // What belongs to who is not here nobody else may use.
        [...addresses.prefixes, ...ranges].map((prefix) => ({
          ...mappedPrefix(prefix),
          vif: peer?.forwarding ? peer.id : NO_VIF,
        })),
      ),
    };
  }

  #add(line: StaticPeer): StaticPeerRuntime {
    const { context } = this.#options;
    const { forward } = this.#config!;
    const added = new StaticPeerRuntime({ context, network: this, networkId: this.id, forward }, line);
    added.start();
    return added;
  }

  #reshare(): void {
    this.#shared = this.#config?.share ?? this.#ofPresets;
    this.#landing = landingRanges(this.#shared, ROUTABLE);
  }

  #changed(): void {
    const { context } = this.#options;
    context.addressesChanged();
    context.reachChanged();
    context.core.changed();
  }
}

/** Are vifs of the one admitted as those of the other are? */
function sameNetwork(a: PeersConfig | undefined, b: PeersConfig | undefined): boolean {
  return (
    a?.network === b?.network && a?.forward === b?.forward && a?.networkPsk.toHex() === b?.networkPsk.toHex()
  );
}
