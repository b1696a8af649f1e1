// What is going on: one entry a (source, group), bound to the vif it came in on first, with its exits resolved. A new
// routing table makes entries resolve again when their next packet comes, so their counters go on.
import { hashKey } from "#protocol/forwarding/route-table.ts";
import type { Arena } from "./arena.ts";
import type { Exit } from "./batch.ts";
import { DROP_NO_LISTENER } from "./drop-reasons.ts";
import {
  FLOW_BYTES,
  FLOW_DOUBLES,
  FLOW_EGRESS,
  FLOW_FIRST,
  FLOW_KEY,
  FLOW_LAST,
  FLOW_PACKETS,
  FLOW_SETS,
  FLOW_TTL,
  FLOW_USED,
  FLOW_VERSION,
  FLOW_VIF,
  FLOW_WAYS,
  FLOW_WORDS,
  MAX_FLOWS,
} from "./flow-memory.ts";
import type { FlowMemory } from "./flow-memory.ts";
import { KEY_GROUP, KEY_SOURCE, type IpPacket } from "./ip-packet.ts";
import { PayloadProbe } from "./payload-probe.ts";
import { RtpMeter } from "./rtp-meter.ts";

/**
 * A source that was heard on one vif within this time is not taken from another (reverse path check). Longer than one
 * packet takes by any two ways; as long as it is felt when another member takes a LAN over.
 */
export const BINDING_MS = 1000;
/** The result of find() for a packet that came by another way than the flow does. */
export const FLOW_OTHER_WAY = -1;

export interface FlowExits {
  readonly local: Exit | undefined;
  readonly wires: readonly Exit[];
  /** For a packet whose TTL goes no further: local sockets that are otherwise served by one of `wires`. */
  readonly lastHop: Exit | undefined;
  /** Why packets go nowhere, where there is no exit: one of drop-reasons.ts. */
  readonly reason: number;
  /** A packet that enters here with TTL 1 is carried all the same: somebody asked for it. */
  readonly raisesTtl: boolean;
  /** Of each of `wires`: what came with that TTL or less does not leave by it. undefined: all are 1. */
  readonly thresholds: Uint8Array | undefined;
  /** From a LAN to another LAN, among others. */
  readonly betweenLans: boolean;
}

export type ResolveExits = (inVif: number, key: Uint32Array) => FlowExits;

/** Nowhere: nobody listens. */
export const NO_EXITS: FlowExits = {
  local: undefined,
  wires: [],
  lastHop: undefined,
  reason: DROP_NO_LISTENER,
  raisesTtl: false,
  thresholds: undefined,
  betweenLans: false,
};

export class Flows {
  readonly #words: Uint32Array;
  readonly #versions: Int32Array;
  readonly #doubles: Float64Array;
  readonly #rtp: RtpMeter;
  readonly #payload: PayloadProbe;
  readonly #resolve: ResolveExits;
  readonly #tags = new Uint32Array(MAX_FLOWS); // hash, lowest bit set; 0: free
  readonly #resolvedAt = new Uint32Array(MAX_FLOWS);
  readonly #orphaned = new Uint8Array(MAX_FLOWS); // 1: the vif that it is bound to is gone
  readonly #exits: FlowExits[] = Array.from({ length: MAX_FLOWS }, () => NO_EXITS);
  #generation = 1;

  constructor(memory: FlowMemory, resolve: ResolveExits) {
    this.#words = memory.words;
    this.#versions = memory.versions;
    this.#doubles = memory.doubles;
    this.#rtp = new RtpMeter(memory.doubles);
    this.#payload = new PayloadProbe(memory.words);
    this.#resolve = resolve;
  }

  /** To be called when the table or the set of vifs has changed. */
  invalidate(): void {
    this.#generation = (this.#generation + 1) >>> 0;
  }

  /** The vif is gone: what it brought may come by another one at once. */
  vifRemoved(vif: number): void {
    for (let flow = 0; flow < MAX_FLOWS; flow++) {
      if (this.#words[flow * FLOW_WORDS + FLOW_VIF] === vif) this.#orphaned[flow] = 1;
      this.#exits[flow] = NO_EXITS; // a flow that is silent for ever would keep the exits of vifs that are gone
    }
    this.invalidate();
  }

  /** The flow of a packet from `inVif`, made where it is new; FLOW_OTHER_WAY where it is active on another vif. */
  find(inVif: number, key: Uint32Array, now: number): number {
    const hash = hashKey(key, KEY_GROUP, KEY_SOURCE);
    const tag = (hash | 1) >>> 0;
    const first = ((hash >>> 1) & (FLOW_SETS - 1)) * FLOW_WAYS;
    for (let flow = first; flow < first + FLOW_WAYS; flow++)
      if (this.#tags[flow] === tag && this.#same(flow, key)) return this.#bind(flow, inVif, key, now);
    return this.#create(first, tag, inVif, key, now);
  }

  exits(flow: number): FlowExits {
    return this.#exits[flow]!;
  }

  /** Looks at the packet for what the stream says about its losses and about itself. */
  measure(flow: number, arena: Arena, offset: number, packet: IpPacket, now: number): void {
    this.#rtp.observe(flow, arena, offset, packet, now);
    this.#payload.observe(flow, arena, offset, packet, now);
  }

  count(flow: number, bytes: number, ttl: number, now: number): void {
    const at = flow * FLOW_DOUBLES;
    this.#doubles[at + FLOW_PACKETS] = this.#doubles[at + FLOW_PACKETS]! + 1;
    this.#doubles[at + FLOW_BYTES] = this.#doubles[at + FLOW_BYTES]! + bytes;
    this.#doubles[at + FLOW_LAST] = now;
    this.#doubles[at + FLOW_TTL] = ttl;
  }

  #same(flow: number, key: Uint32Array): boolean {
    const at = flow * FLOW_WORDS + FLOW_KEY;
    for (let i = 0; i < 8; i++) if (this.#words[at + i] !== key[i]) return false;
    return true;
  }

  #bind(flow: number, inVif: number, key: Uint32Array, now: number): number {
    const at = flow * FLOW_WORDS + FLOW_VIF;
    if (this.#words[at] !== inVif) {
      const silent = now - this.#doubles[flow * FLOW_DOUBLES + FLOW_LAST]!;
      if (silent < BINDING_MS && this.#orphaned[flow] === 0) return FLOW_OTHER_WAY;
      this.#words[at] = inVif;
      this.#resolvedAt[flow] = 0;
    }
    if (this.#resolvedAt[flow] !== this.#generation) this.#resolveNow(flow, inVif, key);
    return flow;
  }

  /** Takes a free place of the set, or that of the flow that was silent for longest. */
  #create(first: number, tag: number, inVif: number, key: Uint32Array, now: number): number {
    let flow = first;
    for (let i = first; i < first + FLOW_WAYS; i++) {
      if (this.#tags[i] === 0) {
        flow = i;
        break;
      }
      if (this.#doubles[i * FLOW_DOUBLES + FLOW_LAST]! < this.#doubles[flow * FLOW_DOUBLES + FLOW_LAST]!)
        flow = i;
    }
    const at = flow * FLOW_WORDS;
    Atomics.add(this.#versions, at + FLOW_VERSION, 1);
    this.#tags[flow] = tag;
    this.#words[at + FLOW_USED] = 1;
    this.#words[at + FLOW_VIF] = inVif;
    this.#words.set(key, at + FLOW_KEY);
    const doubles = flow * FLOW_DOUBLES;
    this.#doubles[doubles + FLOW_PACKETS] = 0;
    this.#doubles[doubles + FLOW_BYTES] = 0;
    this.#doubles[doubles + FLOW_FIRST] = now;
    this.#doubles[doubles + FLOW_LAST] = now;
    this.#rtp.reset(flow);
    this.#payload.reset(flow);
    this.#resolveNow(flow, inVif, key);
    Atomics.add(this.#versions, at + FLOW_VERSION, 1);
    return flow;
  }

  #resolveNow(flow: number, inVif: number, key: Uint32Array): void {
    const exits = this.#resolve(inVif, key);
    this.#exits[flow] = exits;
    this.#resolvedAt[flow] = this.#generation;
    this.#orphaned[flow] = 0;
    this.#words[flow * FLOW_WORDS + FLOW_EGRESS] = exits.wires.length + (exits.local ? 1 : 0);
  }
}
