import { describe, expect, test } from "vitest";
import { preset, PRESET_NAMES, proxiesOf, sharedRanges, widest } from "#protocol/discovery/presets.ts";
import { landingRanges } from "#protocol/forwarding/landing-ranges.ts";
import { DEFAULT_SHARED, groupRefusal, scopePolicy } from "#protocol/forwarding/scope.ts";
import { parsePrefix, prefixText } from "#wire/address.ts";
import { MAX_RANGES } from "#wire/control-network.ts";

const refusal = (on: Parameters<typeof sharedRanges>[0], group: string) =>
  groupRefusal(scopePolicy(sharedRanges(on).map(prefixText)), group);

describe("presets", () => {
  test("each says in a sentence what it opens, and names prefixes of groups", () => {
    for (const name of PRESET_NAMES) {
      const { summary, ranges } = preset(name);
      expect(summary, name).toMatch(/^[A-Z].{20,110}\.$/);
      for (const range of ranges)
        expect(/^(22[4-9]|23\d|ff)/.test(prefixText(parsePrefix(range))), range).toBe(true);
    }
  });

  test("none on: what is shared by default", () => {
    expect(sharedRanges([]).map(prefixText)).toEqual(DEFAULT_SHARED);
    expect(proxiesOf([])).toEqual(new Set());
  });

  test("all of them fit into what a host may say, alone, in pairs and together", () => {
    for (const a of PRESET_NAMES)
      for (const b of PRESET_NAMES) expect(sharedRanges([a, b]).length).toBeLessThanOrEqual(MAX_RANGES);
    const narrow = PRESET_NAMES.filter((name) => name !== "everything");
    expect(sharedRanges(narrow).length).toBeLessThanOrEqual(MAX_RANGES);
    expect(sharedRanges(PRESET_NAMES).map(prefixText)).toEqual(["224.0.0.0/4", "ff00::/8"]);
  });

  test.each([
    ["minecraft", "224.0.2.60"],
    ["iptv", "224.0.251.7"],
    ["iptv", "224.3.1.1"],
    ["everything", "224.0.1.1"],
    ["everything", "ff04::2"],
  ] as const)("%s opens %s, which does not cross otherwise", (name, group) => {
    expect(refusal([], group)).toBe("not-shared");
    expect(refusal([name], group)).toBeUndefined();
  });

  test.each([
    "224.0.0.251",
    "224.0.0.1",
    "239.255.255.250",
    "ff02::fb",
    "ff05::c",
    "ff05::fb",
    "224.0.1.129",
  ])("not even everything opens %s", (group) => {
    expect(refusal(PRESET_NAMES, group)).toMatch(/never-routed|excepted/);
    const landing = landingRanges(sharedRanges(PRESET_NAMES), scopePolicy(["224.0.0.0/4", "ff00::/8"]));
    expect(groupRefusal({ shared: landing, except: [] }, group)).toMatch(/never-routed|not-shared/);
  });

  test("a prefix inside another one, or there twice, is left out", () => {
    const all = ["239.0.0.0/8", "239.1.0.0/16", "ff00::/8", "ff00::/8", "232.0.0.0/8"].map(parsePrefix);
    expect(widest(all).map(prefixText)).toEqual(["239.0.0.0/8", "ff00::/8", "232.0.0.0/8"]);
  });
});
