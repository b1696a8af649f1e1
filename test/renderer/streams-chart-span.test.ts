import { expect, test } from "vitest";
import { shownSteps } from "#renderer/screens/streams/chart-span.ts";

const known = (count: number): number[] => Array.from({ length: 600 }, (_, i) => (i < 600 - count ? NaN : 1));

test.each([
  [0, 120],
  [1, 120],
  [120, 120],
  [121, 180],
  [599, 600],
  [600, 600],
])("with %i seconds known, the chart shows %i", (count, shown) => {
  expect(shownSteps(known(count))).toBe(shown);
});

test("a gap in what is known is shown as a gap", () => {
  const values = known(200).map((value, i) => (i > 500 && i < 550 ? NaN : value));
  expect(shownSteps(values)).toBe(240);
});
