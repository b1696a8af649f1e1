import {
  FLAG_CHECKSUM_VERIFIED,
  INITIAL_HOPS,
  INNER_HEADER_LENGTH,
  MAX_INNER_PACKET,
  MAX_UNFRAGMENTED,
} from "#wire/frame.ts";
import { HEADROOM } from "./arena.ts";
import type { Arena } from "./arena.ts";
import type { Forwarder } from "./forwarder.ts";
import { LanWireExit } from "./lan-wire-exit.ts";
import { PeerExit } from "./peer-exit.ts";
import type { PeerSender } from "./peer-sender.ts";
import type { SequenceCounter } from "./sequence-counter.ts";
import { TunExit } from "./tun-exit.ts";

export interface SlowPathPacketsParts {
  readonly arena: Arena;
  /** SLOT_BYTES of the arena, for the one that is on its way. */
  readonly slot: number;
  readonly forwarder: Forwarder;
  readonly sender: PeerSender;
  readonly sequence: SequenceCounter;
}

/** Single packets and messages that the slow path hands over. A vif may have gone before: that is no error. */
export class SlowPathPackets {
  readonly #arena: Arena;
  readonly #message: number;
  readonly #forwarder: Forwarder;
  readonly #sender: PeerSender;
  readonly #sequence: SequenceCounter;

  constructor({ arena, slot, forwarder, sender, sequence }: SlowPathPacketsParts) {
    this.#arena = arena;
    this.#message = slot + HEADROOM;
    this.#forwarder = forwarder;
    this.#sender = sender;
    this.#sequence = sequence;
  }

  /** `whole`: in one datagram, whatever the path's limit is. */
  sendMessage(id: number, kind: number, message: Uint8Array, now: number, whole = false): void {
    const exit = this.#forwarder.vifs.get(id)?.wire;
    if (!(exit instanceof PeerExit)) return;
    if (message.length > (whole ? MAX_UNFRAGMENTED : MAX_INNER_PACKET))
      throw new RangeError(`a control message of ${message.length} bytes: ${MAX_INNER_PACKET} are the most`);
    this.#arena.u8.set(message, this.#message + INNER_HEADER_LENGTH);
    const { origin, epoch, counter } = this.#sequence;
    this.#sequence.next();
    const at = this.#message + INNER_HEADER_LENGTH;
    exit.send(kind, 0, INITIAL_HOPS, origin, epoch, counter, at, message.length, now, whole);
    this.#sender.flush(now);
  }

  inject(id: number, packet: Uint8Array): void {
    const vif = this.#forwarder.vifs.get(id);
    if (!vif || packet.length === 0 || packet.length > MAX_INNER_PACKET) return;
    this.#arena.u8.set(packet, this.#message);
    if (vif.wire instanceof LanWireExit) vif.wire.inject(this.#message, packet.length);
    else if (vif.local instanceof TunExit) vif.local.write(this.#message, packet.length, 0);
  }

  packetIn(id: number, packet: Uint8Array, now: number): void {
    const vif = this.#forwarder.vifs.get(id);
    if (!vif?.arriving) return; // gone meanwhile
    vif.arriving.end(packet.length);
    if (packet.length > MAX_INNER_PACKET) throw new RangeError(`an IP packet of ${packet.length} bytes`);
    this.#arena.u8.set(packet, this.#message);
    this.#forwarder.fromDevice(vif, this.#message, packet.length, FLAG_CHECKSUM_VERIFIED, false, now);
    this.#forwarder.flush(now);
  }

  sendBeacon(id: number, payload: Uint8Array): void {
    const exit = this.#forwarder.vifs.get(id)?.wire;
    if (!(exit instanceof LanWireExit) || payload.length > MAX_INNER_PACKET) return;
    this.#arena.u8.set(payload, this.#message);
    exit.sendBeacon(this.#message, payload.length);
  }
}
