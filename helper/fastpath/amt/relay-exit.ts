// Out to an AMT relay's gateways (RFC 7450 section 5.3.3.6): each packet once in memory, with the two bytes of AMT's header
// in front of it, and a message for each gateway that wants it.
import { EAGAIN, EINVAL, EMSGSIZE, ENOBUFS } from "#edge/linux/constants.ts";
import { sendto } from "#edge/linux/libc.ts";
import { errno } from "#edge/linux/system-error.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { AmtType } from "#wire/amt.ts";
import { FRAGMENT_MTU, type RelayFragments } from "./relay-fragments.ts";
import type { Arena } from "../arena.ts";
import { Exit } from "../batch.ts";
import type { Batch } from "../batch.ts";
import { TX_BYTES, TX_PACKETS } from "../counters.ts";
import type { Counters } from "../counters.ts";
import {
  DROP_GATEWAY_LIMIT,
  DROP_MALFORMED,
  DROP_QUEUE_FULL,
  DROP_SEND_FAILED,
  DROP_TOO_BIG,
} from "../drop-reasons.ts";
import { completePartial, mayFragment } from "../ipv4-fragments.ts";
import { burstOf } from "../rate-limit.ts";
import type { FanOutTable } from "./fan-out-table.ts";
import { GatewayBuckets } from "./gateway-buckets.ts";
import type { GatewayTable } from "./gateway-table.ts";
import type { RelayMemory } from "./relay-memory.ts";
import { RelaySender, type RelaySent } from "./relay-sender.ts";
import { MARK_IPV4, MARK_IPV6, MARK_NONE, type StreamRuns } from "./stream-runs.ts";

const AMT_HEADER = 2;
const EIO = 5;

export interface RelayExitParts {
  readonly arena: Arena;
  readonly counters: Counters;
  readonly fds: readonly number[];
  readonly table: FanOutTable;
  readonly gateways: GatewayTable;
  readonly memory: RelayMemory;
  readonly runs: StreamRuns;
  readonly fragments: RelayFragments;
  /** RelaySender.BYTES of the arena for each socket. */
  readonly headers: number;
}

export class RelayExit extends Exit implements RelaySent {
  readonly table: FanOutTable;
  readonly gateways: GatewayTable;
  readonly #p: RelayExitParts;
  readonly #senders: readonly RelaySender[];
  readonly #key = new Uint32Array(8);
  /** Bytes that each gateway may have; undefined: any number. */
  #rates: GatewayBuckets | undefined;
  #batch: Batch | undefined;
  #now = 0;
  #segmentation = true; // until the kernel refuses it (UDP_SEGMENT needs a device that can checksum)

  constructor(vif: number, parts: RelayExitParts) {
    super(vif, false);
    this.#p = parts;
    this.table = parts.table;
    this.gateways = parts.gateways;
    this.#senders = parts.fds.map(
      (fd, i) => new RelaySender(fd, parts.arena, parts.headers + i * RelaySender.BYTES, this),
    );
  }

  setGateway(gateway: number, endpoint: Endpoint, socket: number, ecn: boolean): void {
    if (socket >= this.#senders.length) throw new RangeError(`the relay has no socket ${socket}`);
    if (!this.gateways.has(gateway)) {
      this.#p.memory.clearGateway(gateway);
      this.#rates?.clear(gateway);
    }
    this.gateways.set(gateway, endpoint, socket, ecn);
  }

  /** The most for each gateway, in bits a second; undefined: no limit. */
  setRate(rate: number | undefined): void {
    const perMs = (rate ?? 0) / 8_000;
    this.#rates = rate === undefined ? undefined : new GatewayBuckets(perMs, burstOf(perMs));
  }

  flush(batch: Batch, now: number): void {
    const { arena, runs, counters } = this.#p;
    let kept = 0;
    for (let n = 0; n < this.queued; n++) {
      const i = this.queue[n]!;
      if (!completePartial(arena, batch, i)) {
        counters.drop(this.vif, DROP_MALFORMED);
        continue;
      }
      arena.dv.setUint16(batch.offset[i]! - AMT_HEADER, AmtType.MULTICAST_DATA << 8);
      this.queue[kept++] = i;
    }
    this.queued = 0;
    this.#batch = batch;
    this.#now = now;
    runs.form(batch, this.queue, kept, this.#segmentation);
    for (let run = 0; run < runs.count; run++) this.#fanOut(run, batch.offset[runs.first[run]!]!);
    for (const sender of this.#senders) sender.flush();
  }

  sent(sender: RelaySender, first: number, end: number): void {
    const { runs, memory, counters } = this.#p;
    let packets = 0;
    let bytes = 0;
    for (let i = first; i < end; i++) {
      const run = sender.run[i]!;
      packets += runs.size[run]!;
      bytes += runs.bytes[run]!;
      memory.count(sender.gateway[i]!, sender.entry[i]!, runs.size[run]!, runs.bytes[run]!);
    }
    counters.add(this.vif, TX_PACKETS, packets);
    counters.add(this.vif, TX_BYTES, bytes);
  }

  failed(sender: RelaySender, message: number, error: number): void {
    const { runs, counters } = this.#p;
    const size = runs.size[sender.run[message]!]!;
    if (error === EAGAIN || error === ENOBUFS) counters.drop(this.vif, DROP_QUEUE_FULL, size);
    // Older kernels say EINVAL of a run too where its datagrams are too big for the path.
    else if (error === EMSGSIZE || (size > 1 && (error === EIO || error === EINVAL)))
      this.#sendOneByOne(sender, message, error);
    else counters.drop(this.vif, DROP_SEND_FAILED, size);
  }

  #fanOut(run: number, offset: number): void {
    const { table } = this;
    this.#readKey(offset);
    if (!table.find(this.#key)) return;
    const any = table.list(table.any);
    if (any)
      for (let i = 0; i < any.count; i++)
        if (!table.isExcepted(any.ids[i]!)) this.#add(run, any.ids[i]!, table.any);
    const named = table.list(table.named);
    if (named) for (let i = 0; i < named.count; i++) this.#add(run, named.ids[i]!, table.named);
  }

  #add(run: number, gateway: number, entry: number): void {
    const { runs, memory, counters } = this.#p;
    const { gateways } = this;
    if (this.#rates?.take(gateway, runs.bytes[run]!, this.#now) === false) {
      memory.countLimited(gateway, runs.size[run]!);
      counters.drop(this.vif, DROP_GATEWAY_LIMIT, runs.size[run]!);
      return;
    }
    const marked = runs.mark[run] !== 0 && gateways.ecn[gateway] === 1;
    const mark = !marked ? MARK_NONE : gateways.isIpv6(gateway) ? MARK_IPV6 : MARK_IPV4;
    this.#senders[gateways.socket[gateway]!]!.add(
      run,
      gateway,
      entry,
      gateways.nameAt(gateway),
      gateways.nameLength[gateway]!,
      runs.iovecsAt(run),
      runs.size[run]!,
      runs.controlAt(run, mark),
      runs.controlLength(run, mark),
    );
  }

  /** A run that the kernel would not take as such; what is too big for the path to this gateway goes in fragments. */
  #sendOneByOne(sender: RelaySender, message: number, error: number): void {
    const { arena, runs } = this.#p;
    const batch = this.#batch!;
    const gateway = sender.gateway[message]!;
    const name = BigInt(arena.base + this.gateways.nameAt(gateway));
    let fit = true;
    for (let i = runs.first[sender.run[message]!]!; i >= 0; i = runs.next[i]!) {
      const at = batch.offset[i]! - AMT_HEADER;
      const length = batch.length[i]! + AMT_HEADER;
      const { fd } = sender;
      const nameLength = this.gateways.nameLength[gateway]!;
      const isTooBig = sendto(fd, BigInt(arena.base + at), length, 0, name, nameLength) < 0 ? errno() : 0;
      if (isTooBig === EMSGSIZE) fit = false;
      this.#one(sender, message, i, isTooBig);
    }
    if (fit && error !== EMSGSIZE) this.#segmentation = false;
  }

  #one(sender: RelaySender, message: number, i: number, error: number): void {
    const { arena, counters, memory, fragments } = this.#p;
    const gateway = sender.gateway[message]!;
    const offset = this.#batch!.offset[i]!;
    const length = this.#batch!.length[i]!;
    let outcome = error;
    // Section 5.3.3.6.3: what may be cut up is, before it is put into the tunnel; the outer packet never is.
    if (error === EMSGSIZE && length > FRAGMENT_MTU && mayFragment(arena, offset))
      outcome = fragments.send(sender.fd, offset, length, this.gateways, gateway);
    if (outcome === 0) {
      memory.count(gateway, sender.entry[message]!, 1, length);
      counters.add(this.vif, TX_PACKETS, 1);
      counters.add(this.vif, TX_BYTES, length);
    } else if (outcome === EMSGSIZE) counters.drop(this.vif, DROP_TOO_BIG);
    else
      counters.drop(this.vif, outcome === EAGAIN || outcome === ENOBUFS ? DROP_QUEUE_FULL : DROP_SEND_FAILED);
  }

  #readKey(offset: number): void {
    const { dv, u8 } = this.#p.arena;
    const key = this.#key;
    if (u8[offset]! >>> 4 === 6)
      for (let i = 0; i < 4; i++) {
        key[i] = dv.getUint32(offset + 24 + 4 * i);
        key[4 + i] = dv.getUint32(offset + 8 + 4 * i);
      }
    else {
      key[2] = key[6] = 0xffff;
      key[0] = key[1] = key[4] = key[5] = 0;
      key[3] = dv.getUint32(offset + 16);
      key[7] = dv.getUint32(offset + 12);
    }
  }
}
