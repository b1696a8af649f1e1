import type { Arena } from "./arena.ts";

/** Packets between two flushes. */
export const BATCH_MAX = 256;

/** Packets on their way from an ingress to exits, as columns: nothing is allocated for one. */
export class Batch {
  count = 0;
  readonly offset = new Int32Array(BATCH_MAX); // of the IP packet in the arena; HEADROOM or headers stand before it
  readonly length = new Int32Array(BATCH_MAX);
  readonly kind = new Uint8Array(BATCH_MAX);
  readonly flags = new Uint8Array(BATCH_MAX);
  readonly hops = new Uint8Array(BATCH_MAX);
  readonly origin = new Uint32Array(BATCH_MAX);
  readonly epoch = new Uint32Array(BATCH_MAX);
  readonly sequence = new Uint32Array(BATCH_MAX);
  readonly flow = new Int32Array(BATCH_MAX); // -1: unicast

  add(offset: number, length: number, kind: number, flags: number, flow: number): number {
    const i = this.count++;
    this.offset[i] = offset;
    this.length[i] = length;
    this.kind[i] = kind;
    this.flags[i] = flags;
    this.flow[i] = flow;
    return i;
  }

  mark(i: number, hops: number, origin: number, epoch: number, sequence: number): void {
    this.hops[i] = hops;
    this.origin[i] = origin;
    this.epoch[i] = epoch;
    this.sequence[i] = sequence;
  }
}

/** One way out of a vif. Packets wait in it for the end of the burst. */
export abstract class Exit {
  readonly vif: number;
  /** To this computer's own sockets: goes out before TTLs are lowered for others. */
  readonly local: boolean;
  readonly queue = new Int32Array(BATCH_MAX); // places in the batch
  queued = 0;

  constructor(vif: number, local: boolean) {
    this.vif = vif;
    this.local = local;
  }

  /** Sends what is queued and leaves the queue empty. Never throws for what a packet holds. */
  abstract flush(batch: Batch, now: number): void;
}

/** The virtio header in front of a packet: 10 bytes, host order (little-endian). */
export function writePlainVirtioHeader(arena: Arena, at: number): void {
  const { dv } = arena;
  dv.setUint32(at, 0);
  dv.setUint32(at + 4, 0);
  dv.setUint16(at + 8, 0);
}
