import { afterEach, describe, expect, test } from "vitest";
import { codeText, listText, momentText, nameText, numberText } from "#renderer/i18n/formats.ts";
import { useLanguage } from "#renderer/i18n/i18n.svelte.ts";

afterEach(() => useLanguage("en", []));

describe("what somebody chose stays within its place in a sentence", () => {
  test.each([
    ["Home", "Home"],
    ["\u202Egnp.exe", "gnp.exe"], // would turn the rest of the line around
    ["a\u2069b\u2067c", "abc"], // would end the isolate, and begin another
    ["line\nbreak", "line break"],
    ["\u0000\u001b[31mred", "[31mred"],
    ["<b>bold</b>", "<b>bold</b>"], // Svelte writes it as text
  ])("%j", (name, shown) => {
    expect(nameText(name)).toBe(`\u2068${shown}\u2069`);
  });

  test("and so do addresses, from left to right", () => {
    expect(codeText("[2001:db8::1]:42268")).toBe("\u2066[2001:db8::1]:42268\u2069");
  });
});

test("dates, numbers and lists are those of the language", async () => {
  const time = Date.UTC(2026, 5, 1, 20, 15);
  expect(momentText(time)).toMatch(/1 Jun 2026|Jun 1, 2026/);
  expect([listText(["a", "b", "c"]), numberText(1234.56, 1)]).toEqual(["a, b, and c", "1,234.6"]);
  await useLanguage("de", []);
  expect(momentText(time)).toContain("2026");
  expect([listText(["a", "b"]), numberText(1234.56, 1)]).toEqual(["a und b", "1.234,6"]);
});
