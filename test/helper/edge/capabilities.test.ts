import { describe, expect, test } from "vitest";
import { capabilityMask, parseCapabilities } from "#edge/linux/capabilities.ts";
import { hasAesInstructions } from "#edge/linux/evp.ts";
import { isReduced } from "#edge/linux/privileges.ts";

const status = (masks: Partial<Record<string, string>>, noNewPrivileges = "1"): string =>
  ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
    .map((name) => `${name}:\t${masks[name] ?? "0000000000003000"}`)
    .join("\n") + `\nNoNewPrivs:\t${noNewPrivileges}\n`;

describe("capabilities", () => {
  test("are read from /proc/PID/status", () => {
    const parsed = parseCapabilities(`Name:\tnode\n${status({ CapBnd: "000001ffffffffff" })}`);
    expect(parsed.permitted).toBe(capabilityMask(12, 13));
    expect(parsed.bounding).toBe(0x1ffffffffffn);
    expect(parsed.noNewPrivileges).toBe(true);
    expect(() => parseCapabilities("Name:\tnode\n")).toThrow("without CapInh");
  });

  test.each<[string, string, boolean]>([
    ["the two and no others", status({}), true],
    ["without ambient ones", status({ CapAmb: "0000000000000000", CapInh: "0000000000000000" }), true],
    ["one more", status({ CapPrm: "0000000000003400", CapEff: "0000000000003400" }), false],
    ["one more that is not switched on", status({ CapPrm: "0000000000003400" }), false],
    ["one less", status({ CapPrm: "0000000000001000", CapEff: "0000000000001000" }), false],
    ["one more that a child could inherit", status({ CapInh: "0000000000003400" }), false],
    ["a way to get more", status({}, "0"), false],
  ])("%s", (_what, text, expected) => {
    expect(isReduced(parseCapabilities(text))).toBe(expected);
  });
});

test("AES instructions, as x86 and arm64 name them", () => {
  expect(hasAesInstructions("processor: 0\nflags\t\t: fpu aes avx\n")).toBe(true);
  expect(hasAesInstructions("Features\t: fp asimd aes pmull\n")).toBe(true);
  expect(hasAesInstructions("flags\t\t: fpu vaes_x avx\n")).toBe(false);
  expect(hasAesInstructions("")).toBe(false);
});
