import { expect, test } from "vitest";
import { Cells, cellBytes, QUEUE_FRAMES, QUEUE_MS, StreamQueue } from "#fastpath/stream-queue.ts";
import { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { makeArena } from "./fixtures.ts";

const POOL = 4096;
const STREAMS = 4;

interface Waiting {
  readonly id: number;
  readonly control: boolean;
  readonly since: number;
}

test("a queue beside a plain list that does the same: order, what goes first, and no cell is lost", () => {
  const random = new SeededRandom(11);
  const arena = makeArena(cellBytes(STREAMS) + (1 << 16));
  const cells = new Cells(arena, STREAMS);
  const frame = arena.reserve(4096);
  const queue = new StreamQueue(arena, cells, 2);
  let model: Waiting[] = [];
  let now = 0;
  const kept = (list: Waiting[]): Waiting[] => (queue.begun > 0 ? list.slice(0, 1) : []);
  for (let id = 1; id < 60_000; id++) {
    now += random.below(8);
    switch (random.below(random.oneIn(300) ? 6 : 5)) {
      case 0:
      case 1:
      case 2: {
        const control = random.oneIn(10);
        arena.dv.setUint32(frame, id);
        const length = 100 + random.below(1_900);
        if (model.length === 0 && random.oneIn(2)) {
          queue.pushBegun(frame, length, 50, control ? 1 : 0, now);
        } else {
          const full = model.length >= QUEUE_FRAMES;
          expect(queue.push(frame, length, control ? 1 : 0, now)).toBe(full ? 1 : 0);
          if (full) {
            const begun = kept(model);
            const rest = model.slice(begun.length);
            const oldest = Math.max(
              0,
              rest.findIndex((waiting) => !waiting.control),
            );
            model = [...begun, ...rest.toSpliced(oldest, 1)];
          }
        }
        model.push({ id, control, since: now });
        break;
      }
      case 3:
        if (model.length > 0 && random.oneIn(3)) {
          queue.shift();
          model.shift();
        }
        break;
      case 4:
        if (random.oneIn(20)) {
          const begun = kept(model);
          // Data that is too old goes; what came later than it stays, and so does control.
          const rest = model.slice(begun.length);
          const fresh = rest.findIndex((waiting) => !waiting.control && waiting.since + QUEUE_MS > now);
          const until = fresh < 0 ? rest.length : fresh;
          const gone = rest.slice(0, until).filter((one) => !one.control && one.since + QUEUE_MS <= now);
          model = [...begun, ...rest.filter((one) => !gone.includes(one))];
          queue.dropStale(now);
        }
        break;
      default:
        queue.clear();
        model = [];
    }
    expect(queue.count).toBe(model.length);
    if (model.length > 0) expect(arena.dv.getUint32(cells.at(queue.first))).toBe(model[0]!.id);
  }
  queue.clear();
  let free = 0;
  while (cells.take() >= 0) free++;
  expect(free).toBe(POOL);
});

test("when the pool is empty, each queue gives up its own oldest, and a frame that was begun has its place", () => {
  const arena = makeArena(cellBytes(STREAMS) + (1 << 16));
  const cells = new Cells(arena, STREAMS);
  const frame = arena.reserve(4096);
  const [own, other] = [new StreamQueue(arena, cells, 0), new StreamQueue(arena, cells, 1)];
  for (let i = 0; i < 3; i++) own.push(frame, 100, 0, 0);
  while (cells.take() >= 0);
  expect(own.push(frame, 100, 0, 0)).toBe(1);
  expect(own.count).toBe(3);
  expect(other.push(frame, 100, 0, 0)).toBe(1); // it has nothing to give up: its frame goes
  other.pushBegun(frame, 100, 10, 0, 0);
  expect([other.count, other.begun]).toEqual([1, 10]);
});
