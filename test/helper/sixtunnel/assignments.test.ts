import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Assignments, firstAddress } from "#protocol/sixtunnel/assignments.ts";
import { openAssignments } from "#runtime/sixtunnel/assignments-file.ts";
import { parsePrefix, prefixText } from "#wire/address.ts";

const RANGE = parsePrefix("2001:db8:aa::/48");
const id = (n: number): string => `02:00:00:00:${hex(n >> 8)}:${hex(n & 0xff)}`;
const hex = (n: number): string => n.toString(16).padStart(2, "0");

function given(assignments: Assignments, who: string, knownOnly = false): string {
  const assigned = assignments.assign(who, knownOnly);
  return typeof assigned === "string" ? assigned : prefixText(assigned.prefix);
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "sixtunnel-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("an Id has the same /64 for ever; the first one is the server's own", () => {
  const assignments = new Assignments(RANGE);
  expect(assignments.ownAddress).toBe("2001:db8:aa::1");
  expect(given(assignments, id(1))).toBe("2001:db8:aa:1::/64");
  expect(given(assignments, id(2))).toBe("2001:db8:aa:2::/64");
  expect(given(assignments, id(1))).toBe("2001:db8:aa:1::/64");
  expect(firstAddress(parsePrefix("2001:db8:aa:2::/64"))).toBe("2001:db8:aa:2::1");
});

test("a pool that is exhausted refuses the one, and goes on with those it knows", () => {
  const assignments = new Assignments(parsePrefix("2001:db8:aa:fffc::/62"));
  const all = [1, 2, 3].map((n) => given(assignments, id(n)));
  expect(all).toEqual(["2001:db8:aa:fffd::/64", "2001:db8:aa:fffe::/64", "2001:db8:aa:ffff::/64"]);
  expect(given(assignments, id(4))).toBe("exhausted");
  expect(given(assignments, id(2))).toBe(all[1]);
});

test("a range of one /64 is one client's, and the server has no address then", () => {
  const assignments = new Assignments(parsePrefix("2001:db8::/64"));
  expect(assignments.ownAddress).toBeUndefined();
  expect(given(assignments, id(1))).toBe("2001:db8::/64");
  expect(given(assignments, id(2))).toBe("exhausted");
});

test("what is known stays, also out of the range; new ones are other ones", () => {
  const known = [
    [id(7), parsePrefix("2001:db8:aa:1::/64")],
    [id(8), parsePrefix("2001:db8:bb:5::/64")],
  ] as const;
  const assignments = new Assignments(RANGE, known);
  expect(given(assignments, id(1), true)).toBe("unknown");
  expect(given(assignments, id(8), true)).toBe("2001:db8:bb:5::/64");
  expect(given(assignments, id(1))).toBe("2001:db8:aa:2::/64");
});

test("one that could not be kept is given to the next", () => {
  const assignments = new Assignments(RANGE);
  given(assignments, id(1));
  given(assignments, id(2));
  assignments.withdraw(id(1));
  expect(given(assignments, id(3))).toBe("2001:db8:aa:1::/64");
  expect(given(assignments, id(4))).toBe("2001:db8:aa:3::/64");
});

test.each(["2001:db8::/65", "10.0.0.0/8", "::/0"])("%s is no range", (text) => {
  expect(() => new Assignments(parsePrefix(text))).toThrow(RangeError);
});

test("the file is the original's map, of any size, and read again whole", async () => {
  const path = join(folder(), "assignments");
  const { assignments, save } = await openAssignments(path, RANGE);
  for (let n = 0; n < 2_000; n++) given(assignments, id(n));
  await save();
  const map = JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
  expect(readFileSync(path).length).toBeGreaterThan(12_000);
  expect(map[id(1_999)]).toBe("2001:db8:aa:7d0::/64");
  const again = await openAssignments(path, RANGE);
  expect(again.assignments.size).toBe(2_000);
  expect(given(again.assignments, id(1_234))).toBe(map[id(1_234)]);
});

test("an Id of the original's file is known in upper case too", async () => {
  const path = join(folder(), "assignments");
  writeFileSync(path, '{"0A:11:22:33:44:55":"2001:db8:aa:9::/64"}');
  const { assignments } = await openAssignments(path, RANGE);
  expect(given(assignments, "0a:11:22:33:44:55", true)).toBe("2001:db8:aa:9::/64");
});

test.each([
  ["cut off", '{"00:11:22:33:44:55":"2001:db8:aa:'],
  ["two with one prefix", '{"00:11:22:33:44:55":"2001:db8::/64","00:11:22:33:44:66":"2001:db8::/64"}'],
  ["no /64", '{"00:11:22:33:44:55":"2001:db8::/60"}'],
  ["a link-local prefix", '{"00:11:22:33:44:55":"fe80::/64"}'],
  ["no Id", '{"Anna":"2001:db8::/64"}'],
])("a file that is damaged (%s) is an error, and stays as it is", async (_, text) => {
  const path = join(folder(), "assignments");
  writeFileSync(path, text);
  await expect(openAssignments(path, RANGE)).rejects.toMatchObject({ code: "damaged" });
  expect(readFileSync(path, "utf8")).toBe(text);
});
