// The same messages and relayed frames over TCP, for networks that let no UDP through: each behind a u16 length.
import { createServer, type Server, type Socket } from "node:net";
import type { Endpoint } from "#ports/endpoint.ts";
import { canonicalAddress } from "#wire/address.ts";
import { Quota } from "#protocol/meet/source-limits.ts";

const MAX_STREAMS = 1_024;
const MAX_STREAMS_EACH = 32;
/** Longer than any frame (65,535 is what a length can say). */
const MAX_FRAME = 2_048;
/** Who says nothing for so long is gone. */
const IDLE_MS = 60_000;
/** What waits to be sent to one that reads slowly; frames beyond it are dropped, as a router does. */
const MAX_WAITING = 256 << 10;
const MAPPED = "::ffff:";

export interface MeetStreamsOptions {
  readonly heard: (data: Uint8Array, from: Endpoint) => void;
  readonly closed: (stream: Endpoint) => void;
}

export class MeetStreams {
  /** Connections that were one too many, and frames that a slow reader had no room for. */
  readonly drops = { connections: 0, frames: 0, malformed: 0 };
  readonly #options: MeetStreamsOptions;
  readonly #quota = new Quota(MAX_STREAMS_EACH, MAX_STREAMS);
  readonly #sockets = new Map<number, Socket>();
  readonly #server: Server;
  #next = 1;

  constructor(options: MeetStreamsOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** Rejects where the port cannot be had. */
  async listen(port: number, address: string | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port, ...(address !== undefined && { host: address }) }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", () => {}); // of one connection that was not to be
        resolve();
      });
    });
  }

  send(stream: number, data: Uint8Array): void {
    const socket = this.#sockets.get(stream);
    if (!socket) return;
    if (socket.writableLength + data.length > MAX_WAITING) {
      this.drops.frames++;
      return;
    }
    const frame = new Uint8Array(2 + data.length);
    frame[0] = data.length >> 8;
    frame[1] = data.length & 0xff;
    frame.set(data, 2);
    socket.write(frame);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #accept(socket: Socket): void {
    const said = socket.remoteAddress ?? "";
    const address = canonicalAddress(said.startsWith(MAPPED) ? said.slice(MAPPED.length) : said);
    if (address === undefined || !this.#quota.take(address)) {
      this.drops.connections++;
      socket.destroy();
      return;
    }
    const stream = this.#next++;
    const from: Endpoint = { address, port: socket.remotePort ?? 0, stream };
    this.#sockets.set(stream, socket);
    socket.setNoDelay(true);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    let waiting: Uint8Array = new Uint8Array();
    socket.on("data", (chunk) => {
      const bytes = Buffer.from(chunk); // without an encoding no text comes
      const left = this.#frames(waiting.length > 0 ? Buffer.concat([waiting, bytes]) : bytes, from);
      if (left === undefined) socket.destroy();
      else waiting = left;
    });
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      this.#sockets.delete(stream);
      this.#quota.give(address);
      this.#options.closed(from);
    });
  }

  /** The rest, which is the beginning of a frame; undefined: what came is no frame of ours. */
  #frames(bytes: Uint8Array, from: Endpoint): Uint8Array | undefined {
    let at = 0;
    while (bytes.length - at >= 2) {
      const length = (bytes[at]! << 8) | bytes[at + 1]!;
      if (length === 0 || length > MAX_FRAME) {
        this.drops.malformed++;
        return undefined;
      }
      if (bytes.length - at - 2 < length) break;
      this.#options.heard(bytes.subarray(at + 2, at + 2 + length), from);
      at += 2 + length;
    }
    return Uint8Array.from(bytes.subarray(at));
  }
}
