// In from a LAN: Ethernet frames with virtio headers, this computer's own among them.
import {
  BEACON_ETHERTYPE,
  ETH_P_IP,
  ETH_P_IPV6,
  VIRTIO_NET_HDR_F_DATA_VALID,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HEADER_LENGTH,
} from "#edge/linux/constants.ts";
import { FLAG_CHECKSUM_PARTIAL, FLAG_CHECKSUM_VERIFIED } from "#wire/frame.ts";
import type { FastPathEvent } from "#ports/fast-path.ts";
import type { Arena } from "./arena.ts";
import type { Counters } from "./counters.ts";
import { DROP_MALFORMED, DROP_RATE_LIMITED, DROP_SOCKET_OVERFLOW } from "./drop-reasons.ts";
import type { Forwarder } from "./forwarder.ts";
import type { Ingress } from "./ingress.ts";
import { ETHERNET_HEADER } from "./lan-wire-exit.ts";
import type { ReceiveRing } from "./receive-ring.ts";
import type { Segmenter } from "./segmenter.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { Vif } from "./vif.ts";

export const LAN_LINK = VIRTIO_NET_HEADER_LENGTH + ETHERNET_HEADER;
const SLL_PACKET_TYPE = 10; // in struct sockaddr_ll
export const SOCKADDR_LL = 20;
const PACKET_OUTGOING = 4;
/** Beacons a second that the slow path is asked to look at, and the longest. */
const BEACON_RATE = 200;
const LONGEST_BEACON = 1500;

export class LanIngress implements Ingress {
  readonly fd: number;
  readonly vif: Vif;
  readonly #ownOnly: boolean;
  readonly #arena: Arena;
  readonly #ring: ReceiveRing;
  readonly #forwarder: Forwarder;
  readonly #segmenter: Segmenter;
  readonly #counters: Counters;
  readonly #emit: (event: FastPathEvent) => void;
  readonly #beacons = new TokenBucket(BEACON_RATE, BEACON_RATE);
  #lost = 0;

  constructor(
    vif: Vif,
    device: { readonly fd: number; readonly mode: "full" | "local" },
    arena: Arena,
    ring: ReceiveRing,
    forwarder: Forwarder,
    segmenter: Segmenter,
    counters: Counters,
    emit: (event: FastPathEvent) => void,
  ) {
    this.vif = vif;
    this.fd = device.fd;
    this.#ownOnly = device.mode === "local";
    this.#arena = arena;
    this.#ring = ring;
    this.#forwarder = forwarder;
    this.#segmenter = segmenter;
    this.#counters = counters;
    this.#emit = emit;
  }

  receive(now: number): number {
    const ring = this.#ring;
    const count = ring.receive(this.fd);
    for (let i = 0; i < count; i++) this.#frame(i, now);
    if (count > 0) {
      this.#forwarder.flush(now);
      this.#countLost(ring.overflow(count - 1));
    }
    return count;
  }

  #frame(i: number, now: number): void {
    const { u8, dv } = this.#arena;
    const ring = this.#ring;
    const at = ring.dataAt(i);
    const length = ring.length(i) - LAN_LINK;
    const own = u8[ring.nameAt(i) + SLL_PACKET_TYPE] === PACKET_OUTGOING;
    if (length <= 0 || (this.#ownOnly && !own)) return;
    const ethertype = dv.getUint16(at + VIRTIO_NET_HEADER_LENGTH + 12);
    if (ethertype === BEACON_ETHERTYPE) this.#beacon(at, length, own, now);
    if (ethertype !== ETH_P_IP && ethertype !== ETH_P_IPV6) return;
    if (ring.truncated(i)) {
      this.#counters.drop(this.vif.id, DROP_MALFORMED);
      return;
    }
    const virtioFlags = u8[at]!;
    const flags =
      (virtioFlags & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0
        ? FLAG_CHECKSUM_PARTIAL
        : (virtioFlags & VIRTIO_NET_HDR_F_DATA_VALID) !== 0
          ? FLAG_CHECKSUM_VERIFIED
          : 0;
    const packet = at + LAN_LINK;
    if (u8[at + 1] === 0) this.#forwarder.fromDevice(this.vif, packet, length, flags, own, now);
    else if (!this.#segmenter.split(this.#forwarder, this.vif, at, packet, length, own, now))
      this.#counters.drop(this.vif.id, DROP_MALFORMED);
  }

  #beacon(at: number, length: number, own: boolean, now: number): void {
    if (own) return;
    if (length > LONGEST_BEACON || !this.#beacons.take(now)) {
      this.#counters.drop(this.vif.id, DROP_RATE_LIMITED);
      return;
    }
    this.#emit({
      type: "beacon",
      vif: this.vif.id,
      from: this.#arena.copyOut(at + VIRTIO_NET_HEADER_LENGTH + 6, 6),
      data: this.#arena.copyOut(at + LAN_LINK, length),
    });
  }

  #countLost(lost: number): void {
    const more = (lost - this.#lost) >>> 0;
    if (lost === 0 || more === 0) return;
    this.#lost = lost;
    this.#counters.drop(this.vif.id, DROP_SOCKET_OVERFLOW, more);
  }
}
