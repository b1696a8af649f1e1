// Unicast inside the network: between this computer and members, and at the host between members. Only to where a
// route says, and from a peer only with a source that is its own.
import { INITIAL_HOPS, KIND_UNICAST } from "#wire/frame.ts";
import type { Arena } from "./arena.ts";
import type { Burst } from "./burst.ts";
import { RX_BYTES, RX_PACKETS } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { DROP_HOPS, DROP_NO_ROUTE, DROP_SPOOFED_SOURCE, DROP_TTL } from "./drop-reasons.ts";
import { lowerTtl } from "./header-edits.ts";
import { KEY_GROUP, KEY_SOURCE } from "./ip-packet.ts";
import type { IpPacket } from "./ip-packet.ts";
import { UnicastRoutes } from "./prefixes.ts";
import type { SequenceCounter } from "./sequence-counter.ts";
import { TooBigAnswers } from "./too-big-answers.ts";
import type { Vif, Vifs } from "./vif.ts";

export interface UnicastParts {
  readonly arena: Arena;
  readonly counters: Counters;
  readonly burst: Burst;
  readonly vifs: Vifs;
  readonly sequence: SequenceCounter;
}

/** Has a member's addresses: this computer's own, or another one's. */
function isMember({ kind }: Vif): boolean {
  return kind === "tun" || kind === "peer";
}

export class UnicastForwarder {
  readonly #p: UnicastParts;
  readonly #tooBig: TooBigAnswers;
  #routes = new UnicastRoutes([]);

  constructor(parts: UnicastParts) {
    this.#p = parts;
    this.#tooBig = new TooBigAnswers(parts.arena);
  }

  setRoutes(routes: UnicastRoutes): void {
    this.#routes = routes;
  }

  /** A unicast packet that this computer sends into the network. */
  fromTun(vif: Vif, offset: number, packet: IpPacket, flags: number, now: number): void {
    const { counters, sequence } = this.#p;
    const length = packet.totalLength;
    counters.add(vif.id, RX_PACKETS, 1);
    counters.add(vif.id, RX_BYTES, length);
    const target = this.#p.vifs.get(this.#routes.find(packet.key, KEY_GROUP));
    if (target?.kind !== "peer" || !target.wire) {
      counters.drop(vif.id, DROP_NO_ROUTE);
      return;
    }
    if (target.peer && length > target.peer.innerMtu)
      this.#tooBig.answer(vif, offset, packet, target.peer.innerMtu, now);
    const i = this.#p.burst.batch.add(offset, length, KIND_UNICAST, flags, -1);
    sequence.next();
    this.#p.burst.batch.mark(i, INITIAL_HOPS, sequence.origin, sequence.epoch, sequence.counter);
    this.#p.burst.enqueue(target.wire, i);
    this.#p.burst.added(now);
  }

  /** From an address of our own? The kernel would believe that it sent the packet itself (accept_local is on). */
  #isOwn(packet: IpPacket): boolean {
    return this.#p.vifs.get(this.#routes.find(packet.key, KEY_SOURCE))?.kind === "tun";
  }

  /** A unicast packet that a peer sent: for this computer or, at the host, for another member. */
  fromPeer(
    vif: Vif,
    offset: number,
    packet: IpPacket,
    flags: number,
    hops: number,
    origin: number,
    epoch: number,
    sequence: number,
    now: number,
  ): void {
    const { arena, counters } = this.#p;
    const id = vif.id;
    if (!vif.sources?.has(packet.key, KEY_SOURCE) || this.#isOwn(packet)) {
      counters.drop(id, DROP_SPOOFED_SOURCE);
      return;
    }
    const target = this.#p.vifs.get(this.#routes.find(packet.key, KEY_GROUP));
    const exit = target?.local ?? target?.wire;
    if (!target || !exit || target === vif || !isMember(target)) {
      counters.drop(id, DROP_NO_ROUTE);
      return;
    }
    if (target.kind === "peer") {
      if (packet.ttl <= 1 || hops <= 1) {
        counters.drop(id, packet.ttl <= 1 ? DROP_TTL : DROP_HOPS);
        return;
      }
      lowerTtl(arena, offset);
    }
    const i = this.#p.burst.batch.add(offset, packet.totalLength, KIND_UNICAST, flags, -1);
    this.#p.burst.batch.mark(i, Math.max(0, hops - 1), origin, epoch, sequence);
    this.#p.burst.enqueue(exit, i);
    this.#p.burst.added(now);
  }
}
