import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanName, freeName, nameKey } from "#protocol/addressing/names.ts";

describe("names", () => {
  test.each([
    ["  Anna's \t laptop\n", "Anna's laptop"],
    ["evil\u202egnp.exe", "evilgnp.exe"],
    ["a\u0000b\u001b[31mc", "ab[31mc"],
    ["a \u200b b", "a b"],
    ["e\u0301", "é"],
    ["\ud800", ""],
    ["   ", ""],
    ["x".repeat(41), "x".repeat(40)],
    ["📺".repeat(50), "📺".repeat(40)],
  ])("%j is shown as %j", (text, shown) => {
    expect(cleanName(text)).toBe(shown);
  });
  test("any text comes out short, clean, and clean for good", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const name = cleanName(text);
        expect([...name].length).toBeLessThanOrEqual(40);
        expect(name).not.toMatch(/\p{C}/u);
        expect(cleanName(name)).toBe(name);
      }),
      { numRuns: 2000 },
    );
  });
  test("a taken name gets the next free number, inside the limit", () => {
    expect(freeName("tv", new Set())).toBe("tv");
    expect(freeName("TV", new Set(["tv", "tv 2"].map(nameKey)))).toBe("TV 3");
    const long = "y".repeat(40);
    expect(freeName(long, new Set([long]))).toBe(`${"y".repeat(38)} 2`);
  });
});
