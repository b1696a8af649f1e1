// Anti-replay window after RFC 6479: a ring of bit blocks; moving the window on clears whole blocks, no bit shifts.

/** A counter this far behind the greatest one, or further, is refused. */
export const REPLAY_WINDOW = 2048;
/** The ring is larger than the window, so that a block is never cleared while it still counts. */
const RING_BITS = 2 * REPLAY_WINDOW;
const BLOCK_BITS = 32;
const BLOCKS = RING_BITS / BLOCK_BITS;

/**
 * Which counters of a receiving key were seen. Counters are whole numbers below 2^53. Neither method allocates:
 * the state is in typed arrays (a field that holds a large number would be boxed on every store).
 */
export class ReplayWindow {
  readonly #bits = new Uint32Array(BLOCKS);
  /** One element: the greatest counter accepted, -1 before the first. */
  readonly #greatest = new Float64Array(1).fill(-1);

  /** Would it be accepted? To be asked before the costly part, decryption. */
  fresh(counter: number): boolean {
    const greatest = this.#greatest[0]!;
    if (counter > greatest) return true;
    if (counter <= greatest - REPLAY_WINDOW) return false;
    const block = Math.floor(counter / BLOCK_BITS) % BLOCKS;
    return (this.#bits[block]! & (1 << (counter % BLOCK_BITS))) === 0;
  }

  /** Marks it as seen. False where it was seen before or is too old. To be called after authentication alone. */
  accept(counter: number): boolean {
    if (!this.fresh(counter)) return false;
    const greatest = this.#greatest[0]!;
    const number = Math.floor(counter / BLOCK_BITS);
    if (counter > greatest) {
      const from = greatest < 0 ? 0 : Math.floor(greatest / BLOCK_BITS) + 1;
      const count = Math.min(number - from + 1, BLOCKS);
      for (let i = 0; i < count; i++) this.#bits[(number - i) % BLOCKS] = 0;
      this.#greatest[0] = counter;
    }
    const block = number % BLOCKS;
    this.#bits[block] = this.#bits[block]! | (1 << (counter % BLOCK_BITS));
    return true;
  }
}
