// Where every packet comes by: parsed, and handed to the multicast or the unicast side.
import type { FastPathEvent, LanRules, UnicastRoute } from "#ports/fast-path.ts";
import type { RouteTable } from "#protocol/forwarding/route-table.ts";
import type { Arena } from "./arena.ts";
import { Burst } from "./burst.ts";
import type { Counters } from "./counters.ts";
import { DROP_MALFORMED } from "./drop-reasons.ts";
import type { FlowMemory } from "./flow-memory.ts";
import { IpPacket } from "./ip-packet.ts";
import type { JoinedStreams } from "./amt/joined-streams.ts";
import type { LanMemory } from "./lan-memory.ts";
import { MulticastForwarder } from "./multicast-forwarder.ts";
import { UnicastRoutes } from "./prefixes.ts";
import type { SequenceCounter } from "./sequence-counter.ts";
import type { PeerSender } from "./peer-sender.ts";
import { UnicastForwarder } from "./unicast-forwarder.ts";
import { Vifs } from "./vif.ts";
import type { Vif } from "./vif.ts";

export interface ForwarderParts {
  readonly arena: Arena;
  readonly counters: Counters;
  readonly flowMemory: FlowMemory;
  readonly lanMemory: LanMemory;
  readonly sender: PeerSender;
  readonly sequence: SequenceCounter;
  readonly emit: (event: FastPathEvent) => void;
  /** What was in use by the packets of the burst may be used again. */
  readonly afterFlush: () => void;
}

export class Forwarder {
  readonly vifs = new Vifs();
  readonly #arena: Arena;
  readonly #counters: Counters;
  readonly #packet = new IpPacket();
  readonly #burst: Burst;
  readonly #multicast: MulticastForwarder;
  readonly #unicast: UnicastForwarder;

  constructor(parts: ForwarderParts) {
    this.#arena = parts.arena;
    this.#counters = parts.counters;
    this.#burst = new Burst(parts.arena, parts.sender, parts.afterFlush);
    const shared = { ...parts, burst: this.#burst, vifs: this.vifs };
    this.#multicast = new MulticastForwarder(shared);
    this.#unicast = new UnicastForwarder(shared);
  }

  setTable(table: RouteTable): void {
    this.#multicast.setTable(table);
  }

  setRaised(groups: Uint32Array): void {
    this.#multicast.setRaised(groups);
  }

  /** No effect on what is no LAN. */
  setLanRules(vif: number, rules: LanRules, now: number): void {
    this.vifs.get(vif)?.gate?.set(rules, now);
    this.#multicast.vifsChanged();
  }

  setUnicast(routes: readonly UnicastRoute[]): void {
    this.#unicast.setRoutes(new UnicastRoutes(routes));
    this.#multicast.setRoutes(new UnicastRoutes(routes.filter(({ lan }) => !lan)));
  }

  /** Between bursts, as removeVif(). */
  addVif(vif: Vif): void {
    this.vifs.add(vif);
    this.#multicast.vifsChanged();
  }

  removeVif(id: number): void {
    this.vifs.remove(id);
    this.#multicast.vifRemoved(id);
  }

  /** An IP packet as it came in from a TUN or LAN vif, perhaps with padding. `own`: this computer sent it. */
  fromDevice(vif: Vif, offset: number, available: number, flags: number, own: boolean, now: number): void {
    const packet = this.#packet;
    if (!packet.parse(this.#arena, offset, available)) this.#counters.drop(vif.id, DROP_MALFORMED);
    else if (packet.multicast) this.#multicast.fromDevice(vif, offset, packet, flags, own, now);
    else if (vif.kind === "tun") this.#unicast.fromTun(vif, offset, packet, flags, now);
    // A LAN's unicast is not ours.
  }

  /** An IP packet that a peer sent as multicast or unicast. `hops` is what the inner header says, above 0. */
  fromPeer(
    vif: Vif,
    multicast: boolean,
    offset: number,
    length: number,
    flags: number,
    hops: number,
    origin: number,
    epoch: number,
    sequence: number,
    now: number,
  ): void {
    const packet = this.#packet;
    const parsed = packet.parse(this.#arena, offset, length);
    if (!parsed || packet.totalLength !== length || packet.multicast !== multicast)
      this.#counters.drop(vif.id, DROP_MALFORMED);
    else if (multicast)
      this.#multicast.fromPeer(vif, offset, packet, flags, hops, origin, epoch, sequence, now);
    else this.#unicast.fromPeer(vif, offset, packet, flags, hops, origin, epoch, sequence, now);
  }

  /** What an AMT relay sent as multicast data: one multicast packet, whole. `outer`: the tunnel's traffic class. */
  fromRelay(
    vif: Vif,
    offset: number,
    length: number,
    joined: JoinedStreams,
    outer: number,
    now: number,
  ): void {
    const packet = this.#packet;
    const parsed = packet.parse(this.#arena, offset, length);
    if (!parsed || packet.totalLength !== length || !packet.multicast)
      this.#counters.drop(vif.id, DROP_MALFORMED);
    else this.#multicast.fromRelay(vif, offset, packet, joined, outer, now);
  }

  /** Sends everything that is queued. Memory of the burst's packets may be overwritten afterwards. */
  flush(now: number): void {
    this.#burst.flush(now);
  }
}
