import { IpReassembly } from "#protocol/forwarding/ip-reassembly.ts";
import { fuzzMachines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

/** Pieces of many packets, right, repeated, overlapping or made up, in any order. */
class Pieces implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #reassembly = new IpReassembly();
  #now = 0;
  #longest = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  step(): boolean {
    const random = this.#random;
    const v6 = random.oneIn(2);
    const odd = random.oneIn(10);
    const offset = 8 * random.below(odd ? 8192 : 3);
    const part = {
      source: v6 ? `2001:db8::${random.below(4)}` : `10.0.0.${random.below(4)}`,
      destination: v6 ? "ff1e::1" : "239.1.1.1",
      ttl: 16,
      protocol: 17,
      identification: random.below(random.oneIn(10) ? 400 : 3),
      offset,
      more: odd ? random.oneIn(2) : offset < 16,
      payload: random.bytes(odd ? random.below(40) : 8),
    };
    const whole = this.#reassembly.add(part, this.#now);
    this.#now += random.oneIn(100) ? 4_000 : random.below(100);
    this.#longest = Math.max(this.#longest, whole?.payload.length ?? 0);
    return whole !== undefined && whole !== part;
  }

  held() {
    return { "bytes of a packet": [this.#longest, 65_535] } as const;
  }

  settle(): void {
    this.#now += 10_000;
  }

  /** What is right comes out of it, whatever came before. */
  left() {
    const piece = (offset: number, more: boolean) =>
      this.#reassembly.add(
        {
          source: "10.9.9.9",
          destination: "239.1.1.1",
          ttl: 1,
          protocol: 17,
          identification: 1,
          offset,
          more,
          payload: new Uint8Array(8).fill(offset),
        },
        this.#now,
      );
    piece(8, false);
    return { "packets that were not put together": 1 - Number(piece(0, true)?.payload[8] === 8) };
  }
}

fuzzMachines([{ name: "pieces of IP packets", understood: 0.03, start: (random) => new Pieces(random) }]);
