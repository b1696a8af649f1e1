import { Fallback } from "#protocol/session/fallback.ts";
import type { StreamTarget } from "#protocol/session/session-types.ts";
import { fuzzMachines, serveDeadlines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

type Action = ReturnType<Fallback["handleTimeout"]>[number];

const UDP = { address: "192.0.2.1", port: 4000 };
const targets = (count: number): StreamTarget[] =>
  Array.from({ length: count }, (_, i) => ({ kind: "tcp", host: "192.0.2.1", port: i + 1, proxied: false }));

/** A driver that is late, wrong and out of order: every stream that it opens must be closed by somebody in the end. */
class Ways implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #fallback = new Fallback();
  #now = 0;
  #calls = new Set<number>();
  #streams = new Set<number>();
  #lastStream = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#fallback.setTargets(targets(4));
  }

  step(): boolean {
    const random = this.#random;
    const fallback = this.#fallback;
    const now = (this.#now += random.below(random.oneIn(10) ? 40_000 : 400));
    const stream = (): number =>
      this.#streams.size > 0 && !random.oneIn(5) ? random.pick([...this.#streams]) : random.below(99);
    switch (random.below(10)) {
      case 0:
        fallback.race(now);
        break;
      case 1:
        this.#take(fallback.settle());
        break;
      case 2:
        this.#take(fallback.use(random.oneIn(3) ? UDP : { ...UDP, stream: stream() }, random.oneIn(2), now));
        break;
      case 3:
        this.#take(fallback.handleNetworkChanged(now));
        break;
      case 4: {
        const gone = stream();
        this.#streams.delete(gone);
        fallback.handleClosed(gone);
        break;
      }
      case 5:
      case 6: {
        const call =
          this.#calls.size > 0 && !random.oneIn(5) ? random.pick([...this.#calls]) : random.below(99);
        if (!this.#calls.delete(call)) break; // the driver answers a call once
        const opened = ++this.#lastStream + 100;
        this.#streams.add(opened);
        this.#take(fallback.handleOpened(call, { ...UDP, stream: opened }, now));
        break;
      }
      case 7: {
        const call = this.#calls.size > 0 ? random.pick([...this.#calls]) : random.below(99);
        this.#calls.delete(call);
        fallback.handleFailed(call, now);
        break;
      }
      case 8:
        fallback.setTargets(targets(random.below(30)));
        break;
      default:
        if (random.oneIn(20)) this.#take(fallback.close());
    }
    serveDeadlines(
      {
        pollTimeout: () => fallback.pollTimeout(),
        handleTimeout: (at) => this.#take(fallback.handleTimeout(at, random.below(100) / 100)),
      },
      now,
    );
    return this.#calls.size > 0 || this.#streams.size > 0;
  }

  held() {
    return { calls: [this.#calls.size, 16], streams: [this.#streams.size, 16 + 1 + 4 + 1] } as const;
  }

  settle(): void {
    this.#take(this.#fallback.close());
  }

  left() {
    return {
      calls: this.#calls.size,
      streams: this.#streams.size,
      deadlines: Number(this.#fallback.pollTimeout() !== undefined),
    };
  }

  #take(actions: readonly Action[]): void {
    for (const action of actions) {
      if (action.type === "open-stream") this.#calls.add(action.call);
      else if (action.type === "abandon-stream") this.#calls.delete(action.call);
      else if (action.type === "close-stream") this.#streams.delete(action.stream);
    }
  }
}

fuzzMachines([{ name: "fallback", understood: 0.2, start: (random) => new Ways(random) }]);
