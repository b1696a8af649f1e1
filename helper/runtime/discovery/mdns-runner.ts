import { MDNS_GROUP_4, MDNS_GROUP_6, MDNS_PORT } from "#protocol/discovery/mdns.ts";
import { MdnsProxy } from "#protocol/discovery/mdns-proxy.ts";
import type { Address } from "#wire/address.ts";
import { splitQuestions, type DiscoveryMessage } from "#wire/control-discovery.ts";
import type { Core } from "../core.ts";
import type { Peer } from "../peer.ts";
import { decodeMdns, encodeMdns } from "./dns-codec.ts";
import type { DiscoveryPeer, ProxyRunner, ProxyRunnerOptions } from "./proxy-runner.ts";
import { isOnLink, LinkSockets, type DiscoveryLink } from "./link-sockets.ts";

/** RFC 6762 section 11. */
const MDNS_TTL = 255;

/** The mDNS proxy with its sockets, and with the peers that take part. */
export class MdnsRunner implements ProxyRunner {
  malformed = 0;
  readonly #core: Core;
  readonly #proxy: MdnsProxy;
  readonly #sockets: LinkSockets;
  readonly #peers = new Map<number, Peer>();

  constructor(options: ProxyRunnerOptions) {
    const { core, openSocket, isOwnAddress } = options;
    this.#core = core;
    this.#proxy = new MdnsProxy(options);
    this.#sockets = new LinkSockets({
      core,
      open: openSocket,
      groups: [MDNS_GROUP_4, MDNS_GROUP_6],
      port: MDNS_PORT,
      ttl: MDNS_TTL,
      hearsGroup: true,
      received: (id, _group, payload, from) => {
        const own = isOwnAddress(from.address);
        const link = this.#sockets.get(id);
        // Who asks from a port of its own is answered there (RFC 6762 section 11).
        if (from.port !== MDNS_PORT && !own && !(link && isOnLink(link, from.address))) return;
        const message = decodeMdns(payload);
        if (!message) this.malformed++;
        else this.#proxy.handleMessage(id, message, { ...from, own }, core.clock.now());
      },
    });
    core.scheduler.add(this.#proxy);
  }

  hostNames(): ReadonlyMap<Address, string> {
    return this.#proxy.hostNames();
  }

  counters(): Record<string, number> {
    return { ...this.#proxy.counters, malformed: this.malformed, limited: this.#sockets.limited };
  }

  /** Who takes part now. */
  set(links: readonly DiscoveryLink[], peers: readonly DiscoveryPeer[]): void {
    const now = this.#core.clock.now();
    for (const id of [...this.#sockets.ids()])
      if (!links.some((link) => link.id === id)) this.#proxy.removeLink(id, now);
    this.#drain();
    this.#sockets.set(links);
    for (const { id, whole, passiveFor } of links) this.#proxy.setLink(id, { whole, passiveFor }, now);
    const wanted = new Map(peers.map((one) => [one.peer.id, one]));
    for (const [id, peer] of this.#peers) {
      if (wanted.has(id)) continue;
      const lost = this.#core.vifs.get(id) === peer && !peer.session.up;
      this.#proxy.removePeer(id, lost, now);
      if (lost) continue;
      peer.services.tell(new Map());
      this.#peers.delete(id);
    }
    for (const [id, { peer, network, tells }] of wanted) {
      const known = this.#peers.get(id) === peer;
      this.#peers.set(id, peer);
      this.#proxy.setPeer(id, { network, tells }, now);
      if (!known) this.#proxy.setPeerRecords(id, peer.services.records, now);
    }
  }

  recordsChanged(peer: Peer): void {
    if (this.#peers.has(peer.id))
      this.#proxy.setPeerRecords(peer.id, peer.services.records, this.#core.clock.now());
  }

  handle(peer: Peer, message: DiscoveryMessage): void {
    if (message.type === "mdns-questions")
      this.#proxy.handleQuestions(peer.id, message.questions, this.#core.clock.now());
  }

  flush(): void {
    this.#drain();
  }

  /** Takes back what is shown. */
  close(): void {
    this.#proxy.close(this.#core.clock.now());
    this.#drain();
    for (const peer of this.#peers.values()) peer.services.tell(new Map());
    this.#core.scheduler.remove(this.#proxy);
    this.#sockets.close();
  }

  #drain(): void {
    for (let command; (command = this.#proxy.nextCommand());) {
      switch (command.type) {
        case "send":
          for (const bytes of encodeMdns(command.message))
            this.#sockets.send(command.link, bytes, command.to);
          break;
        case "ask-peer":
          for (const questions of splitQuestions(command.questions))
            this.#peers.get(command.peer)?.services.send({ type: "mdns-questions", questions });
          break;
        case "tell-peer":
          this.#peers.get(command.peer)?.services.tell(command.entries);
      }
    }
  }
}
