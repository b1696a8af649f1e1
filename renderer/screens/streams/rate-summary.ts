// The chart in numbers, for those who do not see it.

export interface RateSummary {
  /** The newest value; null: not known. */
  readonly now: number | null;
  readonly mean: number | null;
  readonly most: number | null;
}

/** Of the values that are known, in the order of time, from `first` on. */
export function summaryOf(values: ArrayLike<number>, first = 0, end = values.length): RateSummary {
  let sum = 0;
  let most = 0;
  let known = 0;
  for (let i = first; i < end; i++) {
    const value = values[i] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    sum += value;
    most = Math.max(most, value);
    known++;
  }
  const last = values[end - 1] ?? Number.NaN;
  return {
    now: Number.isNaN(last) ? null : last,
    mean: known === 0 ? null : sum / known,
    most: known === 0 ? null : most,
  };
}

export interface Minute {
  /** Wall ms at which it ends. */
  readonly endsAt: number;
  readonly received: RateSummary;
  readonly sent: RateSummary;
}

/** The newest first; minutes of which nothing is known are left out. One value each `stepMs`. */
export function minutesOf(
  received: ArrayLike<number>,
  sent: ArrayLike<number>,
  endsAt: number,
  stepMs: number,
): Minute[] {
  const steps = 60_000 / stepMs;
  const minutes: Minute[] = [];
  for (let end = received.length; end > 0; end -= steps) {
    const first = Math.max(0, end - steps);
    const minute = {
      endsAt: endsAt - (received.length - end) * stepMs,
      received: summaryOf(received, first, end),
      sent: summaryOf(sent, first, end),
    };
    if (minute.received.mean !== null || minute.sent.mean !== null) minutes.push(minute);
  }
  return minutes;
}
