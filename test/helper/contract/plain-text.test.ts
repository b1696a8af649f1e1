import * as fc from "fast-check";
import { expect, test } from "vitest";
import { agoText, amountText, durationText, plainText, ratioText } from "#contract/plain-text.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1.00 kB"],
  [1_316, "1.32 kB"],
  [9_994, "9.99 kB"],
  [9_996, "10.0 kB"],
  [99_960, "100 kB"],
  [999_499, "999 kB"],
  [999_600, "1.00 MB"],
  [1.5e18, "1500 PB"],
  [0.25, "0.25 B"],
])("%d bytes", (value, text) => expect(amountText(value, "B")).toBe(text));

test.each([
  [-5, "0 s"],
  [999, "0 s"],
  [65_000, "1 min 5 s"],
  [3_600_000, "1 h"],
  [7_620_000, "2 h 7 min"],
  [5 * 86_400_000 + 3 * 3_600_000, "5 d 3 h"],
])("%d ms", (value, text) => expect(durationText(value)).toBe(text));

test.each([
  [null, "-"],
  [0, "0 %"],
  [0.0123, "1.2 %"],
  [0.5, "50 %"],
])("a ratio of %s", (value, text) => expect(ratioText(value)).toBe(text));

test("how long ago", () => {
  expect(agoText(null, 5)).toBe("never");
  expect(agoText(1_000, 4_000)).toBe("3 s ago");
});

test("no text steers a terminal, reorders a line or adds one", () => {
  expect(plainText("a\u001b[31mb\u009b0m\r\nc\u202ed\u2028e\u0000")).toBe("a[31mb0m cde");
  expect(plainText("Zoë 家 🏠")).toBe("Zoë 家 🏠");
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      (text) => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(plainText(text)),
    ),
  );
});
