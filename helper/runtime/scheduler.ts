import type { Clock } from "#ports/clock.ts";

/** A machine with deadlines: when the next one is (ms, monotonic), and what to do when it has come. */
export interface Timed {
  pollTimeout(): number | undefined;
  handleTimeout(now: number): void;
}

/**
 * The one timer of the slow path. After every input the driver calls `arm()`, which looks up the earliest
 * deadline; nothing wakes the process between deadlines.
 */
export class Scheduler {
  readonly #clock: Clock;
  readonly #machines = new Set<Timed>();
  readonly #afterTimeout: () => void;
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Infinity;

  constructor(clock: Clock, afterTimeout: () => void) {
    this.#clock = clock;
    this.#afterTimeout = afterTimeout;
  }

  add(machine: Timed): void {
    this.#machines.add(machine);
  }

  remove(machine: Timed): void {
    this.#machines.delete(machine);
  }

  arm(): void {
    let earliest = Infinity;
    for (const machine of this.#machines) earliest = Math.min(earliest, machine.pollTimeout() ?? Infinity);
    if (earliest === this.#armedFor) return;
    this.stop();
    if (earliest === Infinity) return;
    this.#armedFor = earliest;
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.ceil(earliest - this.#clock.now())));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#armedFor = Infinity;
  }

  #fire(): void {
    this.#armedFor = Infinity;
    const now = this.#clock.now();
    for (const machine of this.#machines) {
      const due = machine.pollTimeout();
      if (due !== undefined && due <= now) machine.handleTimeout(now);
    }
    this.#afterTimeout();
  }
}
