// The two ends of mcasttunnel over TCP: a server of many clients, and a client that connects for as long as it runs.
import { createServer, type Server, type Socket } from "node:net";
import type { TunnelCounters } from "#protocol/mcasttunnel/counters.ts";
import { Dialling } from "../dialling.ts";
import { TunnelConnection } from "./connection.ts";

export const MAX_CLIENTS = 64;

export type EndEvent =
  | { readonly event: "connected"; readonly peer: string }
  | { readonly event: "disconnected"; readonly peer: string; readonly why: string | undefined }
  /** A connection that was not to be; another try follows. */
  | { readonly event: "unreachable"; readonly peer: string; readonly why: string }
  | { readonly event: "refused"; readonly peer: string };

export interface EndOptions {
  /** Server: own address, all if undefined. Client: the server's address or name. */
  readonly address: string | undefined;
  readonly port: number;
  readonly counters: TunnelCounters;
  /** A datagram from a far end. Never rejects. */
  readonly heard: (payload: Uint8Array) => Promise<void>;
  readonly said: (event: EndEvent) => void;
}

export interface TunnelEnd {
  /** A datagram of the group, for all far ends. */
  offer(payload: Uint8Array): void;
  close(): void;
}

export class TunnelServer implements TunnelEnd {
  readonly #options: EndOptions;
  readonly #clients = new Set<TunnelConnection>();
  readonly #server: Server;

  private constructor(options: EndOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Rejects where the port or the address cannot be had. */
  static async start(options: EndOptions): Promise<TunnelServer> {
    const end = new TunnelServer(options);
    await new Promise<void>((resolve, reject) => {
      end.#server.once("error", reject);
      end.#server.listen({ port: options.port, host: options.address }, () => {
        end.#server.off("error", reject);
        end.#server.on("error", () => {}); // of one connection that was not to be
        resolve();
      });
    });
    return end;
  }

  /** The TCP port that it has. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : this.#options.port;
  }

  /** What comes from one client goes to the group and not to the other clients: two of them on one LAN would loop. */
  offer(payload: Uint8Array): void {
    if (this.#clients.size === 0) this.#options.counters.drops["not-connected"]++;
    for (const client of this.#clients) client.offer(payload);
  }

  close(): void {
    this.#server.close();
    for (const client of this.#clients) client.close();
  }

  #accept(socket: Socket): void {
    const { counters, heard, said } = this.#options;
    const peer = peerText(socket.remoteAddress ?? "", socket.remotePort ?? 0);
    if (this.#clients.size >= MAX_CLIENTS) {
      counters.drops["refused-connection"]++;
      socket.on("error", () => {}); // it may have gone by itself
      socket.destroy();
      said({ event: "refused", peer });
      return;
    }
    const client = new TunnelConnection(socket, counters, {
      heard,
      closed: (why) => {
        this.#clients.delete(client);
        said({ event: "disconnected", peer, why });
      },
    });
    this.#clients.add(client);
    said({ event: "connected", peer });
  }
}

export class TunnelClient implements TunnelEnd {
  readonly #options: EndOptions;
  readonly #peer: string;
  readonly #dialling: Dialling;
  #connection: TunnelConnection | undefined;

  constructor(options: EndOptions) {
    const { address = "", port } = options;
    this.#options = options;
    this.#peer = peerText(address, port);
    this.#dialling = new Dialling({
      host: address,
      port,
      connected: (socket) => this.#connected(socket),
      failed: (why) => options.said({ event: "unreachable", peer: this.#peer, why }),
    });
  }

  offer(payload: Uint8Array): void {
    if (this.#connection) this.#connection.offer(payload);
    else this.#options.counters.drops["not-connected"]++;
  }

  close(): void {
    this.#dialling.close();
  }

  #connected(socket: Socket): void {
    const { counters, heard, said } = this.#options;
    const peer = this.#peer;
    this.#dialling.established();
    this.#connection = new TunnelConnection(socket, counters, {
      heard,
      closed: (why) => {
        this.#connection = undefined;
        this.#dialling.ended();
        if (!this.#dialling.closed) said({ event: "disconnected", peer, why });
      },
    });
    said({ event: "connected", peer });
  }
}

function peerText(address: string, port: number): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "");
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}
