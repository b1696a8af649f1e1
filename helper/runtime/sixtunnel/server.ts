// The server of the IPv6 tunnel: one TUN device, a route for each client that is connected, and the /64s for ever.
import { createServer, type Server, type Socket } from "node:net";
import type { PlainTun } from "#ports/plain-tun.ts";
import { Admission, type Admitted } from "#protocol/sixtunnel/admission.ts";
import { halfOf } from "#protocol/sixtunnel/assignments.ts";
import type { SixDrop } from "#protocol/sixtunnel/counters.ts";
import { destinationHalf, fromClient, isIpv6, isMulticastPacket } from "#protocol/sixtunnel/packet-rules.ts";
import { prefixText, type Prefix } from "#wire/address.ts";
import { encodeWelcome } from "#wire/sixtunnel.ts";
import { openAssignments, type AssignmentsFile } from "./assignments-file.ts";
import { BURST, peerText, type SixEndOptions, type SixMulticast } from "./far-end.ts";
import { parseHello } from "./greetings.ts";
import { SixLink } from "./link.ts";

/** After the answer, so that the original reads it by itself. */
const HOLD_MS = 250;

const REFUSALS = {
  "in-use": "its Id is connected from another address",
  unknown: "its Id has no prefix, and no new ones are given out",
  exhausted: "no prefix is left",
} as const;

export interface SixServerOptions extends SixEndOptions {
  /** Own address; undefined: all. */
  readonly address: string | undefined;
  readonly port: number;
  readonly range: Prefix;
  /** Path of the file. */
  readonly assignments: string;
  /** Only those who have a prefix already. */
  readonly knownOnly: boolean;
}

interface Client {
  readonly link: SixLink;
  readonly peer: string;
  readonly prefix: Prefix;
  readonly half: bigint;
  multicast: SixMulticast | undefined;
}

export class SixtunnelServer {
  readonly #options: SixServerOptions;
  readonly #file: AssignmentsFile;
  readonly #admission: Admission<SixLink>;
  readonly #tun: PlainTun;
  readonly #watch: { close(): void };
  readonly #server: Server;
  readonly #links = new Set<SixLink>();
  readonly #clients = new Map<SixLink, Client>();
  readonly #byHalf = new Map<bigint, Client>();
  readonly #unsaved = new Set<string>(); // Ids whose prefix is not on disk yet
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: SixServerOptions, file: AssignmentsFile, server: Server) {
    this.#options = options;
    this.#file = file;
    this.#server = server;
    this.#admission = new Admission(file.assignments, options.knownOnly);
    this.#tun = options.openTun(options.device);
    try {
      const own = file.assignments.ownAddress;
      if (own !== undefined) this.#tun.addAddress(own, 64);
      this.#watch = this.#tun.watch(() => this.#fromTun());
    } catch (error) {
      this.#tun.close();
      throw error;
    }
    server.on("connection", (socket: Socket) => this.#accept(socket));
    server.on("error", () => {}); // of one connection that was not to be
  }

  /** Rejects where the port, the device or the file of assignments cannot be had. */
  static async start(options: SixServerOptions): Promise<SixtunnelServer> {
    const file = await openAssignments(options.assignments, options.range);
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port: options.port, host: options.address }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    try {
      return new SixtunnelServer(options, file, server);
    } catch (error) {
      server.close();
      throw error;
    }
  }

  /** The TCP port that it has. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : this.#options.port;
  }

  get ownAddress(): string | undefined {
    return this.#file.assignments.ownAddress;
  }

  /** Those connected, "192.0.2.1:4000 2001:db8:0:1::/64". */
  get peers(): string[] {
    return [...this.#clients.values()].map(({ peer, prefix }) => `${peer} ${prefixText(prefix)}`);
  }

  get assigned(): number {
    return this.#file.assignments.size;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#server.close();
    for (const link of this.#links) link.close("this end was closed");
    for (const client of [...this.#clients.values()]) this.#remove(client);
    this.#watch.close();
    this.#tun.close();
  }

  #accept(socket: Socket): void {
    const { counters, said } = this.#options;
    const from = socket.remoteAddress ?? "";
    const peer = peerText(from, socket.remotePort ?? 0);
    const link: SixLink = new SixLink(socket, counters, {
      greeting: (text) => void this.#greeted(link, peer, text),
      packet: (packet) => this.#fromClient(link, packet),
      ready: () => {},
      closed: (why) => {
        this.#links.delete(link);
        this.#admission.handleClosed(link);
        const client = this.#clients.get(link);
        if (client) this.#remove(client);
        if (client) said({ event: "disconnected", peer, why });
        this.#arm();
      },
    });
    this.#links.add(link);
    if (!this.#admission.handleConnection(link, from, performance.now()))
      this.#refuse(link, peer, "refused-connection", "it is one connection too many");
    this.#arm();
  }

  async #greeted(link: SixLink, peer: string, text: string): Promise<void> {
    if (!link.open) return; // it was refused, and what it sent before was read all the same
    const id = parseHello(text);
    if (id === undefined) return this.#refuse(link, peer, "bad-greeting", "what it said is no greeting");
    const admitted = this.#admission.handleHello(link, id);
    this.#arm();
    if (typeof admitted === "string")
      return this.#refuse(link, peer, `refused-${admitted}`, REFUSALS[admitted]);
    admitted.replaced?.close("it connected anew");
    const before = admitted.replaced && this.#clients.get(admitted.replaced);
    if (before) this.#remove(before);
    const unsaved = admitted.isNew || this.#unsaved.has(id);
    if (unsaved && !(await this.#keep(link, peer, id))) return;
    if (link.open) this.#admit(link, peer, id, admitted);
  }

  /** On disk before anybody is told: it is for ever. */
  async #keep(link: SixLink, peer: string, id: string): Promise<boolean> {
    const { assignments, save } = this.#file;
    this.#unsaved.add(id);
    try {
      await save();
      // Another connection of that Id may have failed to, meanwhile.
      if (typeof assignments.assign(id, true) === "string") throw new Error("it was not saved");
      this.#unsaved.delete(id);
      return true;
    } catch (error) {
      assignments.withdraw(id);
      this.#unsaved.delete(id);
      const why = error instanceof Error ? error.message : String(error);
      this.#refuse(link, peer, "not-saved", `its prefix could not be kept: ${why}`);
      return false;
    }
  }

  #admit(link: SixLink, peer: string, id: string, { prefix }: Admitted<SixLink>): void {
    const half = halfOf(prefix.address);
    const client: Client = { link, peer, prefix, half, multicast: undefined };
    try {
      this.#tun.addRoute(prefix);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return this.#refuse(link, peer, "not-taken", `there can be no route to it: ${why}`);
    }
    this.#clients.set(link, client);
    this.#byHalf.set(half, client);
    link.greet(encodeWelcome(prefixText(prefix)), HOLD_MS);
    client.multicast = this.#options.multicast?.({ peer, prefix, send: (packet) => link.send(packet) });
    this.#options.said({ event: "connected", peer, id, prefix: prefixText(prefix) });
  }

  #remove(client: Client): void {
    if (!this.#clients.delete(client.link)) return;
    this.#byHalf.delete(client.half);
    client.multicast?.closed();
    this.#tun.removeRoute(client.prefix);
  }

  #refuse(link: SixLink, peer: string, reason: SixDrop, why: string): void {
    this.#drop(reason);
    link.close(why);
    this.#options.said({ event: "refused", peer, why });
  }

  #fromClient(link: SixLink, packet: Uint8Array): void {
    const client = this.#clients.get(link);
    if (!client) return this.#drop("not-connected");
    const passage = fromClient(packet, client.half);
    if (passage === "unicast") {
      if (!this.#tun.write(packet)) return this.#drop("not-taken");
    } else if (passage === "multicast" || passage === "link-multicast") {
      if (!client.multicast) return this.#drop(passage === "multicast" ? "multicast" : "link-local");
      client.multicast.packet(packet);
    } else return this.#drop(passage);
    this.#options.counters.fromPeers++;
  }

  #fromTun(): void {
    for (let n = 0; n < BURST; n++) {
      const packet = this.#tun.read();
      if (!packet) return;
      if (!isIpv6(packet)) this.#drop("not-ipv6");
      else if (isMulticastPacket(packet)) this.#drop("multicast");
      else {
        const client = this.#byHalf.get(destinationHalf(packet));
        if (client) client.link.send(packet);
        else this.#drop("not-connected");
      }
    }
  }

  #drop(reason: SixDrop): void {
    this.#options.counters.drops[reason]++;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const at = this.#admission.pollTimeout();
    if (at === undefined) return;
    this.#timer = setTimeout(
      () => {
        for (const link of this.#admission.handleTimeout(performance.now())) {
          this.#drop("no-greeting");
          link.close("it did not say who it is");
        }
        this.#arm();
      },
      Math.max(0, Math.ceil(at - performance.now())),
    );
  }
}
