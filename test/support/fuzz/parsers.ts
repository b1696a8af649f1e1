import { isDeepStrictEqual } from "node:util";
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
import { mutate } from "./mutator.ts";
import { SeededRandom } from "./seeded-random.ts";

export interface ParserTarget {
  readonly name: string;
  /** Inputs in the default run, where 6,000 would take too long. */
  readonly runs?: number;
  /** Valid inputs. */
  readonly corpus: readonly Uint8Array[];
  /** Makes an input; otherwise the corpus is changed byte by byte. */
  readonly input?: (random: SeededRandom) => Uint8Array;
  /** Makes checksums right in place where it can, so that inputs come past them to the rest of the parser. */
  readonly repair?: (bytes: Uint8Array) => void;
  /** The decoded value; undefined where the parser refuses by value. */
  readonly decode: (bytes: Uint8Array) => unknown;
  /** The one kind of error by which the parser refuses; undefined: it never throws. */
  readonly refuses: (new (...args: never[]) => Error) | undefined;
  /** What was decoded, encoded and decoded once more: must be the same. */
  readonly again?: (value: never) => unknown;
}

/** Keeps the decoded type between `decode` and `again`. */
export function parser<T>(
  target: Omit<ParserTarget, "decode" | "again"> & {
    readonly decode: (bytes: Uint8Array) => T | undefined;
    readonly again?: (value: T) => T | undefined;
  },
): ParserTarget {
  return target;
}

const SHOWN_BYTES = 2048;

interface Counts {
  accepted: number;
  refused: number;
}

/** Tests that each of the parsers survives whatever comes. A failure names the input. */
export function fuzzParsers(targets: readonly ParserTarget[]): void {
  test.each(targets.map((target) => [target.name, target] as const))(
    "%s: refuses or understands whatever comes, and keeps nothing of it",
    (_name, target) => {
      const runs = runsOf(target);
      const random = new SeededRandom(SEED);
      feedMany(target, random, Math.min(runs, 2000), new Stopwatch()); // what is compiled at first use is no growth
      const before = memoryHeld();
      const watch = new Stopwatch();
      const { accepted, refused } = feedMany(target, random, runs, watch);
      const grown = memoryHeld() - before;
      report(target.name, runs, watch, `${accepted} accepted | ${Math.round(grown / 1024)} KiB`);
      expect(grown).toBeLessThan(HEAP_GROWTH_LIMIT);
      // Inputs that are all refused at the first byte, or never, would test nothing.
      expect(accepted).toBeGreaterThan(runs / 50);
      expect(refused).toBeGreaterThan(runs / 50);
    },
    60 * 60_000,
  );

  test("every valid input is accepted", () => {
    for (const target of targets)
      for (const bytes of target.corpus) {
        const counts: Counts = { accepted: 0, refused: 0 };
        feed(target, bytes, counts);
        expect(counts, `${target.name}, input ${toHex(bytes)}`).toEqual({ accepted: 1, refused: 0 });
      }
  });
}

function feedMany(target: ParserTarget, random: SeededRandom, runs: number, watch: Stopwatch): Counts {
  const counts: Counts = { accepted: 0, refused: 0 };
  for (let run = 0; run < runs; run++) {
    const bytes = target.input?.(random) ?? mutate(random, target.corpus);
    if (target.repair && !random.oneIn(4)) target.repair(bytes);
    if (watch.time(() => feed(target, bytes, counts))) expectQuick(target, bytes);
  }
  return counts;
}

function feed(target: ParserTarget, bytes: Uint8Array, counts: Counts): void {
  const before = toHex(bytes);
  try {
    const value = target.decode(bytes);
    if (toHex(bytes) !== before) throw new Error("the parser changed its input");
    if (value === undefined) {
      counts.refused++;
      return;
    }
    counts.accepted++;
    if (target.again && !isDeepStrictEqual(target.again(value as never), value))
      throw new Error("encoded and decoded again, it is another value");
  } catch (error) {
    if (!target.refuses || !(error instanceof target.refuses))
      throw new Error(`${target.name}, input ${shown(bytes)}`, { cause: error });
    counts.refused++;
  }
}

/** It took long: because of the input, or of a collection that fell into it? The quickest of five tells. */
function expectQuick(target: ParserTarget, bytes: Uint8Array): void {
  let best = Infinity;
  for (let i = 0; i < 5; i++) {
    const before = performance.now();
    feed(target, bytes, { accepted: 0, refused: 0 });
    best = Math.min(best, performance.now() - before);
  }
  if (best >= INPUT_CPU_LIMIT_MS)
    throw new Error(`${target.name}: ${best.toFixed(0)} ms for ${bytes.length} bytes: ${shown(bytes)}`);
}

function shown(bytes: Uint8Array): string {
  const hex = toHex(bytes.subarray(0, SHOWN_BYTES));
  return bytes.length > SHOWN_BYTES ? `${hex}... (${bytes.length} bytes)` : hex;
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
