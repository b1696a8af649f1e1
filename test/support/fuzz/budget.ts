import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// What an input may cost: memory that stays, and processor time.

/** Each target gets this many inputs; undefined: as many as it says itself, so that all of them stay quick. */
const CHOSEN_RUNS = process.env["CASTAWAY_FUZZ_RUNS"];
const DEFAULT_RUNS = 6_000;
export const SEED = Number(process.env["CASTAWAY_FUZZ_SEED"] ?? 9777);

export function runsOf(target: { readonly runs?: number }): number {
  return Number(CHOSEN_RUNS ?? target.runs ?? DEFAULT_RUNS);
}

export const HEAP_GROWTH_LIMIT = 4 * 2 ** 20;
/** Of this thread, so that a machine that is busy with other things makes nobody slow. */
export const INPUT_CPU_LIMIT_MS = 50;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that stay after a collection: objects, and buffers outside of the heap. */
export function memoryHeld(): number {
  collectGarbage();
  collectGarbage(); // buffers whose owner went in the first go in the second
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The real clock, also where a test fakes the one that machines look at. */
const clock = performance.now.bind(performance);

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * Watches over inputs, one by one. Asking for the processor's time costs more than most parsers do, so a clock looks
 * first, and the processor's time of the last few inputs decides.
 */
export class Stopwatch {
  static readonly #BLOCK = 16;
  #inputs = 0;
  #cpuBefore = 0;
  /** Processor time of the slowest, ms; 0 where none took long. */
  slowest = 0;
  readonly #began = clock();

  /** Runs one input. Returns whether it took longer than it may. */
  time(run: () => void): boolean {
    if (this.#inputs++ % Stopwatch.#BLOCK === 0) this.#cpuBefore = cpuMs();
    const before = clock();
    run();
    if (clock() - before < INPUT_CPU_LIMIT_MS) return false;
    const used = cpuMs() - this.#cpuBefore;
    this.slowest = Math.max(this.slowest, used);
    return used >= INPUT_CPU_LIMIT_MS;
  }

  /** Microseconds an input, on the wall. */
  get mean(): number {
    return ((clock() - this.#began) * 1000) / Math.max(1, this.#inputs);
  }
}

/** One line a target of a run that somebody asked for, for the record. */
export function report(name: string, runs: number, watch: Stopwatch, more: string): void {
  if (CHOSEN_RUNS !== undefined)
    process.stdout.write(
      `fuzz | ${name} | ${runs} inputs | ${watch.mean.toFixed(1)} us each | slow ${watch.slowest.toFixed(0)} ms | ${more}\n`,
    );
}
