// One TCP connection of mcasttunnel: what waits to be written to it, and what is read from it. There is no handshake.
import { DecodeError } from "#wire/cursor.ts";
import { encodeTunnelled, MAX_TUNNELLED, TunnelledReader } from "#wire/mcasttunnel.ts";
import type { TunnelCounters } from "./counters.ts";

/** Bytes that wait for one far end that reads slowly: half a second of 4 Mbit/s. */
export const MAX_WAITING = 256 << 10;

export class TunnelSession {
  readonly #counters: TunnelCounters;
  readonly #reader = new TunnelledReader();
  #waiting: Uint8Array[] = [];
  #first = 0;
  #bytes = 0;
  #ended = false;

  constructor(counters: TunnelCounters) {
    this.#counters = counters;
  }

  /** Bytes that wait, at most MAX_WAITING. */
  get waiting(): number {
    return this.#bytes;
  }

  /** A datagram of the group, for the far end. Where no room is left the oldest ones go: live media has no use for them. */
  offer(payload: Uint8Array): void {
    if (payload.length === 0 || payload.length > MAX_TUNNELLED) {
      this.#counters.drops[payload.length === 0 ? "empty-datagram" : "too-long"]++;
      return;
    }
    const frame = encodeTunnelled(payload);
    this.#waiting.push(frame);
    this.#bytes += frame.length;
    while (this.#bytes > MAX_WAITING) {
      this.#take();
      this.#counters.drops["queue-full"]++;
    }
  }

  /** The next whole frame to write, or undefined. */
  next(): Uint8Array | undefined {
    const frame = this.#take();
    if (frame) this.#counters.toPeers++;
    return frame;
  }

  /** The datagrams that `chunk` completes. After "broken" nothing of this stream makes sense: close it. */
  read(chunk: Uint8Array): { readonly datagrams: readonly Uint8Array[]; readonly broken: boolean } {
    const datagrams: Uint8Array[] = [];
    if (this.#ended) return { datagrams, broken: true };
    const before = this.#reader.empty;
    try {
      this.#reader.push(chunk, (payload) => datagrams.push(payload));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#ended = true;
      this.#counters.drops["broken-stream"]++;
    }
    this.#counters.drops["empty-frame"] += this.#reader.empty - before;
    this.#counters.fromPeers += datagrams.length;
    return { datagrams, broken: this.#ended };
  }

  #take(): Uint8Array | undefined {
    const frame = this.#waiting[this.#first];
    if (!frame) return undefined;
    this.#first++;
    this.#bytes -= frame.length;
    // Taken ones are let go in bulk: shifting each would move all the others.
    if (this.#first === this.#waiting.length || this.#first >= 1_024) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return frame;
  }
}
