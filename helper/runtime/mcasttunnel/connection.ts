// A TCP connection that carries mcasttunnel.
import type { Socket } from "node:net";
import type { TunnelCounters } from "#protocol/mcasttunnel/counters.ts";
import { TunnelSession } from "#protocol/mcasttunnel/session.ts";

/** An idle group says nothing for hours: a far end that is gone is told by TCP. */
const KEEP_ALIVE_MS = 30_000;
/** Datagrams that the system has not yet taken for the group; beyond it the far end waits. */
const MAX_SENDING = 256;

export interface ConnectionHandlers {
  /** A datagram from the far end, for the group. Resolves when the system has taken it. */
  readonly heard: (payload: Uint8Array) => Promise<void>;
  /** Called once. `why` is in words, undefined for an ordinary end. */
  readonly closed: (why: string | undefined) => void;
}

export class TunnelConnection {
  readonly #socket: Socket;
  readonly #session: TunnelSession;
  readonly #handlers: ConnectionHandlers;
  #sending = 0;
  #full = false;

  /** `socket`: connected. */
  constructor(socket: Socket, counters: TunnelCounters, handlers: ConnectionHandlers) {
    this.#socket = socket;
    this.#session = new TunnelSession(counters);
    this.#handlers = handlers;
    let why: string | undefined;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (chunk) => {
      if (!this.#read(Buffer.from(chunk))) {
        why = "what it sent is not mcasttunnel's";
        socket.destroy();
      }
    });
    socket.on("drain", () => {
      this.#full = false;
      this.#write();
    });
    socket.on("error", (error) => (why ??= error.message));
    socket.on("close", () => handlers.closed(why));
  }

  offer(payload: Uint8Array): void {
    this.#session.offer(payload);
    this.#write();
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(): void {
    // What Node holds for the system it holds whole; the rest waits where the oldest can still go.
    while (!this.#full) {
      const frame = this.#session.next();
      if (!frame) return;
      this.#full = !this.#socket.write(frame);
    }
  }

  #read(chunk: Uint8Array): boolean {
    const { datagrams, broken } = this.#session.read(chunk);
    for (const payload of datagrams) void this.#send(payload);
    return !broken;
  }

  async #send(payload: Uint8Array): Promise<void> {
    if (++this.#sending > MAX_SENDING) this.#socket.pause();
    await this.#handlers.heard(payload);
    if (--this.#sending === MAX_SENDING >> 1) this.#socket.resume();
  }
}
