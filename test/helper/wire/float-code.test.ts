import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EncodeError } from "#wire/cursor.ts";
import {
  decodeFloatCode,
  encodeFloatCode,
  floatCodeLimit,
  MAX_RESP_CODE_MLD,
  QQIC,
} from "#wire/float-code.ts";

describe.each([
  [QQIC, 0xff, 31_744],
  [MAX_RESP_CODE_MLD, 0xffff, 8_387_584],
])("$name", (format, highest, limit) => {
  test("every code comes back from its value, and values grow with codes", () => {
    let before = -1;
    for (let code = 0; code <= highest; code++) {
      const value = decodeFloatCode(format, code);
      if (encodeFloatCode(format, value) !== code) expect.fail(`code ${code} of value ${value}`);
      if (value <= before) expect.fail(`code ${code} is not above the one before it`);
      before = value;
    }
    expect(before).toBe(limit);
    expect(floatCodeLimit(format)).toBe(limit);
  });

  test("what lies between two codes is rounded down", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: limit }), (value) => {
        const code = encodeFloatCode(format, value);
        expect(decodeFloatCode(format, code)).toBeLessThanOrEqual(value);
        if (code < highest) expect(decodeFloatCode(format, code + 1)).toBeGreaterThan(value);
      }),
    );
  });

  test("what no code can say throws", () => {
    expect(() => encodeFloatCode(format, limit + 1)).toThrow(EncodeError);
    expect(() => encodeFloatCode(format, -1)).toThrow(EncodeError);
    expect(() => encodeFloatCode(format, 0.5)).toThrow(EncodeError);
  });
});

test.each([
  [QQIC, 0x7d, 125],
  [QQIC, 0x7f, 127],
  [QQIC, 0x80, 128], // (0 | 0x10) << 3
  [QQIC, 0x8f, 248],
  [QQIC, 0x90, 256],
  [MAX_RESP_CODE_MLD, 10_000, 10_000],
  [MAX_RESP_CODE_MLD, 0x7fff, 32_767],
  [MAX_RESP_CODE_MLD, 0x8000, 32_768], // (0 | 0x1000) << 3
  [MAX_RESP_CODE_MLD, 0x9001, 65_552],
])("$name %i says %i", (format, code, value) => {
  expect(decodeFloatCode(format, code)).toBe(value);
});
