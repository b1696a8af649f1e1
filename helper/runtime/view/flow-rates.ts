import type { Flow } from "#fastpath/flow-memory.ts";

/** Rates are over at least this long; looks in between get the last answer. */
const WINDOW_MS = 900;
const FORGET_MS = 60_000;

export interface Rate {
  readonly packetsPerSecond: number;
  readonly bitsPerSecond: number;
}

interface Sample {
  at: number;
  packets: number;
  bytes: number;
  rate: Rate;
}

/** How fast flows are, from counters that somebody looks at now and then. */
export class FlowRates {
  readonly #samples = new Map<string, Sample>();

  /** `now`: ms, of the clock of the flow's times. */
  of(flow: Flow, now: number): Rate {
    const key = `${flow.vif} ${flow.source} ${flow.group}`;
    let sample = this.#samples.get(key);
    // The first look has the time since the first packet to go by; a flow that was replaced starts anew.
    if (!sample || sample.packets > flow.packets) {
      sample = { at: flow.firstSeen, packets: 0, bytes: 0, rate: { packetsPerSecond: 0, bitsPerSecond: 0 } };
      this.#samples.set(key, sample);
    }
    const elapsed = now - sample.at;
    if (elapsed < WINDOW_MS) return sample.rate;
    sample.rate = {
      packetsPerSecond: ((flow.packets - sample.packets) * 1000) / elapsed,
      bitsPerSecond: ((flow.bytes - sample.bytes) * 8000) / elapsed,
    };
    sample.at = now;
    sample.packets = flow.packets;
    sample.bytes = flow.bytes;
    return sample.rate;
  }

  forget(now: number): void {
    for (const [key, sample] of this.#samples) if (now - sample.at > FORGET_MS) this.#samples.delete(key);
  }
}
