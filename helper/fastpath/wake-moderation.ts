// When packets come one by one but fast, most of what they cost is waking up for each. As network cards do with
// their interrupts, the loop then rests a moment between bursts. Slow streams and full queues are not touched: below
// the rate each packet is handled as it comes, and where bursts are long already there is nothing to gain.

/** Packets a second from which the loop rests. A third-of-a-millisecond spacing: about 30 Mbit/s of video. */
const RATE_ON = 4_000;
const RATE_OFF = 3_000;
/** The rate is looked at over this time, so that one burst (a video frame) is no rate. */
const WINDOW_MS = 10;
/** A burst this long is worth its wake-up. */
const LONG_BURST = 16;

export class WakeModeration {
  #windowStart = 0;
  #packets = 0;
  #fast = false;

  /** After each burst: how many packets it had, and when (ms). True: rest before the next look. */
  afterBurst(packets: number, now: number): boolean {
    this.#packets += packets;
    const elapsed = now - this.#windowStart;
    if (elapsed >= WINDOW_MS) {
      const rate = (this.#packets * 1000) / elapsed;
      this.#fast = rate >= (this.#fast ? RATE_OFF : RATE_ON);
      this.#windowStart = now;
      this.#packets = 0;
    }
    return this.#fast && packets > 0 && packets < LONG_BURST;
  }
}
