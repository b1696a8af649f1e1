const MINUTE_STEPS = 60;
const LEAST_STEPS = 2 * MINUTE_STEPS;

/**
 * How many of the last values a chart shows: those that are known, in whole minutes. In room for ten minutes the first
 * seconds would be a line at its edge.
 */
export function shownSteps(values: ArrayLike<number>): number {
  const first = Array.from(values).findIndex((value) => !Number.isNaN(value));
  const known = first < 0 ? 0 : values.length - first;
  return Math.min(values.length, Math.max(LEAST_STEPS, Math.ceil(known / MINUTE_STEPS) * MINUTE_STEPS));
}
