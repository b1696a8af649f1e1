// A few round trips to a member, one after the other.
import type { Bridge } from "#renderer/api/bridge.ts";
import { CallError } from "#renderer/api/call-error.ts";

const PINGS = 5;
const TIMEOUT_MS = 2_000;

export class PingRun {
  readonly #bridge: Bridge;
  /** Round trips in ms; null: no answer in time. */
  #times = $state.raw<readonly (number | null)[]>([]);
  #running = $state(false);
  #error = $state.raw<CallError | null>(null);
  #target = "";

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
  }

  readonly count = PINGS;

  get times(): readonly (number | null)[] {
    return this.#times;
  }

  get running(): boolean {
    return this.#running;
  }

  get error(): CallError | null {
    return this.#error;
  }

  /** The mean of those that were answered; null: none was. */
  get averageMs(): number | null {
    const answered = this.#times.filter((time) => time !== null);
    return answered.length === 0 ? null : answered.reduce((sum, time) => sum + time, 0) / answered.length;
  }

  get answered(): number {
    return this.#times.filter((time) => time !== null).length;
  }

  /** Forgets what was measured of another member. */
  aim(target: string): void {
    if (target === this.#target || this.#running) return;
    this.#target = target;
    this.#times = [];
    this.#error = null;
  }

  async run(network: string, member: number): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    this.#times = [];
    this.#error = null;
    try {
      for (let i = 0; i < PINGS; i++) {
        const { rttMs } = await this.#bridge.daemon("ping", { network, member, timeoutMs: TIMEOUT_MS });
        this.#times = [...this.#times, rttMs];
      }
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.#error = error;
    } finally {
      this.#running = false;
    }
  }
}
