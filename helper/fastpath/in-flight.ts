// Packets that cross between the threads as messages: message queues have no bound, so each way is counted in shared
// memory, and what is too much is not sent. One thread begins, the other one ends.

/** Under way at the same time; bursts of a stream are smaller by far. */
export const MAX_IN_FLIGHT = 1024;
export const MAX_IN_FLIGHT_BYTES = 8 << 20;

const CELLS = 2; // packets, bytes

/** For a vif: one way behind the other. */
export function inFlightBytes(): number {
  return 2 * CELLS * Int32Array.BYTES_PER_ELEMENT;
}

export class InFlight {
  readonly #cells: Int32Array;

  /** `way`: in is towards the fast path. */
  constructor(memory: SharedArrayBuffer, way: "in" | "out") {
    this.#cells = new Int32Array(memory, way === "in" ? 0 : CELLS * Int32Array.BYTES_PER_ELEMENT, CELLS);
  }

  /** False where the packet must be dropped instead. */
  begin(bytes: number): boolean {
    const packets = Atomics.load(this.#cells, 0);
    if (packets >= MAX_IN_FLIGHT || Atomics.load(this.#cells, 1) + bytes > MAX_IN_FLIGHT_BYTES) return false;
    Atomics.add(this.#cells, 0, 1);
    Atomics.add(this.#cells, 1, bytes);
    return true;
  }

  /** The packet has left the queue. */
  end(bytes: number): void {
    Atomics.sub(this.#cells, 0, 1);
    Atomics.sub(this.#cells, 1, bytes);
  }
}
