import type { TappedPacket } from "#test/support/traffic/tap.ts";

/** What happened to a stream between two taps since the last look. */
export interface StreamFigures {
  readonly packetsPerSecond: number;
  readonly bitsPerSecond: number;
  readonly duplicates: number;
  /** Of the packets that have had SETTLE_NS to arrive; 0 while there were none. */
  readonly lossRatio: number;
  /** ms; undefined while nothing arrived. */
  readonly latencyMedian: number | undefined;
  readonly latencyP99: number | undefined;
}

export interface StreamTotals {
  readonly received: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly latencyMedian: number | undefined;
  readonly latencyP99: number | undefined;
}

/** A packet that comes later than this after it was sent counts as lost. Taps report five times a second. */
const SETTLE_NS = 1_000_000_000;

interface Sent {
  readonly time: number; // ns
  arrived: boolean;
}

/**
 * Matches the packets of two taps by RTP sequence number. Counts from the first packet that arrived, because what
 * was sent before the receiver joined is not lost.
 */
export class StreamMeter {
  readonly #sent = new Map<number, Sent>();
  readonly #all: number[] = [];
  #unmatched: TappedPacket[] = [];
  /** What arrived before this and met no departure at the last call never will. ns */
  #forgotten = 0;
  #newest: number | undefined;
  #newestTime = 0;
  #counting = Infinity;
  #lost = 0;
  #arrived = 0;
  #duplicates = 0;
  #window = { packets: 0, bytes: 0, duplicates: 0, lost: 0, settled: 0, latencies: [] as number[] };

  get firstArrived(): boolean {
    return this.#counting !== Infinity;
  }

  sent(packets: readonly TappedPacket[]): void {
    for (const [sequence, time] of packets) {
      this.#newest = this.#unwrap(sequence);
      this.#newestTime = Math.max(this.#newestTime, time);
      this.#sent.set(this.#newest, { time, arrived: false });
    }
  }

  received(packets: readonly TappedPacket[]): void {
    const waiting = this.#unmatched.filter(([, time]) => time > this.#forgotten);
    this.#unmatched = [];
    this.#forgotten = this.#newestTime - SETTLE_NS;
    for (const packet of [...waiting, ...packets]) {
      const [sequence, time, bytes] = packet;
      const number = this.#unwrap(sequence);
      const sent = this.#sent.get(number);
      if (sent === undefined) {
        // The other tap has not told of it yet: their batches do not end at the same time.
        this.#unmatched.push(packet);
        continue;
      }
      this.#counting = Math.min(this.#counting, number);
      if (sent.arrived) {
        this.#duplicates++;
        this.#window.duplicates++;
        continue;
      }
      sent.arrived = true;
      this.#arrived++;
      this.#window.packets++;
      this.#window.bytes += bytes;
      const latency = (time - sent.time) / 1e6;
      this.#window.latencies.push(latency);
      this.#all.push(latency);
    }
  }

  /** Figures since the last call, which was `seconds` ago. */
  figures(seconds: number): StreamFigures {
    this.#settle(this.#newestTime - SETTLE_NS);
    const { packets, bytes, duplicates, lost, settled, latencies } = this.#window;
    this.#window = { packets: 0, bytes: 0, duplicates: 0, lost: 0, settled: 0, latencies: [] };
    return {
      packetsPerSecond: packets / seconds,
      bitsPerSecond: (bytes * 8) / seconds,
      duplicates,
      lossRatio: settled === 0 ? 0 : lost / settled,
      ...quantiles(latencies),
    };
  }

  /** Over all packets that have had time to arrive. */
  totals(): StreamTotals {
    this.#settle(this.#newestTime - SETTLE_NS);
    return {
      received: this.#arrived,
      lost: this.#lost,
      duplicates: this.#duplicates,
      ...quantiles(this.#all),
    };
  }

  #settle(before: number): void {
    for (const [number, { time, arrived }] of this.#sent) {
      if (time > before) return;
      this.#sent.delete(number);
      if (number < this.#counting) continue;
      this.#window.settled++;
      if (arrived) continue;
      this.#window.lost++;
      this.#lost++;
    }
  }

  /** RTP numbers are 16 bits and wrap within minutes; the newest one sent says which turn it is. */
  #unwrap(sequence: number): number {
    if (this.#newest === undefined) return sequence;
    const difference = ((((sequence - this.#newest) % 0x10000) + 0x18000) % 0x10000) - 0x8000;
    return this.#newest + difference;
  }
}

function quantiles(latencies: readonly number[]): {
  latencyMedian: number | undefined;
  latencyP99: number | undefined;
} {
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    latencyMedian: sorted[Math.floor(sorted.length / 2)],
    latencyP99: sorted[Math.floor(sorted.length * 0.99)],
  };
}
