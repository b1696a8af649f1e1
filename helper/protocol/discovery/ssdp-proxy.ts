import type { Address } from "#wire/address.ts";
import type { DiscoveryMessage, SsdpDevice } from "#wire/control-discovery.ts";
import type { SsdpMessage } from "#wire/ssdp-message.ts";
import type { ProxyLinkOptions, ProxyOptions, ProxyPeerOptions } from "./proxy-options.ts";
import { ReachableDevices } from "./reachable-devices.ts";
import { RecentlyAsked } from "./recently-asked.ts";
import { deviceOf, goodbye, notifyKey } from "./ssdp-device.ts";
import { isNews, matches, SsdpSearches, type Search } from "./ssdp-searches.ts";

export const SSDP_PORT = 1900;
export const SSDP_GROUP_4 = "239.255.255.250";
export const SSDP_GROUP_6 = "ff02::c";

/** The same thing is not said or asked again within this time: devices say everything two or three times. */
const REPEAT_MS = 900;
/** Devices of one peer. */
const MAX_DEVICES = 512;
/** A peer that is gone may be back at once: its devices stay for this long. */
const PEER_GRACE = 15_000;

interface Source {
  readonly address: Address;
  readonly port: number;
  readonly own: boolean;
}

export type SsdpCommand =
  /** From the socket whose answers come to `handleAnswer`. */
  | { readonly type: "search"; readonly link: number; readonly target: string; readonly mx: number }
  | { readonly type: "notify"; readonly link: number; readonly device: SsdpDevice }
  | {
      readonly type: "answer";
      readonly link: number;
      readonly to: { readonly address: Address; readonly port: number };
      readonly device: SsdpDevice;
    }
  | { readonly type: "tell-peer"; readonly peer: number; readonly message: DiscoveryMessage };

interface Peer {
  options: ProxyPeerOptions;
  readonly asks: RecentlyAsked;
  /** What it told of that is there, by USN and target. */
  readonly devices: Map<string, SsdpDevice>;
  lostAt: number | undefined;
}

interface Link {
  options: ProxyLinkOptions;
  readonly heard: RecentlyAsked;
}

export interface SsdpCounters {
  relayed: number; // messages of other proxies, left alone
  limited: number;
  unreachable: number; // devices that members could find and not use
  unasked: number; // answers to no search
}

/**
 * Carries searches for devices, their answers and what devices say of themselves between this computer's links and
 * its peers, by the same rules as MdnsProxy. Who searched gets each device once, as if it had answered itself.
 */
export class SsdpProxy {
  readonly #counters: Omit<SsdpCounters, "unreachable"> = { relayed: 0, limited: 0, unasked: 0 };
  readonly #options: ProxyOptions;
  readonly #links = new Map<number, Link>();
  readonly #peers = new Map<number, Peer>();
  readonly #searches = new SsdpSearches();
  readonly #devices: ReachableDevices;
  readonly #commands: SsdpCommand[] = [];

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#devices = new ReachableDevices(options);
  }

  get counters(): Readonly<SsdpCounters> {
    const { relayed, limited, unasked } = this.#counters;
    const { unreachable } = this.#devices;
    return { relayed, limited: limited + this.#searches.givenUp, unreachable, unasked };
  }

  /** How much there is of what others can make grow. */
  get sizes(): { readonly searches: number; readonly devices: number } {
    const devices = [...this.#peers.values()].reduce((sum, peer) => sum + peer.devices.size, 0);
    return { searches: this.#searches.size, devices };
  }

  nextCommand(): SsdpCommand | undefined {
    return this.#commands.shift();
  }

  setLink(id: number, options: ProxyLinkOptions): void {
    const link = this.#links.get(id);
    if (link) link.options = options;
    else this.#links.set(id, { options, heard: new RecentlyAsked(REPEAT_MS) });
  }

  removeLink(id: number): void {
    this.#links.delete(id);
    this.#searches.removeOfLink(id);
  }

  setPeer(id: number, options: ProxyPeerOptions): void {
    const peer = this.#peers.get(id);
    if (peer) {
      peer.options = options;
      peer.lostAt = undefined;
    } else
      this.#peers.set(id, {
        options,
        asks: new RecentlyAsked(REPEAT_MS),
        devices: new Map(),
        lostAt: undefined,
      });
  }

  /** `lost`: it may come back soon. Otherwise its devices go at once. */
  removePeer(id: number, lost: boolean, now: number): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    this.#searches.removeOfPeer(id);
    if (lost) {
      peer.lostAt ??= now;
      return;
    }
    this.#peers.delete(id);
    for (const { target, usn } of peer.devices.values()) this.#pass(id, peer, goodbye(target, usn), 0);
  }

  /** To the group, on a link. */
  handleMessage(linkId: number, message: SsdpMessage, source: Source, now: number): void {
    const link = this.#links.get(linkId);
    if (!link) return;
    if (message.relayed) {
      this.#counters.relayed++;
      return;
    }
    if (!link.options.whole && !source.own) return;
    if (message.kind === "search") this.#search(linkId, link, message, source, now);
    else if (message.kind === "notify") this.#notify(link, message, now);
  }

  /** To the socket that searched on a link. */
  handleAnswer(linkId: number, message: SsdpMessage, source: Source): void {
    const link = this.#links.get(linkId);
    if (message.kind !== "found" || !link || (!link.options.whole && !source.own)) return;
    let asked = false;
    for (const search of this.#searches.values()) {
      if (search.network === undefined || link.options.passiveFor.has(search.network)) continue;
      if (!matches(search.target, message.target)) continue;
      asked = true;
      const device = this.#devices.exported(search.network, message);
      if (device) this.#deliver(search, device);
    }
    if (!asked) this.#counters.unasked++;
  }

  handlePeerMessage(peerId: number, message: DiscoveryMessage, now: number): void {
    const peer = this.#peers.get(peerId);
    if (!peer) return;
    switch (message.type) {
      case "ssdp-search":
        return this.#searchFor(peerId, peer, message, now);
      case "ssdp-found": {
        const search = this.#searches.get(message.id);
        if (search && this.#mayAnswer(search, peer) && matches(search.target, message.target))
          this.#deliver(search, deviceOf(message), peer.options.network);
        else this.#counters.unasked++;
        return;
      }
      case "ssdp-notify":
        return this.#notified(peerId, peer, message, now);
      case "mdns-questions":
    }
  }

  pollTimeout(): number | undefined {
    let earliest = this.#searches.pollTimeout();
    for (const { lostAt } of this.#peers.values())
      if (lostAt !== undefined) earliest = Math.min(earliest, lostAt + PEER_GRACE);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    this.#searches.handleTimeout(now);
    for (const [id, { lostAt }] of this.#peers)
      if (lostAt !== undefined && now - lostAt >= PEER_GRACE) this.removePeer(id, false, now);
  }

  /** Takes back what was shown. */
  close(now: number): void {
    for (const id of [...this.#peers.keys()]) this.removePeer(id, false, now);
    this.#searches.clear();
  }

  // ── searches ─────────────────────────────────────────────────────────────

  #search(
    linkId: number,
    link: Link,
    { target, mx }: { readonly target: string; readonly mx: number },
    { address, port }: Source,
    now: number,
  ): void {
    if (!this.#first(link.heard, `${address} ${port} ${target}`, now)) return;
    const asker = { link: linkId, to: { address, port } };
    const id = this.#searches.add({ target, network: undefined, asker }, mx, now);
    for (const [peer, { options }] of this.#peers)
      if (!link.options.passiveFor.has(options.network))
        this.#tell(peer, { type: "ssdp-search", id, mx, target });
  }

  #searchFor(
    peerId: number,
    peer: Peer,
    { id: theirs, mx, target }: Extract<DiscoveryMessage, { type: "ssdp-search" }>,
    now: number,
  ): void {
    const { network, tells } = peer.options;
    if (target === "" || !this.#first(peer.asks, `search ${theirs} ${target}`, now)) return;
    const seconds = Math.min(Math.max(mx, 1), 5);
    const asker = { peer: peerId, id: theirs };
    const id = this.#searches.add({ target, network, asker }, seconds, now);
    if (tells)
      for (const [link, { options }] of this.#links)
        if (!options.passiveFor.has(network))
          this.#commands.push({ type: "search", link, target, mx: seconds });
    for (const [other, { options }] of this.#peers)
      if (other !== peerId && options.network === network)
        this.#tell(other, { type: "ssdp-search", id, mx: seconds, target });
  }

  /** Networks are not joined with each other. */
  #mayAnswer(search: Search, peer: Peer): boolean {
    return search.network === undefined || search.network === peer.options.network;
  }

  /** `network`: where the device was told; undefined: it was heard here. */
  #deliver(search: Search, device: SsdpDevice, network?: string): void {
    if (!isNews(search, device)) return;
    const { asker } = search;
    if ("peer" in asker) {
      this.#tell(asker.peer, { type: "ssdp-found", id: asker.id, ...device });
      return;
    }
    const shown = network === undefined ? device : this.#devices.imported(network, device);
    if (shown) this.#commands.push({ type: "answer", link: asker.link, to: asker.to, device: shown });
  }

  // ── devices that speak of themselves ─────────────────────────────────────

  #notify(link: Link, message: SsdpDevice, now: number): void {
    if (!this.#first(link.heard, notifyKey(message), now)) return;
    for (const [peer, { options }] of this.#peers) {
      if (!options.tells || link.options.passiveFor.has(options.network)) continue;
      const device =
        message.maxAge === 0 ? deviceOf(message) : this.#devices.exported(options.network, message);
      if (device) this.#tell(peer, { type: "ssdp-notify", origin: this.#options.origin, ...device });
    }
  }

  #notified(
    peerId: number,
    peer: Peer,
    message: Extract<DiscoveryMessage, { type: "ssdp-notify" }>,
    now: number,
  ): void {
    const { origin, target, usn } = message;
    if (origin === this.#options.origin || target === "" || usn === "") return;
    if (!this.#first(peer.asks, notifyKey(message), now)) return;
    const key = `${usn} ${target}`;
    if (message.maxAge === 0) peer.devices.delete(key);
    else if (peer.devices.size >= MAX_DEVICES && !peer.devices.has(key)) {
      this.#counters.limited++;
      return;
    } else peer.devices.set(key, deviceOf(message));
    this.#pass(peerId, peer, deviceOf(message), origin);
  }

  /** What a peer told, to the links and to the other peers of its network. */
  #pass(peerId: number, { options: { network } }: Peer, device: SsdpDevice, origin: number): void {
    const shown = device.maxAge === 0 ? device : this.#devices.imported(network, device);
    if (shown)
      for (const [link, { options }] of this.#links)
        if (!options.passiveFor.has(network)) this.#commands.push({ type: "notify", link, device: shown });
    for (const [other, { options }] of this.#peers)
      if (other !== peerId && options.network === network)
        this.#tell(other, { type: "ssdp-notify", origin, ...device });
  }

  // ── both ─────────────────────────────────────────────────────────────────

  #first(asked: RecentlyAsked, key: string, now: number): boolean {
    const may = asked.ask(key, now);
    if (may === "limited") this.#counters.limited++;
    return may === "yes";
  }

  #tell(peer: number, message: DiscoveryMessage): void {
    if (this.#peers.get(peer)?.lostAt === undefined)
      this.#commands.push({ type: "tell-peer", peer, message });
  }
}
