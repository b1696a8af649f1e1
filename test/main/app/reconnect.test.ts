import { expect, test } from "vitest";
import { Reconnect } from "#main/app/reconnect.ts";

test("the first attempts come within a second, later ones every three at most", () => {
  const one = new Reconnect(() => 0);
  const pauses = Array.from({ length: 12 }, (_, i) => one.failed(i));
  expect(pauses[0]).toBe(100);
  expect(pauses[0]! + pauses[1]! + pauses[2]!).toBeLessThan(1_000);
  expect(pauses.every((pause, i) => i === 0 || pause >= pauses[i - 1]!)).toBe(true);
  expect(pauses.at(-1)).toBe(3_000);
});

test("a quarter of each pause is random, never more than the pause", () => {
  const [least, most] = [new Reconnect(() => 1), new Reconnect(() => 0)];
  for (let i = 0; i < 20; i++) {
    const [low, high] = [least.failed(i), most.failed(i)];
    expect(low).toBeCloseTo(high * 0.75);
  }
});

test("after a connection that held, it begins anew", () => {
  const one = new Reconnect(() => 0);
  for (let i = 0; i < 10; i++) one.failed(0);
  one.connected(1_000);
  expect(one.failed(6_000)).toBe(100);
});

test("a daemon that dies at once after each start is not hammered", () => {
  const one = new Reconnect(() => 0);
  let now = 0;
  for (let i = 0; i < 10; i++) {
    one.connected(now);
    now += 50;
    now += one.failed(now);
  }
  expect(one.failed(now)).toBe(3_000);
});

test("hurry makes it fast again", () => {
  const one = new Reconnect(() => 0);
  for (let i = 0; i < 10; i++) one.failed(0);
  one.hurry();
  expect(one.failed(0)).toBe(100);
});
