// A TCP connection that carries the IPv6 tunnel.
import type { Socket } from "node:net";
import { setUserTimeout } from "#edge/linux/user-timeout.ts";
import type { SixCounters } from "#protocol/sixtunnel/counters.ts";
import { DecodeError } from "#wire/cursor.ts";
import { MAX_PACKET, SixStreamReader } from "#wire/sixtunnel.ts";

/** Bytes that wait for a far end that reads slowly: half a second of 4 Mbit/s. */
const MAX_WAITING = 256 << 10;
/** Packets that wait until the far end can tell them apart. */
const MAX_HELD = 512;
/** A far end that is gone is noticed within that time, whether or not something is on the way to it. */
const GONE_MS = 20_000;
const IDLE_MS = 10_000; // then ten probes, one a second: libuv's
/**
 * The original takes what one recv gives for one packet, and loses what else is in it: packets go out ms apart, while
 * there are so few that they can. What was held back without a connection always does.
 */
const GAP_MS = 1;
const GENTLE_GAP_MS = 2;
/** More than so many in a tenth of a second go as they come. */
const WINDOW_MS = 100;
const FEW = 64;

export interface SixLinkHandlers {
  readonly greeting: (text: string) => void;
  readonly packet: (packet: Uint8Array) => void;
  /** More can be sent. */
  readonly ready: () => void;
  /** Called once. `why` is in words, undefined for an ordinary end. */
  readonly closed: (why: string | undefined) => void;
}

export class SixLink {
  readonly #socket: Socket;
  readonly #counters: SixCounters;
  readonly #handlers: SixLinkHandlers;
  readonly #reader: SixStreamReader;
  readonly #held: Uint8Array[] = [];
  #timer: NodeJS.Timeout | undefined;
  #gently = false;
  #windowEnd = 0;
  #inWindow = 0;
  #inWindowBefore = 0;
  #why: string | undefined;

  /** `socket`: connected. */
  constructor(socket: Socket, counters: SixCounters, handlers: SixLinkHandlers) {
    this.#socket = socket;
    this.#counters = counters;
    this.#handlers = handlers;
    this.#reader = new SixStreamReader(handlers);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, IDLE_MS);
    setUserTimeout(socket, GONE_MS);
    socket.on("data", (chunk) => this.#read(Buffer.from(chunk)));
    socket.on("drain", () => {
      if (this.ready) handlers.ready();
    });
    socket.on("error", (error) => (this.#why ??= error.message));
    socket.on("close", () => {
      clearTimeout(this.#timer);
      handlers.closed(this.#why);
    });
  }

  /** There is room for more. */
  get ready(): boolean {
    const room = this.#gently ? this.#timer === undefined : this.#held.length < FEW;
    return room && this.#socket.writable && !this.#socket.writableNeedDrain;
  }

  get open(): boolean {
    return !this.#socket.destroyed;
  }

  /** In a write of its own; packets follow `holdMs` later, one by one until none waits. */
  greet(greeting: Uint8Array, holdMs: number): void {
    this.#socket.write(greeting);
    this.goGently(holdMs);
  }

  goGently(holdMs: number): void {
    this.#gently = true;
    this.#arm(holdMs);
  }

  send(packet: Uint8Array): void {
    this.#inWindow++;
    if (packet.length > MAX_PACKET) this.#counters.drops["too-long"]++;
    else if (this.#timer !== undefined && (this.#gently || !this.#many()))
      if (this.#held.length < MAX_HELD) this.#held.push(packet);
      else this.#counters.drops["queue-full"]++;
    else {
      for (const held of this.#held.splice(0)) this.#write(held);
      this.#write(packet);
    }
  }

  close(why?: string): void {
    this.#why ??= why;
    this.#socket.destroy();
  }

  #write(packet: Uint8Array): void {
    if (this.#socket.writableLength + packet.length > MAX_WAITING || !this.#socket.writable) {
      this.#counters.drops["queue-full"]++;
      return;
    }
    this.#socket.write(packet);
    this.#counters.toPeers++;
    this.#arm(this.#gently ? GENTLE_GAP_MS : GAP_MS);
  }

  #many(): boolean {
    const now = performance.now();
    if (now >= this.#windowEnd) {
      this.#inWindowBefore = now < this.#windowEnd + WINDOW_MS ? this.#inWindow : 0;
      this.#inWindow = 0;
      this.#windowEnd = now + WINDOW_MS;
    }
    return this.#inWindow > FEW || this.#inWindowBefore > FEW;
  }

  #arm(ms: number): void {
    if (this.#timer !== undefined) return; // of the packets that go together, the first one's
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const next = this.#held.shift();
      if (next) this.#write(next);
      else this.#handlers.ready();
      if (this.#timer === undefined) this.#gently = false; // nothing was waiting
    }, ms);
  }

  #read(chunk: Uint8Array): void {
    const before = this.#reader.tooLong;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#counters.drops["broken-stream"]++;
      this.close("what it sent is not this tunnel's");
    }
    this.#counters.drops["too-long"] += this.#reader.tooLong - before;
  }
}
