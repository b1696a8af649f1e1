import { expect, test } from "vitest";
import {
  HEAP_GROWTH_LIMIT,
  INPUT_CPU_LIMIT_MS,
  memoryHeld,
  report,
  runsOf,
  SEED,
  Stopwatch,
} from "./budget.ts";
import { SeededRandom } from "./seeded-random.ts";

/** What a machine holds: by name, how much now and the most that it may ever be. */
export type Held = Readonly<Record<string, readonly [now: number, most: number]>>;

/** A whole machine under random and changed inputs, over many steps of simulated time. */
export interface FuzzedMachine {
  /** One input, and some time. Returns whether it was understood. Throws where an invariant is broken. */
  step(): boolean;
  held(): Held;
  /** Between steps now and then: what waits for the event loop's turn. */
  rest?(): Promise<void>;
  /** Nobody says anything any more, and all deadlines pass. */
  settle(): void;
  /** What is left then. */
  left(): Readonly<Record<string, number>>;
  close?(): void;
}

export interface MachineTarget {
  readonly name: string;
  /** Steps in the default run, where 6,000 would take too long. */
  readonly runs?: number;
  /** Of all steps, the share that is understood at least, so that the inputs test more than the first check. */
  readonly understood?: number;
  readonly start: (random: SeededRandom) => FuzzedMachine | Promise<FuzzedMachine>;
}

const CHECK_EVERY = 256;
/** Steps that may take long, in a million: a collection of garbage falls into one now and then. */
const SLOW_IN_A_MILLION = 20;

/** Tests that each machine goes on, stays within its bounds and forgets what it was told. */
export function fuzzMachines(targets: readonly MachineTarget[]): void {
  test.each(targets.map((target) => [target.name, target] as const))(
    "%s: goes on whatever comes, within its bounds, and forgets it in time",
    async (_name, target) => {
      const runs = runsOf(target);
      const machine = await target.start(new SeededRandom(SEED));
      try {
        await run(machine, Math.max(500, runs / 10), new Stopwatch());
        machine.settle();
        const before = memoryHeld();
        const watch = new Stopwatch();
        const { understood, slow } = await run(machine, runs, watch);
        machine.settle();
        await machine.rest?.();
        const grown = memoryHeld() - before;
        report(target.name, runs, watch, `${understood} understood | ${Math.round(grown / 1024)} KiB`);
        for (const [what, count] of Object.entries(machine.left())) expect(count, what).toBe(0);
        expect(grown).toBeLessThan(HEAP_GROWTH_LIMIT);
        expect(slow, `steps of ${INPUT_CPU_LIMIT_MS} ms`).toBeLessThanOrEqual(
          1 + (runs / 1_000_000) * SLOW_IN_A_MILLION,
        );
        expect(understood).toBeGreaterThan(runs * (target.understood ?? 0.1));
      } finally {
        machine.close?.();
      }
    },
    60 * 60_000,
  );
}

async function run(
  machine: FuzzedMachine,
  runs: number,
  watch: Stopwatch,
): Promise<{ understood: number; slow: number }> {
  let understood = 0;
  let slow = 0;
  for (let step = 0; step < runs; step++) {
    const tooLong = watch.time(() => {
      if (machine.step()) understood++;
    });
    if (tooLong) slow++;
    if (step % CHECK_EVERY > 0) continue;
    checkBounds(machine.held());
    await machine.rest?.();
  }
  checkBounds(machine.held());
  return { understood, slow };
}

function checkBounds(held: Held): void {
  for (const [what, [now, most]] of Object.entries(held))
    if (now > most) throw new Error(`${what}: ${now}, where ${most} are the most`);
}

/** Runs a machine's deadlines up to `now`. One that is due again and again at the same time spins. */
export function serveDeadlines(
  machine: { pollTimeout(): number | undefined; handleTimeout(now: number): void },
  now: number,
): void {
  for (let times = 0; (machine.pollTimeout() ?? Infinity) <= now; times++) {
    if (times === 1000) throw new Error("a deadline that was served stays");
    machine.handleTimeout(now);
  }
}
