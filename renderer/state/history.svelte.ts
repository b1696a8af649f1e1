// The history as signals: read from the shell when a screen begins to show it and after each gap, and lengthened by a
// value a second in between.
import type { Snapshot } from "#contract/snapshot.ts";
import type { Bridge } from "#renderer/api/bridge.ts";
import { CallError } from "#renderer/api/call-error.ts";
import { RateLog, type Rates, STEP_MS } from "./rate-log.ts";

export interface HistoryClock {
  /** Wall ms. */
  now(): number;
  /** Returns its end. */
  every(ms: number, work: () => void): () => void;
}

const PAGE_CLOCK: HistoryClock = {
  now: () => Date.now(),
  every: (ms, work) => {
    const timer = setInterval(work, ms);
    return () => clearInterval(timer);
  },
};

export class RateHistory {
  readonly #bridge: Bridge;
  readonly #clock: HistoryClock;
  readonly #log = new RateLog();
  #version = $state(0);
  #asking = false;

  constructor(bridge: Bridge, clock: HistoryClock = PAGE_CLOCK) {
    this.#bridge = bridge;
    this.#clock = clock;
  }

  /** Changes with each new value. The arrays below stay the same ones. */
  get version(): number {
    return this.#version;
  }

  /** Wall ms at which the newest value ends; 0 while there is none. */
  get endsAt(): number {
    void this.#version;
    return this.#log.endsAt;
  }

  get received(): Rates {
    void this.#version;
    return this.#log.received;
  }

  get sent(): Rates {
    void this.#version;
    return this.#log.sent;
  }

  group(key: string): Rates | undefined {
    void this.#version;
    return this.#log.group(key);
  }

  /** Takes a value each second until the returned function is called. `read` gives null while nothing is known. */
  follow(read: () => Pick<Snapshot, "groups" | "vifs"> | null): () => void {
    return this.#clock.every(STEP_MS, () => {
      const whole = this.#log.add(read(), this.#clock.now());
      this.#version++;
      if (!whole) void this.ask();
    });
  }

  /** Reads what the shell remembers. Where it cannot say, what was seen here stays. */
  async ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const history = await this.#bridge.call("history", {});
      this.#log.merge(history, this.#clock.now());
      this.#version++;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
    } finally {
      this.#asking = false;
    }
  }
}
