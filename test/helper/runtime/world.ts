import { setImmediate as realTurn } from "node:timers/promises";
import { onTestFinished, vi } from "vitest";
import { endpointText, type Endpoint } from "#ports/endpoint.ts";
import { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

/** 2026-11-21, at the world's start. */
export const WALL = Date.UTC(2026, 10, 21);
const STEP_MS = 20;

/** Something on a LAN. */
export interface Listener {
  hear(data: Uint8Array): void;
}

export interface Host {
  arrive(data: Uint8Array, from: Endpoint): void;
}

function filesAreBusy(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"));
}

/**
 * Several computers and the network between them. Time is simulated: timers, performance.now() and Date are vitest's
 * fakes, files are real. One world a test.
 */
export class World {
  readonly random: SeededRandom;
  /** 0 to 1, and milliseconds. */
  readonly path = { loss: 0, latency: 10, jitter: 0 };
  /** Return false to lose a datagram. */
  filter: (from: Endpoint, to: Endpoint, data: Uint8Array) => boolean = () => true;
  datagrams = 0;
  readonly #hosts = new Map<string, Host>();
  readonly #segments = new Map<string, Set<Listener>>();

  constructor(seed = 1) {
    this.random = new SeededRandom(seed);
    vi.useFakeTimers({ now: WALL, toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
    vi.advanceTimersByTime(1_000); // a time of 0 could be taken for "never"
    onTestFinished(() => void vi.useRealTimers());
  }

  bind(endpoint: Endpoint, host: Host): void {
    this.#hosts.set(endpointText(endpoint), host);
  }

  unbind(endpoint: Endpoint): void {
    this.#hosts.delete(endpointText(endpoint));
  }

  send(from: Endpoint, to: Endpoint, data: Uint8Array): void {
    this.datagrams++;
    const copy = data.slice();
    if (!this.filter(from, to, copy) || this.random.below(1_000_000) < this.path.loss * 1_000_000) return;
    const delay = this.path.latency + this.random.below(this.path.jitter + 1);
    setTimeout(() => this.#hosts.get(endpointText(to))?.arrive(copy, from), delay);
  }

  /** A LAN: whatever one says, all others hear. */
  segment(name: string): Set<Listener> {
    let segment = this.#segments.get(name);
    if (!segment) this.#segments.set(name, (segment = new Set()));
    return segment;
  }

  async run(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  /** Lets time pass until it holds. Returns how long that took, ms. Throws where it never does. */
  async until(holds: () => boolean, within = 60_000): Promise<number> {
    const start = performance.now();
    while (!holds()) {
      if (performance.now() - start > within) throw new Error(`not within ${within} ms: ${String(holds)}`);
      await this.run(performance.now() - start < 3_000 ? STEP_MS : 10 * STEP_MS);
    }
    return performance.now() - start;
  }

  /** Lets time pass until a call is answered; it stands still while files are written. */
  async answer<T>(call: Promise<T>): Promise<T> {
    const outcome = { known: false };
    const mark = (): void => {
      outcome.known = true;
    };
    call.then(mark, mark);
    for (let idle = 0; !outcome.known;) {
      await realTurn();
      idle = filesAreBusy() ? 0 : idle + 1;
      if (idle < 3 || outcome.known) continue;
      await this.run(STEP_MS);
      idle = 0;
    }
    return call;
  }
}
