import { originId } from "#protocol/addressing/network-id.ts";
import { networkOf } from "#protocol/addressing/shared-lans.ts";
import { PROXIES, type ProxyName } from "#protocol/discovery/presets.ts";
import type { Link } from "#ports/links.ts";
import type { LinkSocket, LinkSocketOptions } from "#ports/link-socket.ts";
import { family, prefixText, type Address } from "#wire/address.ts";
import type { SharedLan } from "#wire/control-network.ts";
import type { Core } from "../core.ts";
import type { Lans } from "../lans.ts";
import type { Networks } from "../networks.ts";
import type { TunnelEnd } from "../tunnel-end.ts";
import type { DiscoveryLink } from "./link-sockets.ts";
import { MdnsRunner } from "./mdns-runner.ts";
import { SsdpRunner } from "./ssdp-runner.ts";
import type { DiscoveryPeer, ProxyRunner, ProxyRunnerOptions } from "./proxy-runner.ts";
import { ReachableAddresses } from "./reachable-addresses.ts";

export interface DiscoveryOptions {
  readonly core: Core;
  readonly networks: Networks;
  readonly lans: Lans;
  readonly tun: TunnelEnd;
  readonly ownPublicKey: Uint8Array;
  readonly links: () => readonly Link[];
  readonly openSocket: (options: LinkSocketOptions) => LinkSocket;
  /** Proxies that people switched on here. */
  readonly proxies: () => ReadonlySet<ProxyName>;
  /** LANs of the hosted network that members are let into. */
  readonly sharedLans: () => readonly SharedLan[];
}

/**
 * Which proxies run, on which links, with which peers. The host's switch lets its network in: guests then find what is
 * there. What is on a guest's own side goes out only where the guest switched the proxy on, too.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #addresses: ReachableAddresses;
  readonly #runners = new Map<ProxyName, ProxyRunner>();
  #links: readonly DiscoveryLink[] = [];
  #own: ReadonlySet<Address> = new Set();
  #state = "";

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#addresses = new ReachableAddresses(options.networks);
    options.core.parts.add(this);
  }

  /** Proxies that run now. */
  running(): ProxyName[] {
    return [...this.#runners.keys()].sort();
  }

  /** What hosts are called by mDNS, where its proxy runs, by their addresses. Strangers said so. */
  hostNames(): ReadonlyMap<Address, string> {
    const mdns = this.#runners.get("mdns");
    return mdns instanceof MdnsRunner ? mdns.hostNames() : new Map();
  }

  counters(): Record<string, number> {
    const out: Record<string, number> = {};
    for (const [proxy, runner] of this.#runners)
      for (const [name, count] of Object.entries(runner.counters())) out[`${proxy}.${name}`] = count;
    return out;
  }

  /** Interfaces or their addresses have changed. */
  refresh(): void {
    const { links, tun, lans } = this.#options;
    const all = links();
    this.#own = new Set(all.flatMap((link) => link.addresses.map((own) => own.address)));
    const found: DiscoveryLink[] = [];
    const tunLink = all.find((link) => link.name === tun.name);
    if (tunLink && tun.vif !== undefined) found.push(linkOf(tunLink, tun.vif, false, NOBODY));
    for (const lan of lans.vifs()) {
      const link = all.find((one) => one.index === lan.link.index);
      if (link?.running) found.push(linkOf(link, lan.id, lan.mode === "full", lan.passiveFor));
    }
    this.#links = found;
    this.#state = "";
  }

  /** Once a turn. */
  flush(): void {
    const peers = new Map(PROXIES.map((name) => [name, this.#peers(name)]));
    this.#follow(peers);
    const all = new Set([...peers.values()].flatMap((some) => some.map(({ peer }) => peer)));
    for (const peer of all) {
      const changed = peer.services.takeChanged();
      const messages = peer.services.takeMessages();
      for (const runner of this.#runners.values()) {
        if (changed) runner.recordsChanged(peer);
        for (const message of messages) runner.handle(peer, message);
      }
    }
    for (const runner of this.#runners.values()) runner.flush();
  }

  close(): void {
    for (const runner of this.#runners.values()) runner.close();
    this.#runners.clear();
    this.#options.core.parts.delete(this);
  }

  #follow(peers: ReadonlyMap<ProxyName, readonly DiscoveryPeer[]>): void {
    const { core } = this.#options;
    const lans = this.#options.sharedLans();
    const wanted = PROXIES.filter((name) => this.#wanted(name));
    const state = [
      wanted.join(),
      ...lans.map(({ prefix }) => prefixText(prefix)),
      ...this.#links.map(({ id, passiveFor }) => `${id} ${[...passiveFor].join()}`),
      ...[...peers].flatMap(([name, some]) =>
        some.map(({ peer, network, tells }) => `${name} ${peer.id} ${peer.name} ${network} ${tells}`),
      ),
    ].join("\n");
    if (state === this.#state) return;
    this.#state = state;
    this.#addresses.refresh(this.#own, lans);
    for (const name of PROXIES) {
      const runner = this.#runners.get(name);
      if (wanted.includes(name)) this.#start(name).set(this.#links, peers.get(name) ?? []);
      else {
        runner?.close();
        this.#runners.delete(name);
      }
    }
    core.changed();
  }

  #start(name: ProxyName): ProxyRunner {
    const running = this.#runners.get(name);
    if (running) return running;
    const { core, openSocket } = this.#options;
    const runner = new RUNNERS[name]({
      core,
      openSocket,
      origin: originId(this.#options.ownPublicKey),
      exportAddress: (network, address) => this.#addresses.exported(network, address),
      importAddress: (network, address) => this.#addresses.imported(network, address),
      isOwnAddress: (address) => this.#own.has(address),
    });
    this.#runners.set(name, runner);
    return runner;
  }

  /** Does a network want the proxy, whether or not anybody is there now? */
  #wanted(name: ProxyName): boolean {
    const { hosted, joined, byFile } = this.#options.networks;
    if (hosted?.enabled && hosted.proxies.has(name)) return true;
    if (byFile.proxies.has(name)) return true;
    return [...joined.values()].some(({ record, proxies }) => record.enabled && proxies.has(name));
  }

  #peers(name: ProxyName): DiscoveryPeer[] {
    const { networks, proxies } = this.#options;
    const { hosted, joined, byFile } = networks;
    const found: DiscoveryPeer[] = [];
    if (hosted?.proxies.has(name))
      for (const peer of hosted.peers())
        if (peer.session.up) found.push({ peer, network: hosted.id, tells: true });
    for (const { id, peer, proxies: offered } of joined.values())
      if (offered.has(name) && peer?.forwarding && peer.session.up)
        found.push({ peer, network: id, tells: proxies().has(name) });
    if (byFile.proxies.has(name))
      for (const peer of byFile.peers())
        if (peer.session.up) found.push({ peer, network: byFile.id, tells: true });
    return found;
  }
}

const RUNNERS: Readonly<Record<ProxyName, new (options: ProxyRunnerOptions) => ProxyRunner>> = {
  mdns: MdnsRunner,
  ssdp: SsdpRunner,
};
const NOBODY: ReadonlySet<string> = new Set();

function linkOf(link: Link, id: number, whole: boolean, passiveFor: ReadonlySet<string>): DiscoveryLink {
  const families = new Set(link.addresses.map(({ address }) => family(address)));
  const prefixes = link.addresses.map(({ address, prefixLength }) => networkOf(address, prefixLength));
  return { id, name: link.name, index: link.index, whole, passiveFor, families, prefixes };
}
