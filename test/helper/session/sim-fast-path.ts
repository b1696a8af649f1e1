import { RecentLargest } from "#fastpath/recent-largest.ts";
import { ReplayWindow } from "#noise/replay-window.ts";
import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import type { TransportKeys } from "#ports/fast-path.ts";
import type { SessionTraffic } from "#protocol/session/session-types.ts";
import {
  DATA_HEADER_LENGTH,
  decodeDataHeader,
  encodeDataHeader,
  INNER_HEADER_LENGTH,
  KIND_CONTROL,
  KIND_KEEPALIVE,
  KIND_MULTICAST,
} from "#wire/frame.ts";

interface KeySlot {
  readonly keys: TransportKeys;
  readonly window: ReplayWindow;
  counter: number;
  highest: number;
}

export interface Opened {
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly confirmed: number | undefined; // local index of keys that this packet confirmed
  readonly movedTo: Endpoint | undefined;
}

/**
 * What the fast path does for one peer, without cryptography: a frame carries the key that sealed it, and opens
 * where the receiving key is the same.
 */
export class SimFastPath {
  endpoint: Endpoint | undefined;
  #previous: KeySlot | undefined;
  #current: KeySlot | undefined;
  #next: KeySlot | undefined;
  #received = 0;
  #sent = 0;
  #expected = 0;
  #rxLargest = 0;
  #txLargest = 0;
  readonly #largestIn = new RecentLargest((bytes) => (this.#rxLargest = bytes));
  readonly #largestOut = new RecentLargest((bytes) => (this.#txLargest = bytes));
  #offered = 0;
  #multicastBytes = 0;
  #lastReceivedAt = -Infinity;
  #lastSentAt = -Infinity;
  /** Multicast packets delivered. */
  delivered = 0;
  rejected = 0;

  get traffic(): SessionTraffic {
    return {
      lastReceivedAt: this.#lastReceivedAt,
      lastSentAt: this.#lastSentAt,
      received: this.#received,
      sent: this.#sent,
      expected: this.#expected,
      offered: this.#offered,
      multicastBytes: this.#multicastBytes,
      broken: 0,
      largestReceived: this.#rxLargest,
      largestSent: this.#txLargest,
    };
  }

  get keyed(): boolean {
    return this.#current !== undefined;
  }

  /** As WireGuard keeps keys; what was waiting to be confirmed stays good for receiving when handshakes cross. */
  install(keys: TransportKeys, confirmed: boolean): void {
    const slot = { keys, window: new ReplayWindow(), counter: 0, highest: -1 };
    if (!confirmed) {
      this.#next = slot;
      return;
    }
    this.#previous = this.#next ?? this.#current;
    this.#current = slot;
    this.#next = undefined;
  }

  clear(): void {
    this.#previous = this.#current = this.#next = undefined;
  }

  seal(kind: number, payload: Uint8Array, now: number): Uint8Array | undefined {
    const slot = this.#current;
    if (!slot) return undefined;
    const frame = new Uint8Array(DATA_HEADER_LENGTH + 32 + INNER_HEADER_LENGTH + payload.length);
    encodeDataHeader(frame, 0, { receiverIndex: slot.keys.remoteIndex, counter: slot.counter++ });
    frame.set(slot.keys.sendKey, DATA_HEADER_LENGTH);
    frame[DATA_HEADER_LENGTH + 32] = kind;
    frame.set(payload, DATA_HEADER_LENGTH + 32 + INNER_HEADER_LENGTH);
    this.#sent++;
    this.#lastSentAt = now;
    if (kind === KIND_MULTICAST) this.#largestOut.note(frame.length, now);
    if (kind === KIND_MULTICAST) {
      this.#offered++;
      this.#multicastBytes += payload.length;
    }
    return frame;
  }

  open(frame: Uint8Array, from: Endpoint, now: number): Opened | undefined {
    const header = decodeDataHeader(frame);
    const slots = [this.#previous, this.#current, this.#next];
    const slot = header && slots.find((slot) => slot?.keys.localIndex === header.receiverIndex);
    const key = frame.subarray(DATA_HEADER_LENGTH, DATA_HEADER_LENGTH + 32);
    if (!slot || key.toHex() !== slot.keys.receiveKey.toHex() || !slot.window.accept(header.counter)) {
      this.rejected++;
      return undefined;
    }
    this.#received++;
    this.#largestIn.note(frame.length, now);
    this.#expected += Math.max(0, header.counter - slot.highest);
    const newest = header.counter > slot.highest;
    slot.highest = Math.max(slot.highest, header.counter);
    this.#lastReceivedAt = now;
    const fresh = slot === this.#next;
    if (fresh) [this.#previous, this.#current, this.#next] = [this.#current, slot, undefined];
    // What was overtaken, or is still on its way by the path before, does not lead back there.
    const moved = newest && slot === this.#current && (!this.endpoint || !sameEndpoint(this.endpoint, from));
    if (moved) this.endpoint = from;
    const kind = frame[DATA_HEADER_LENGTH + 32]!;
    if (kind === KIND_MULTICAST) this.delivered++;
    if (![KIND_KEEPALIVE, KIND_MULTICAST, KIND_CONTROL].includes(kind)) return undefined;
    return {
      kind,
      payload: frame.subarray(DATA_HEADER_LENGTH + 32 + INNER_HEADER_LENGTH),
      confirmed: fresh ? slot.keys.localIndex : undefined,
      movedTo: moved ? from : undefined,
    };
  }
}
