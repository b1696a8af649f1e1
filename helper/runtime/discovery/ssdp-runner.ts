import { SSDP_GROUP_4, SSDP_GROUP_6, SSDP_PORT, SsdpProxy } from "#protocol/discovery/ssdp-proxy.ts";
import type { Address } from "#wire/address.ts";
import type { DiscoveryMessage } from "#wire/control-discovery.ts";
import { DecodeError } from "#wire/cursor.ts";
import { decodeSsdp, encodeSsdp, type SsdpMessage } from "#wire/ssdp-message.ts";
import type { Core } from "../core.ts";
import type { Peer } from "../peer.ts";
import { isOnLink, LinkSockets, type DiscoveryLink } from "./link-sockets.ts";
import type { DiscoveryPeer, ProxyRunner, ProxyRunnerOptions } from "./proxy-runner.ts";

/** UPnP Device Architecture 2.0 section 1. */
const SSDP_TTL = 2;
const GROUPS = [SSDP_GROUP_4, SSDP_GROUP_6];

/** The SSDP proxy with its sockets, and with the peers that take part. */
export class SsdpRunner implements ProxyRunner {
  malformed = 0;
  readonly #core: Core;
  readonly #proxy: SsdpProxy;
  readonly #group: LinkSockets;
  /** Searches go out from a port of their own, to which devices answer. */
  readonly #search: LinkSockets;
  readonly #peers = new Map<number, Peer>();
  readonly #isOwnAddress: (address: Address) => boolean;

  constructor(options: ProxyRunnerOptions) {
    const { core, openSocket, isOwnAddress } = options;
    this.#core = core;
    this.#isOwnAddress = isOwnAddress;
    this.#proxy = new SsdpProxy(options);
    const common = { core, open: openSocket, groups: GROUPS, port: SSDP_PORT, ttl: SSDP_TTL };
    this.#group = new LinkSockets({
      ...common,
      hearsGroup: true,
      received: (link, _group, payload, from) => {
        const source = this.#source(link, from);
        const message = source && this.#decode(payload);
        if (message) this.#proxy.handleMessage(link, message, source, core.clock.now());
      },
    });
    this.#search = new LinkSockets({
      ...common,
      hearsGroup: false,
      received: (link, _group, payload, from) => {
        const source = this.#source(link, from);
        const message = source && this.#decode(payload);
        if (message) this.#proxy.handleAnswer(link, message, source);
      },
    });
    core.scheduler.add(this.#proxy);
  }

  counters(): Record<string, number> {
    const { limited, ...counters } = this.#proxy.counters;
    return {
      ...counters,
      malformed: this.malformed,
      limited: limited + this.#group.limited + this.#search.limited,
    };
  }

  set(links: readonly DiscoveryLink[], peers: readonly DiscoveryPeer[]): void {
    const now = this.#core.clock.now();
    this.#search.set(links);
    for (const id of this.#group.set(links)) this.#proxy.removeLink(id);
    for (const { id, whole, passiveFor } of links) this.#proxy.setLink(id, { whole, passiveFor });
    const wanted = new Map(peers.map((one) => [one.peer.id, one]));
    for (const [id, peer] of this.#peers) {
      if (wanted.get(id)?.peer === peer) continue;
      const lost = this.#core.vifs.get(id) === peer && !peer.session.up;
      this.#proxy.removePeer(id, lost, now);
      if (!lost) this.#peers.delete(id);
    }
    for (const [id, { peer, network, tells }] of wanted) {
      this.#peers.set(id, peer);
      this.#proxy.setPeer(id, { network, tells });
    }
  }

  handle(peer: Peer, message: DiscoveryMessage): void {
    if (this.#peers.has(peer.id)) this.#proxy.handlePeerMessage(peer.id, message, this.#core.clock.now());
  }

  recordsChanged(): void {} // SSDP has none

  flush(): void {
    for (let command; (command = this.#proxy.nextCommand());)
      switch (command.type) {
        case "search": {
          const { link, target, mx } = command;
          this.#send(this.#search, link, { relayed: true, kind: "search", target, mx });
          break;
        }
        case "notify":
          this.#send(this.#group, command.link, { relayed: true, kind: "notify", ...command.device });
          break;
        case "answer": {
          const message: SsdpMessage = { relayed: false, kind: "found", ...command.device };
          this.#search.send(command.link, encodeSsdp(message, ""), command.to);
          break;
        }
        case "tell-peer":
          this.#peers.get(command.peer)?.services.send(command.message);
      }
  }

  close(): void {
    this.#proxy.close(this.#core.clock.now());
    this.flush();
    this.#core.scheduler.remove(this.#proxy);
    this.#group.close();
    this.#search.close();
  }

  #send(sockets: LinkSockets, link: number, message: SsdpMessage): void {
    for (const group of GROUPS) {
      const host = `${group.includes(":") ? `[${group}]` : group}:${SSDP_PORT}`;
      sockets.send(link, encodeSsdp(message, host), { address: group, port: SSDP_PORT });
    }
  }

  #decode(payload: Uint8Array): SsdpMessage | undefined {
    try {
      return decodeSsdp(payload);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.malformed++;
      return undefined;
    }
  }

  /** The socket for answers hears from everywhere, and who searches is answered. */
  #source(id: number, from: { readonly address: Address; readonly port: number }) {
    const own = this.#isOwnAddress(from.address);
    const link = this.#group.get(id);
    return own || (link && isOnLink(link, from.address)) ? { ...from, own } : undefined;
  }
}
