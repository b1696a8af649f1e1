// What an opened frame holds: keepalive, multicast, unicast, control, or a piece of one of them.
import type { FastPathEvent } from "#ports/fast-path.ts";
import {
  FRAGMENT_HEADER_LENGTH,
  INNER_EPOCH_OFFSET,
  INNER_FLAGS_OFFSET,
  INNER_HEADER_LENGTH,
  INNER_HOPS_OFFSET,
  INNER_KIND_OFFSET,
  INNER_ORIGIN_OFFSET,
  INNER_RESERVED_OFFSET,
  INNER_SEQUENCE_OFFSET,
  KIND_CONTROL,
  KIND_FRAGMENT,
  KIND_KEEPALIVE,
  KIND_MULTICAST,
  KNOWN_FLAGS,
  MAX_KIND,
} from "#wire/frame.ts";
import type { Arena } from "./arena.ts";
import type { Counters } from "./counters.ts";
import { DROP_HOPS, DROP_MALFORMED, DROP_RATE_LIMITED, DROP_WRONG_ORIGIN } from "./drop-reasons.ts";
import type { Forwarder } from "./forwarder.ts";
import type { Peer } from "./peer.ts";
import type { Reassembly } from "./reassembly.ts";

export class InnerFrames {
  readonly #arena: Arena;
  readonly #counters: Counters;
  readonly #forwarder: Forwarder;
  readonly #reassembly: Reassembly;
  readonly #emit: (event: FastPathEvent) => void;

  constructor(
    arena: Arena,
    counters: Counters,
    forwarder: Forwarder,
    reassembly: Reassembly,
    emit: (event: FastPathEvent) => void,
  ) {
    this.#arena = arena;
    this.#counters = counters;
    this.#forwarder = forwarder;
    this.#reassembly = reassembly;
    this.#emit = emit;
  }

  /** `length` bytes of plaintext at `at`, at least an inner header, from `peer`. */
  receive(peer: Peer, at: number, length: number, now: number): void {
    const { u8, dv } = this.#arena;
    const kind = u8[at + INNER_KIND_OFFSET]!;
    const flags = u8[at + INNER_FLAGS_OFFSET]!;
    const known = kind <= MAX_KIND && (flags & ~KNOWN_FLAGS) === 0 && u8[at + INNER_RESERVED_OFFSET] === 0;
    if (!known) {
      this.#counters.drop(peer.vif, DROP_MALFORMED);
      return;
    }
    if (kind === KIND_KEEPALIVE) return; // to be heard is all it is for
    const origin = dv.getUint32(at + INNER_ORIGIN_OFFSET);
    if (peer.onlyOrigin !== 0 && origin !== peer.onlyOrigin) {
      this.#counters.drop(peer.vif, DROP_WRONG_ORIGIN);
      return;
    }
    const hops = u8[at + INNER_HOPS_OFFSET]!;
    if (hops === 0 && kind !== KIND_CONTROL) {
      this.#counters.drop(peer.vif, DROP_HOPS);
      return;
    }
    const epoch = dv.getUint32(at + INNER_EPOCH_OFFSET);
    const sequence = dv.getUint32(at + INNER_SEQUENCE_OFFSET);
    const body = at + INNER_HEADER_LENGTH;
    const size = length - INNER_HEADER_LENGTH;
    if (kind !== KIND_FRAGMENT) {
      this.#whole(peer, kind, flags, hops, origin, epoch, sequence, body, size, now);
      return;
    }
    if (size <= FRAGMENT_HEADER_LENGTH) {
      this.#counters.drop(peer.vif, DROP_MALFORMED);
      return;
    }
    const whole = this.#reassembly;
    if (whole.add(peer.vif, flags, hops, origin, epoch, sequence, body, size, now))
      this.#whole(
        peer,
        whole.kind,
        whole.flags,
        whole.hops,
        origin,
        epoch,
        sequence,
        whole.offset,
        whole.length,
        now,
      );
  }

  #whole(
    peer: Peer,
    kind: number,
    flags: number,
    hops: number,
    origin: number,
    epoch: number,
    sequence: number,
    at: number,
    length: number,
    now: number,
  ): void {
    if (kind === KIND_CONTROL) {
      if (!peer.controlBucket.take(now)) this.#counters.drop(peer.vif, DROP_RATE_LIMITED);
      else this.#emit({ type: "control", vif: peer.vif, message: this.#arena.copyOut(at, length) });
      return;
    }
    const vif = this.#forwarder.vifs.get(peer.vif);
    if (!vif) return; // keys outlive their vif by no packet: they go together
    const multicast = kind === KIND_MULTICAST;
    this.#forwarder.fromPeer(vif, multicast, at, length, flags, hops, origin, epoch, sequence, now);
  }
}
