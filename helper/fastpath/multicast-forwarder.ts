// Multicast: which exits a packet takes, or why it goes no further.
import { DuplicateFilter, PACKET_NEW } from "#protocol/forwarding/duplicate-filter.ts";
import { samePrefixWords } from "#protocol/forwarding/address-words.ts";
import { isBadSourceWords, isNeverRoutedWords } from "#protocol/forwarding/never-routed.ts";
import { MAX_EGRESS, lookupEgress } from "#protocol/forwarding/route-lookup.ts";
import { EXIT_LOCAL, egressKind, egressVif } from "#protocol/forwarding/route-table.ts";
import type { RouteTable } from "#protocol/forwarding/route-table.ts";
import type { FastPathEvent } from "#ports/fast-path.ts";
import { INITIAL_HOPS, KIND_MULTICAST } from "#wire/frame.ts";
import type { Exit } from "./batch.ts";
import { CrossingMemory } from "./crossing-memory.ts";
import { RX_BYTES, RX_PACKETS } from "./counters.ts";
import {
  DROP_BAD_SOURCE,
  DROP_CONGESTION,
  DROP_DUPLICATE,
  DROP_INTERFACE_RULES,
  DROP_LOOP,
  DROP_MALFORMED,
  DROP_NOT_JOINED,
  DROP_NO_LISTENER,
  DROP_RATE_LIMITED,
  DROP_RPF,
  DROP_SCOPE,
  DROP_SPOOFED_SOURCE,
  DROP_TTL,
  DROP_TTL_THRESHOLD,
} from "./drop-reasons.ts";
import type { FlowMemory } from "./flow-memory.ts";
import { FLOW_OTHER_WAY, Flows } from "./flows.ts";
import type { FlowExits } from "./flows.ts";
import { copyMark, headerChecksumHolds, lowerTtl, setTtl } from "./header-edits.ts";
import { KEY_GROUP, KEY_SOURCE } from "./ip-packet.ts";
import type { IpPacket } from "./ip-packet.ts";
import type { JoinedStreams } from "./amt/joined-streams.ts";
import type { LanMemory } from "./lan-memory.ts";
import { NO_ROUTE, UnicastRoutes } from "./prefixes.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { UnicastParts } from "./unicast-forwarder.ts";
import type { Vif } from "./vif.ts";

const MAX_ORIGINS = 512;
const ORIGIN_IDLE_MS = 300_000;
const MEMBERSHIP_RATE = 1000; // IGMP and MLD packets a second that the slow path is asked to look at
const MEMBERSHIP_BURST = 2000;
/** What a stream gets that was sent with TTL 1, where somebody asked for it: enough for a home behind the tunnel. */
const RAISED_TTL = 16;

export interface MulticastParts extends UnicastParts {
  readonly flowMemory: FlowMemory;
  readonly lanMemory: LanMemory;
  readonly emit: (event: FastPathEvent) => void;
}

export class MulticastForwarder {
  readonly #p: MulticastParts;
  readonly #flows: Flows;
  readonly #crossings = new CrossingMemory();
  readonly #duplicates = new DuplicateFilter(MAX_ORIGINS, ORIGIN_IDLE_MS);
  readonly #membershipBucket = new TokenBucket(MEMBERSHIP_RATE, MEMBERSHIP_BURST);
  readonly #egress = new Uint32Array(MAX_EGRESS);
  #table: RouteTable | undefined;
  #members = new UnicastRoutes([]);
  #raised: Uint32Array = new Uint32Array(0);

  constructor(parts: MulticastParts) {
    this.#p = parts;
    this.#flows = new Flows(parts.flowMemory, (inVif, key) => this.#resolve(inVif, key));
  }

  setTable(table: RouteTable): void {
    this.#table = table;
    this.#flows.invalidate();
  }

  /** Groups whose packets may enter with TTL 1, four words each. */
  setRaised(groups: Uint32Array): void {
    this.#raised = groups;
    this.#flows.invalidate();
  }

  /** Where the members' addresses are. */
  setRoutes(routes: UnicastRoutes): void {
    this.#members = routes;
  }

  /** Every flow looks for its exits again: there are others, or other rules for them. */
  vifsChanged(): void {
    this.#flows.invalidate();
  }

  vifRemoved(id: number): void {
    this.#flows.vifRemoved(id);
  }

  /** A packet from a TUN or LAN vif. `own`: this computer sent it. */
  fromDevice(vif: Vif, offset: number, packet: IpPacket, flags: number, own: boolean, now: number): void {
    const { arena, counters, lanMemory } = this.#p;
    const id = vif.id;
    const length = packet.totalLength;
    counters.add(id, RX_PACKETS, 1);
    counters.add(id, RX_BYTES, length);
    if (packet.isMembership(arena, offset)) {
      this.#punt(id, own, offset, length, now);
      return;
    }
    if (!this.#routable(id, packet, offset)) return;
    let hash = 0;
    if (vif.kind === "lan") {
      if (packet.version === 4 && !headerChecksumHolds(arena, offset, packet.headerLength)) {
        counters.drop(id, DROP_MALFORMED);
        return;
      }
      hash = lanMemory.hash(packet, offset);
      if (lanMemory.hearOnLan(id, hash, now)) {
        counters.drop(id, DROP_LOOP);
        return;
      }
    } else if (this.#p.vifs.lans > 0) hash = lanMemory.hash(packet, offset);
    const flow = this.#find(id, packet, now);
    if (flow < 0 || !this.#leads(id, flow, packet, offset, now)) return;
    const exits = this.#flows.exits(flow);
    let ttl = packet.ttl;
    if (ttl <= 1) {
      if (!exits.raisesTtl || ttl === 0) {
        counters.drop(id, DROP_TTL);
        return;
      }
      ttl = RAISED_TTL;
      setTtl(arena, offset, ttl);
    }
    if (exits.betweenLans && this.#crossings.hasReturned(hash, ttl, now)) {
      counters.drop(id, DROP_LOOP);
      return;
    }
    lowerTtl(arena, offset);
    const { sequence } = this.#p;
    const i = this.#p.burst.batch.add(offset, length, KIND_MULTICAST, flags, flow);
    sequence.next();
    this.#p.burst.batch.mark(i, INITIAL_HOPS, sequence.origin, sequence.epoch, sequence.counter);
    lanMemory.keep(i, hash);
    if (exits.local) this.#p.burst.enqueue(exits.local, i);
    this.#toWires(exits, i, ttl);
    this.#p.burst.added(now);
  }

  /** A multicast packet that a peer sent. `hops` is what the inner header says. */
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
    if (packet.isMembership(arena, offset)) {
      counters.drop(id, DROP_SCOPE); // IGMP and MLD end at the vif: no honest member sends them on
      return;
    }
    if (!this.#routable(id, packet, offset)) return;
    // Before the flow is looked up: it would be bound to the forger, and its owner refused.
    if (this.#isAnothers(id, packet)) {
      counters.drop(id, DROP_SPOOFED_SOURCE);
      return;
    }
    // In this order: the copy that came by another way must not make a duplicate of the one that is to come.
    const flow = this.#find(id, packet, now);
    if (flow < 0) return;
    if (this.#duplicates.check(origin, epoch, sequence, now) !== PACKET_NEW) {
      counters.drop(id, DROP_DUPLICATE);
      return;
    }
    if (!this.#leads(id, flow, packet, offset, now)) return;
    const i = this.#p.burst.batch.add(offset, packet.totalLength, KIND_MULTICAST, flags, flow);
    this.#p.burst.batch.mark(i, Math.max(0, hops - 1), origin, epoch, sequence);
    this.#leave(i, id, flow, packet, offset, now);
  }

  /** A multicast packet that an AMT relay sent, which was asked for it. `outer`: the tunnel's traffic class. */
  fromRelay(
    vif: Vif,
    offset: number,
    packet: IpPacket,
    joined: JoinedStreams,
    outer: number,
    now: number,
  ): void {
    const { arena, counters, sequence } = this.#p;
    const id = vif.id;
    counters.add(id, RX_PACKETS, 1);
    counters.add(id, RX_BYTES, packet.totalLength);
    if (packet.isMembership(arena, offset)) {
      counters.drop(id, DROP_SCOPE);
      return;
    }
    if (!this.#routable(id, packet, offset)) return;
    if (packet.version === 4 && !headerChecksumHolds(arena, offset, packet.headerLength)) {
      counters.drop(id, DROP_MALFORMED);
      return;
    }
    // Before the flow is looked up, which would be bound to this relay.
    if (!joined.has(packet.key)) {
      counters.drop(id, DROP_NOT_JOINED);
      return;
    }
    if (!copyMark(arena, offset, outer)) {
      counters.drop(id, DROP_CONGESTION);
      return;
    }
    const flow = this.#find(id, packet, now);
    if (flow < 0 || !this.#leads(id, flow, packet, offset, now)) return;
    const i = this.#p.burst.batch.add(offset, packet.totalLength, KIND_MULTICAST, 0, flow);
    sequence.next();
    this.#p.burst.batch.mark(i, INITIAL_HOPS, sequence.origin, sequence.epoch, sequence.counter);
    this.#leave(i, id, flow, packet, offset, now);
  }

  /** Place `i` of the batch, which came through a tunnel, goes its ways: to this computer's sockets with its TTL as it is. */
  #leave(i: number, id: number, flow: number, packet: IpPacket, offset: number, now: number): void {
    const { counters, lanMemory } = this.#p;
    const exits = this.#flows.exits(flow);
    if (this.#p.vifs.lans > 0) lanMemory.carry(i, lanMemory.hash(packet, offset), now);
    if (exits.local) this.#p.burst.enqueue(exits.local, i);
    if (exits.wires.length > 0) {
      if (packet.ttl <= 1) {
        counters.drop(id, DROP_TTL);
        if (exits.lastHop) this.#p.burst.enqueue(exits.lastHop, i);
      } else {
        this.#p.burst.lowerLater(i);
        this.#toWires(exits, i, packet.ttl);
      }
    }
    this.#p.burst.added(now);
  }

  /** Checks source, destination and protocol of the packet; counts what may not pass. */
  #routable(id: number, packet: IpPacket, offset: number): boolean {
    const { key } = packet;
    if (isBadSourceWords(key, KEY_SOURCE)) {
      this.#p.counters.drop(id, DROP_BAD_SOURCE);
      return false;
    }
    if (isNeverRoutedWords(key, KEY_GROUP) || packet.isLinkProtocol(this.#p.arena, offset)) {
      this.#p.counters.drop(id, DROP_SCOPE);
      return false;
    }
    return true;
  }

  /** From a member's address that is not behind this vif? Sources outside of the networks are nobody's. */
  #isAnothers(id: number, packet: IpPacket): boolean {
    const owner = this.#members.find(packet.key, KEY_SOURCE);
    return owner !== NO_ROUTE && owner !== id;
  }

  /** The flow of the packet; -1 where it came by another way than the flow does. */
  #find(id: number, packet: IpPacket, now: number): number {
    const flow = this.#flows.find(id, packet.key, now);
    if (flow !== FLOW_OTHER_WAY) return flow;
    this.#p.counters.drop(id, DROP_RPF);
    return -1;
  }

  /** Counts the packet in its flow. Does the flow go anywhere? */
  #leads(id: number, flow: number, packet: IpPacket, offset: number, now: number): boolean {
    this.#flows.count(flow, packet.totalLength, packet.ttl, now);
    this.#flows.measure(flow, this.#p.arena, offset, packet, now);
    const exits = this.#flows.exits(flow);
    if (exits.local || exits.wires.length > 0) return true;
    this.#p.counters.drop(id, exits.reason);
    return false;
  }

  /** `ttl`: as the packet came in. */
  #toWires({ wires, thresholds }: FlowExits, i: number, ttl: number): void {
    if (!thresholds) for (const exit of wires) this.#p.burst.enqueue(exit, i);
    else
      for (let n = 0; n < wires.length; n++) {
        const exit = wires[n]!;
        if (ttl > thresholds[n]!) this.#p.burst.enqueue(exit, i);
        else this.#p.counters.drop(exit.vif, DROP_TTL_THRESHOLD);
      }
  }

  #punt(id: number, own: boolean, offset: number, length: number, now: number): void {
    if (!this.#membershipBucket.take(now)) this.#p.counters.drop(id, DROP_RATE_LIMITED);
    else
      this.#p.emit({
        type: "membership-packet",
        vif: id,
        own,
        packet: this.#p.arena.copyOut(offset, length),
      });
  }

  /** On a miss, or when the table has changed: never per packet. */
  #resolve(inVif: number, key: Uint32Array): FlowExits {
    const wires: Exit[] = [];
    let local: Exit | undefined;
    const table = this.#table;
    const entry = this.#p.vifs.get(inVif)?.gate;
    const keptOff = entry !== undefined && !entry.letsIn(key);
    const count =
      table && !keptOff ? lookupEgress(table, inVif, key, KEY_GROUP, KEY_SOURCE, this.#egress) : 0;
    for (let n = 0; n < count; n++) {
      const word = this.#egress[n]!;
      const vif = egressVif(word) === inVif ? undefined : this.#p.vifs.get(egressVif(word));
      if (!vif || vif.gate?.letsOut(key) === false) continue;
      if (egressKind(word) === EXIT_LOCAL) local ??= vif.local;
      else if (vif.wire) wires.push(vif.wire);
    }
    const raisesTtl = this.#isRaised(key);
    const isLan = (id: number): boolean => this.#p.vifs.get(id)?.kind === "lan";
    const betweenLans = isLan(inVif) && wires.some((exit) => isLan(exit.vif));
    const thresholds = this.#thresholds(wires);
    const reason = keptOff ? DROP_INTERFACE_RULES : DROP_NO_LISTENER;
    const rest = { reason, raisesTtl, betweenLans, thresholds };
    const lan = local && this.#p.vifs.get(local.vif);
    // Local sockets know neither threshold nor limit, so one exit cannot serve both where there is one.
    if (thresholds || lan?.gate?.rate.on || !lan?.both || !lan.wire || !wires.includes(lan.wire))
      return { local, wires, lastHop: undefined, ...rest };
    wires[wires.indexOf(lan.wire)] = lan.both;
    return { local: undefined, wires, lastHop: local, ...rest };
  }

  #thresholds(wires: readonly Exit[]): Uint8Array | undefined {
    const all = this.#table?.thresholds;
    if (!all || all.length === 0) return undefined;
    const own = Uint8Array.from(wires, ({ vif }) => all[vif]!);
    return own.some((threshold) => threshold > 1) ? own : undefined;
  }

  #isRaised(key: Uint32Array): boolean {
    for (let at = 0; at < this.#raised.length; at += 4)
      if (samePrefixWords(this.#raised, at, key, KEY_GROUP, 128)) return true;
    return false;
  }
}
