import { TIMESTAMP_LENGTH } from "#wire/frame-handshake-payload.ts";

/** TAI64N: seconds count from 2^62. */
const TAI64_EPOCH = 2n ** 62n;

/**
 * The timestamps of our initiations: TAI64N, 12 bytes, each greater than the last one. They follow the monotonic
 * clock from one reading of the wall clock, so that a wall clock set back while we run does no harm.
 */
export class HandshakeClock {
  readonly #wallAtZero: number;
  #last = 0n;

  /** `wall` (ms since 1970) and `now` (ms, monotonic) of one moment. */
  constructor(wall: number, now: number) {
    this.#wallAtZero = wall - now;
  }

  /** Wall milliseconds, whole. */
  wall(now: number): number {
    return Math.max(0, Math.floor(this.#wallAtZero + now));
  }

  next(now: number): Uint8Array {
    const nanoseconds = BigInt(this.wall(now)) * 1_000_000n;
    this.#last = nanoseconds > this.#last ? nanoseconds : this.#last + 1n;
    const bytes = new Uint8Array(TIMESTAMP_LENGTH);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, TAI64_EPOCH + this.#last / 1_000_000_000n);
    view.setUint32(8, Number(this.#last % 1_000_000_000n));
    return bytes;
  }
}

export function laterTimestamp(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < TIMESTAMP_LENGTH; i++) if (a[i] !== b[i]) return a[i]! > b[i]!;
  return false;
}
