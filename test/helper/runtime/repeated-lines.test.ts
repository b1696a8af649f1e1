import { expect, test } from "vitest";
import { RepeatedLines, SHOWN } from "#runtime/repeated-lines.ts";

const MINUTE = 60_000;

test("who goes back and forth between two states is seen to do so", () => {
  const lines = new RepeatedLines<string>();
  for (const text of ["up", "down", "up", "down", "up"]) expect(lines.isNew(text, text, 0)).toBe(true);
  expect(lines.handleTimeout(MINUTE)).toEqual([]);
});

test("what is said again and again is counted, once a minute", () => {
  const lines = new RepeatedLines<string>();
  for (let i = 0; i < SHOWN; i++) expect(lines.isNew("a", "A", 0)).toBe(true);
  expect(lines.pollTimeout()).toBeUndefined(); // nobody is woken for what was printed
  for (let i = 1; i <= 40; i++) expect(lines.isNew("a", "A", i)).toBe(false);
  expect(lines.isNew("b", "B", 50)).toBe(true);
  expect(lines.pollTimeout()).toBe(MINUTE);
  expect(lines.handleTimeout(MINUTE - 1)).toEqual([]);
  expect(lines.handleTimeout(MINUTE)).toEqual([{ line: "A", times: 40 }]);
  // It goes on: what comes in the next minute is counted too.
  expect(lines.isNew("a", "A", MINUTE + 1)).toBe(false);
  expect(lines.handleTimeout(2 * MINUTE)).toEqual([{ line: "A", times: 1 }]);
  expect(lines.handleTimeout(3 * MINUTE)).toEqual([]);
  expect(lines.isNew("a", "A", 3 * MINUTE + 1)).toBe(true);
  expect(lines.pollTimeout()).toBeUndefined();
});

test("the end says what was counted and not said yet", () => {
  const lines = new RepeatedLines<string>();
  lines.isNew("a", "a", 0);
  for (let i = 0; i < SHOWN + 2; i++) lines.isNew("b", "b", 0);
  expect(lines.drain()).toEqual([{ line: "b", times: 2 }]);
  expect(lines.drain()).toEqual([]);
});

test("more texts than are remembered push out the oldest, and nothing counted is lost", () => {
  const lines = new RepeatedLines<string>();
  for (let i = 0; i <= SHOWN; i++) lines.isNew("first", "first", 0);
  const said = [];
  for (let i = 0; i < 10_000; i++) {
    said.push(...lines.handleTimeout(1));
    lines.isNew(`text ${i}`, "x", 1);
  }
  expect(said).toEqual([{ line: "first", times: 1 }]);
  expect(lines.isNew("first", "first", 2)).toBe(true);
  for (let i = 1; i < SHOWN; i++) lines.isNew("text 9999", "x", 2);
  expect(lines.isNew("text 9999", "x", 2)).toBe(false);
});
