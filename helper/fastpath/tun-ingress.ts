// In from this computer's applications. A TUN gives one packet a read, so a burst is a run of reads.
import { readAt } from "#edge/linux/by-address.ts";
import { VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HEADER_LENGTH } from "#edge/linux/constants.ts";
import { FLAG_CHECKSUM_PARTIAL, FLAG_CHECKSUM_VERIFIED } from "#wire/frame.ts";
import { HEADROOM, SLOT_BYTES, SLOT_CAPACITY } from "./arena.ts";
import type { Arena } from "./arena.ts";
import type { Counters } from "./counters.ts";
import { DROP_MALFORMED } from "./drop-reasons.ts";
import type { Forwarder } from "./forwarder.ts";
import type { Ingress } from "./ingress.ts";
import { SLOTS } from "./receive-ring.ts";
import type { Segmenter } from "./segmenter.ts";
import type { Vif } from "./vif.ts";

const BURST_GAP_MS = 0.7; // more than the loop rests

export class TunIngress implements Ingress {
  readonly fd: number;
  readonly vif: Vif;
  readonly #arena: Arena;
  readonly #slots: number;
  readonly #forwarder: Forwarder;
  readonly #segmenter: Segmenter;
  readonly #counters: Counters;
  #lastBurst = 0; // ms

  constructor(
    vif: Vif,
    fd: number,
    arena: Arena,
    slots: number,
    forwarder: Forwarder,
    segmenter: Segmenter,
    counters: Counters,
  ) {
    this.vif = vif;
    this.fd = fd;
    this.#arena = arena;
    this.#slots = slots;
    this.#forwarder = forwarder;
    this.#segmenter = segmenter;
    this.#counters = counters;
  }

  receive(now: number): number {
    // After a pause there is one packet, most likely: poll(2) says so if not, and a read that fails is saved.
    const most = now - this.#lastBurst < BURST_GAP_MS ? SLOTS : 1;
    this.#lastBurst = now;
    let count = 0;
    for (; count < most; count++) {
      const at = this.#slots + count * SLOT_BYTES + HEADROOM - VIRTIO_NET_HEADER_LENGTH;
      const length = readAt(this.fd, this.#arena.base + at, SLOT_CAPACITY);
      if (length < 0) {
        if (count === 0) return length;
        break;
      }
      this.#packet(at, length - VIRTIO_NET_HEADER_LENGTH, now);
    }
    this.#forwarder.flush(now);
    return count;
  }

  #packet(at: number, length: number, now: number): void {
    const { u8 } = this.#arena;
    const packet = at + VIRTIO_NET_HEADER_LENGTH;
    if (length <= 0) return;
    // The kernel computed or checked what it hands over: both are vouched for.
    const flags =
      (u8[at]! & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0 ? FLAG_CHECKSUM_PARTIAL : FLAG_CHECKSUM_VERIFIED;
    if (u8[at + 1] === 0) this.#forwarder.fromDevice(this.vif, packet, length, flags, true, now);
    else if (!this.#segmenter.split(this.#forwarder, this.vif, at, packet, length, true, now))
      this.#counters.drop(this.vif.id, DROP_MALFORMED);
  }
}
