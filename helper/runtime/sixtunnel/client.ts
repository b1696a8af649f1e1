// A client of the IPv6 tunnel: a TUN device with prefix::1 and the default route, and a connection for as long as it
// runs. While there is none nothing is read from the device: what is sent waits in its queue.
import type { Socket } from "node:net";
import type { PlainTun } from "#ports/plain-tun.ts";
import { firstAddress, halfOf } from "#protocol/sixtunnel/assignments.ts";
import type { SixDrop } from "#protocol/sixtunnel/counters.ts";
import { fromServer, isIpv6, isLinkMulticast } from "#protocol/sixtunnel/packet-rules.ts";
import { parsePrefix, prefixText, type Prefix } from "#wire/address.ts";
import { encodeHello } from "#wire/sixtunnel.ts";
import { Dialling } from "../dialling.ts";
import { BURST, peerText, type SixEndOptions, type SixMulticast } from "./far-end.ts";
import { parseWelcome } from "./greetings.ts";
import { SixLink } from "./link.ts";

/** As the original has it. */
export const RETRY_MS = 2_000;
const DEFAULT_ROUTE = parsePrefix("::/0");

export interface SixClientOptions extends SixEndOptions {
  /** IPv4 address, or a name that has one. */
  readonly host: string;
  readonly port: number;
  /** Six bytes as a MAC address is written. */
  readonly id: string;
  readonly defaultRoute: boolean;
}

export class SixtunnelClient {
  readonly #options: SixClientOptions;
  readonly #peer: string;
  readonly #tun: PlainTun;
  readonly #dialling: Dialling;
  #prefix: Prefix | undefined;
  #half = 0n;
  #link: SixLink | undefined; // it has answered
  #multicast: SixMulticast | undefined;
  #watch: { close(): void } | undefined;

  /** Throws SystemError where the device cannot be had. */
  constructor(options: SixClientOptions) {
    this.#options = options;
    this.#peer = peerText(options.host, options.port);
    this.#tun = options.openTun(options.device);
    this.#dialling = new Dialling({
      host: options.host,
      port: options.port,
      family: 4,
      retryMs: RETRY_MS,
      connected: (socket) => this.#connected(socket),
      failed: (why) => options.said({ event: "unreachable", peer: this.#peer, why }),
    });
  }

  /** The one that it was given last. */
  get prefix(): Prefix | undefined {
    return this.#prefix;
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  get peers(): string[] {
    return this.#link && this.#prefix ? [`${this.#peer} ${prefixText(this.#prefix)}`] : [];
  }

  close(): void {
    this.#dialling.close();
    this.#multicast?.closed();
    this.#multicast = undefined;
    this.#watch?.close();
    this.#watch = undefined;
    this.#tun.close();
  }

  #connected(socket: Socket): void {
    const { id, counters } = this.#options;
    const link: SixLink = new SixLink(socket, counters, {
      greeting: (text) => this.#welcomed(link, text),
      packet: (packet) => this.#fromServer(packet),
      ready: () => this.#watchTun(),
      closed: (reason) => this.#ended(socket, reason),
    });
    socket.write(encodeHello(id));
  }

  #welcomed(link: SixLink, text: string): void {
    const { counters, said, id, multicast } = this.#options;
    const prefix = parseWelcome(text);
    if (!prefix) {
      counters.drops["bad-greeting"]++;
      return link.close("what it answered is no prefix");
    }
    try {
      this.#configure(prefix);
    } catch (error) {
      return link.close(error instanceof Error ? error.message : String(error));
    }
    this.#dialling.established();
    this.#link = link;
    this.#multicast = multicast?.({ peer: this.#peer, prefix, send: (packet) => link.send(packet) });
    said({ event: "connected", peer: this.#peer, id, prefix: prefixText(prefix) });
    link.goGently(0);
  }

  /** The same prefix as before is there still. */
  #configure(prefix: Prefix): void {
    const before = this.#prefix;
    if (before && prefixText(before) === prefixText(prefix)) return;
    this.#tun.addAddress(firstAddress(prefix), 64);
    if (before) this.#tun.removeAddress(firstAddress(before), 64);
    if (this.#options.defaultRoute) this.#tun.addRoute(DEFAULT_ROUTE);
    this.#prefix = prefix;
    this.#half = halfOf(prefix.address);
  }

  #fromServer(packet: Uint8Array): void {
    if (!this.#link) return this.#drop("not-connected");
    const passage = fromServer(packet, this.#half);
    if (passage === "multicast" || passage === "link-multicast") {
      if (this.#multicast) this.#multicast.packet(packet);
      else if (!this.#tun.write(packet)) return this.#drop("not-taken");
    } else if (passage !== "unicast") return this.#drop(passage);
    else if (!this.#tun.write(packet)) return this.#drop("not-taken");
    this.#options.counters.fromPeers++;
  }

  #watchTun(): void {
    if (!this.#link || this.#watch) return;
    this.#fromTun();
    if (this.#link.ready) this.#watch ??= this.#tun.watch(() => this.#fromTun());
  }

  /** Read as fast as the connection takes it, and no faster. */
  #fromTun(): void {
    for (let n = 0; n < BURST; n++) {
      if (!this.#link?.ready) {
        this.#watch?.close();
        this.#watch = undefined;
        return;
      }
      const packet = this.#tun.read();
      if (!packet) return;
      if (!isIpv6(packet)) this.#drop("not-ipv6");
      else if (this.#multicast && isLinkMulticast(packet)) this.#drop("link-local"); // the vif says it
      else this.#link.send(packet);
    }
  }

  #drop(reason: SixDrop): void {
    this.#options.counters.drops[reason]++;
  }

  #ended(socket: Socket, why: string | undefined): void {
    if (!this.#dialling.isCurrent(socket)) return;
    const wasConnected = this.#link !== undefined;
    this.#link = undefined;
    this.#multicast?.closed();
    this.#multicast = undefined;
    this.#watch?.close();
    this.#watch = undefined;
    this.#dialling.ended();
    const peer = this.#peer;
    if (this.#dialling.closed) return;
    if (wasConnected) this.#options.said({ event: "disconnected", peer, why });
    else this.#options.said({ event: "unreachable", peer, why: why ?? NO_PREFIX });
  }
}

/** The protocol has no words for it. */
const NO_PREFIX =
  "it closed the connection without an answer: no prefix is left, or this Id is in use elsewhere";
