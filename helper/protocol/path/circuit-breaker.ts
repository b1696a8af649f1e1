// The network transport circuit breaker of RFC 8084, for the multicast that goes to one member: nothing in a stream
// slows down for a path that is too narrow, so the tunnel has to (RFC 8085 section 3.1.9). The far end's reports say
// what was lost. Rates are bits a second.

/** closed: no limit. limiting: no more than `limit`. open: no multicast at all, until it is tried again. */
export type BreakerState = "closed" | "limiting" | "open";

/** One report a second, RFC 8084's measurement interval; a longer round trip makes it longer. */
export const REPORT_INTERVAL = 1_000;
/** Loss over this share in BREAK_INTERVALS intervals in a row ... */
export const LOSS_TOO_HIGH = 0.15;
/** ... makes the breaker act (RFC 8084 section 4: one interval alone may be an accident). */
export const BREAK_INTERVALS = 3;
/** Below this share the path is taken to have room, and the limit grows. */
export const LOSS_OVER = 0.02;
/** With so much loss at the lowest rate, sending makes no sense. */
export const LOSS_EXTREME = 0.5;
/** Intervals without loss and without a drop of ours, after which there is no limit any more. */
export const CLEAN_INTERVALS = 5;
/** Fewer datagrams than this in an interval say nothing. */
export const FEWEST_DATAGRAMS = 20;
/** A limit makes them few. */
const FEWEST_LIMITED = 4;
/** The breaker never limits to less than this, it opens. */
export const LOWEST_RATE = 64_000;
/** An open breaker is tried again after this time, then twice as late each time, up to the second. */
export const REOPEN_FIRST = 10_000;
export const REOPEN_LAST = 160_000;

/** Of the rate at which the breaker acted: added in each interval without loss. */
const STEP = 1 / 50;
/** Below what arrived, so that the queue on the path can empty. */
const BELOW_GOODPUT = 0.9;
/** Loss that is still this share of what it was after a cut does not come from our rate ... */
const AS_BEFORE = 0.75;
/** ... if that happens so often in a row: it is a bad radio link, and less would arrive of less. */
const CUTS_IN_VAIN = 2;

/** What happened since the report before. */
export interface Interval {
  readonly ms: number;
  /** Datagrams that the far end must have been sent, and how many reached it. */
  readonly expected: number;
  readonly received: number;
  /** Bytes of multicast that left here, and packets that the breaker's limit kept here. */
  readonly sentBytes: number;
  readonly dropped: number;
}

export class CircuitBreaker {
  #state: BreakerState = "closed";
  #limit: number | undefined;
  #loss: number | undefined;
  #bad = 0;
  #clean = 0;
  #step = 0;
  /** Rate and loss when the breaker acted first. */
  #rateBefore = 0;
  #lossBefore = 0;
  #inVain = 0;
  #reopenAt: number | undefined;
  #reopenAfter = REOPEN_FIRST;

  get state(): BreakerState {
    return this.#state;
  }

  /** Undefined: none. 0 while open. */
  get limit(): number | undefined {
    return this.#limit;
  }

  /** Share of our datagrams that was lost in the last interval that tells. */
  get loss(): number | undefined {
    return this.#loss;
  }

  pollTimeout(): number | undefined {
    return this.#reopenAt;
  }

  /** An open breaker is tried again, at the lowest rate. */
  handleTimeout(now: number): void {
    if (this.#reopenAt === undefined || now < this.#reopenAt) return;
    this.#reopenAt = undefined;
    this.#state = "limiting";
    this.#limit = LOWEST_RATE;
    this.#bad = this.#clean = 0;
  }

  /** The stream has been over for long, or the path is another one. */
  reset(): void {
    this.#state = "closed";
    this.#limit = this.#loss = this.#reopenAt = undefined;
    this.#bad = this.#clean = this.#inVain = 0;
    this.#reopenAfter = REOPEN_FIRST;
  }

  handleInterval(interval: Interval, now: number): void {
    const { ms, expected, received, sentBytes, dropped } = interval;
    if (this.#state === "open" || ms <= 0) return;
    const loss = expected > 0 ? Math.max(0, 1 - received / expected) : 0;
    if (expected < (this.#limit === undefined ? FEWEST_DATAGRAMS : FEWEST_LIMITED) || sentBytes === 0) return;
    this.#loss = loss;
    const rate = (sentBytes * 8_000) / ms;
    this.#bad = loss >= LOSS_TOO_HIGH ? this.#bad + 1 : 0;
    this.#clean = loss < LOSS_OVER && dropped === 0 ? this.#clean + 1 : 0;
    if (this.#bad >= BREAK_INTERVALS) this.#cut(rate, loss, now);
    else if (this.#limit !== undefined && loss < LOSS_OVER) this.#grow();
  }

  #cut(rate: number, loss: number, now: number): void {
    this.#bad = 0;
    if (this.#limit === LOWEST_RATE && loss >= LOSS_EXTREME) return this.#open(now);
    const goodput = Math.min(rate, this.#limit ?? Infinity) * (1 - loss);
    if (this.#state === "closed") {
      this.#state = "limiting";
      this.#rateBefore = rate;
      this.#step = rate * STEP;
      this.#inVain = 0;
    } else if (loss >= AS_BEFORE * this.#lossBefore && loss < LOSS_EXTREME) this.#inVain++;
    else this.#inVain = 0;
    this.#lossBefore = loss;
    // It may not grow, but as less does not help, the stream is not destroyed for nothing.
    if (this.#inVain >= CUTS_IN_VAIN) this.#limit = Math.max(LOWEST_RATE, this.#rateBefore);
    else this.#limit = Math.max(LOWEST_RATE, goodput * BELOW_GOODPUT);
  }

  #grow(): void {
    this.#inVain = 0;
    if (this.#clean >= CLEAN_INTERVALS) return this.reset();
    this.#limit = this.#limit! + this.#step;
  }

  #open(now: number): void {
    this.#state = "open";
    this.#limit = 0;
    this.#reopenAt = now + this.#reopenAfter;
    this.#reopenAfter = Math.min(2 * this.#reopenAfter, REOPEN_LAST);
  }
}
