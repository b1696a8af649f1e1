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
/** A deadline that is served so much too late, ms, was slept through. */
const STALLED = 2_000;

export class Scheduler {
  readonly #clock: Clock;
  readonly #machines = new Set<Timed>();
  readonly #afterTimeout: () => void;
  readonly #stalled: (ms: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Infinity;
  #armedAt = 0;

  /** `stalled`: this process has stood still for so long, ms (SIGSTOP, a virtual machine that was paused). */
  constructor(clock: Clock, afterTimeout: () => void, stalled: (ms: number) => void = () => {}) {
    this.#clock = clock;
    this.#stalled = stalled;
    this.#afterTimeout = afterTimeout;
  }

  add(machine: Timed): void {
    this.#machines.add(machine);
  }

  remove(machine: Timed): void {
    this.#machines.delete(machine);
  }

  arm(): void {
    this.#noticeStall(this.#clock.now()); // something else was heard before the timer was
    let earliest = Infinity;
    for (const machine of this.#machines) earliest = Math.min(earliest, machine.pollTimeout() ?? Infinity);
    if (earliest === this.#armedFor) return;
    this.stop();
    if (earliest === Infinity) return;
    this.#armedFor = earliest;
    this.#armedAt = this.#clock.now();
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.ceil(earliest - this.#armedAt)));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#armedFor = Infinity;
  }

  #fire(): void {
    const now = this.#clock.now();
    this.#noticeStall(now);
    this.#armedFor = Infinity;
    for (const machine of this.#machines) {
      const due = machine.pollTimeout();
      if (due !== undefined && due <= now) machine.handleTimeout(now);
    }
    this.#afterTimeout();
  }

  #noticeStall(now: number): void {
    if (this.#armedFor === Infinity) return;
    const late = now - Math.max(this.#armedFor, this.#armedAt);
    if (late < STALLED) return;
    this.#armedAt = now; // once
    this.#stalled(late);
  }
}
