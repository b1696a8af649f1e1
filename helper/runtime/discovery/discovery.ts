import { originId } from "#protocol/addressing/network-id.ts";
import type { ProxyName } from "#protocol/discovery/presets.ts";
import type { Link } from "#ports/links.ts";
import type { LinkSocket, LinkSocketOptions } from "#ports/link-socket.ts";
import { family, prefixText, type Address } from "#wire/address.ts";
import type { SharedLan } from "#wire/control-network.ts";
import type { Core } from "../core.ts";
import type { Lans } from "../lans.ts";
import type { Networks } from "../networks.ts";
import type { Peer } from "../peer.ts";
import type { TunnelEnd } from "../tunnel-end.ts";
import type { DiscoveryLink } from "./link-sockets.ts";
import { MdnsRunner } from "./mdns-runner.ts";
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

/** A peer that takes part in a proxy. */
export interface DiscoveryPeer {
  readonly peer: Peer;
  readonly network: string;
  /** What is heard on our links may be told to it. */
  readonly tells: boolean;
}

/**
 * Which proxies run, on which links, with which peers. The host's switch lets its network in: guests then find what is
 * there. What is on a guest's own side goes out only where the guest switched the proxy on, too.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #addresses: ReachableAddresses;
  #mdns: MdnsRunner | undefined;
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
    return this.#mdns ? ["mdns"] : [];
  }

  counters(): Record<string, number> {
    const out: Record<string, number> = {};
    for (const [name, count] of Object.entries(this.#mdns?.counters() ?? {})) out[`mdns.${name}`] = count;
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
    const mdns = this.#peers("mdns");
    this.#follow(mdns);
    for (const { peer } of mdns) {
      if (peer.services.takeChanged()) this.#mdns?.recordsChanged(peer);
      for (const message of peer.services.takeMessages())
        if (message.type === "mdns-questions") this.#mdns?.handle(peer, message);
    }
    this.#mdns?.flush();
  }

  close(): void {
    this.#mdns?.close();
    this.#mdns = undefined;
    this.#options.core.parts.delete(this);
  }

  #follow(mdns: readonly DiscoveryPeer[]): void {
    const { core, openSocket } = this.#options;
    const wanted = mdns.length > 0 || this.#wanted("mdns");
    const lans = this.#options.sharedLans();
    const state = [
      wanted,
      ...lans.map(({ prefix }) => prefixText(prefix)),
      ...this.#links.map(({ id, passiveFor }) => `${id} ${[...passiveFor].join()}`),
      ...mdns.map(({ peer, network, tells }) => `${peer.id} ${peer.name} ${network} ${tells}`),
    ].join("\n");
    if (state === this.#state) return;
    this.#state = state;
    this.#addresses.refresh(this.#own, lans);
    if (!wanted) {
      this.#mdns?.close();
      this.#mdns = undefined;
      return;
    }
    this.#mdns ??= new MdnsRunner({
      core,
      openSocket,
      origin: originId(this.#options.ownPublicKey),
      exportAddress: (network, address) => this.#addresses.exported(network, address),
      importAddress: (network, address) => this.#addresses.imported(network, address),
      isOwnAddress: (address) => this.#own.has(address),
    });
    this.#mdns.set(this.#links, mdns);
    core.changed();
  }

  /** Does a network want the proxy, whether or not anybody is there now? */
  #wanted(name: ProxyName): boolean {
    const { hosted, joined } = this.#options.networks;
    if (hosted?.enabled && hosted.proxies.has(name)) return true;
    return [...joined.values()].some(({ record, proxies }) => record.enabled && proxies.has(name));
  }

  #peers(name: ProxyName): DiscoveryPeer[] {
    const { networks, proxies } = this.#options;
    const { hosted, joined } = networks;
    const found: DiscoveryPeer[] = [];
    if (hosted?.proxies.has(name))
      for (const peer of hosted.peers())
        if (peer.session.up) found.push({ peer, network: hosted.id, tells: true });
    for (const { id, peer, proxies: offered } of joined.values())
      if (offered.has(name) && peer?.forwarding && peer.session.up)
        found.push({ peer, network: id, tells: proxies().has(name) });
    return found;
  }
}

const NOBODY: ReadonlySet<string> = new Set();

function linkOf(link: Link, id: number, whole: boolean, passiveFor: ReadonlySet<string>): DiscoveryLink {
  const families = new Set(link.addresses.map(({ address }) => family(address)));
  return { id, name: link.name, index: link.index, whole, passiveFor, families };
}
