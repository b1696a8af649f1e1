import { expect, test } from "vitest";
import {
  MAX_STRANGERS,
  MAX_STRANGERS_OF_ADDRESS,
  STRANGER_LIFETIME,
  StrangerStreams,
} from "#protocol/reach/stranger-streams.ts";

test("one address has its share, an IPv6 site counts as one, and a place is free when its holder is gone", () => {
  const strangers = new StrangerStreams();
  for (let id = 1; id <= MAX_STRANGERS_OF_ADDRESS; id++)
    expect(strangers.admit(id, `2001:db8::${id}`, 0)).toEqual({ admitted: true });
  expect(strangers.admit(100, "2001:db8::ffff", 0)).toEqual({ admitted: false });
  expect(strangers.admit(101, "192.0.2.1", 0)).toEqual({ admitted: true });
  strangers.delete(3);
  expect(strangers.admit(102, "2001:db8::ffff", 0)).toEqual({ admitted: true });
});

test("there are so many in all: the oldest goes for a new one", () => {
  const strangers = new StrangerStreams();
  for (let id = 1; id <= MAX_STRANGERS; id++) strangers.admit(id, `10.0.0.${id}`, id);
  expect(strangers.admit(1_000, "192.0.2.1", 100)).toEqual({ admitted: true, evicted: 1 });
  for (let id = 2_000; id < 12_000; id++) strangers.admit(id, `10.1.${id >> 8}.${id & 255}`, 200);
  expect(strangers.size).toBe(MAX_STRANGERS);
});

test("who proves nothing within 10 s goes, and nobody before", () => {
  const strangers = new StrangerStreams();
  strangers.admit(1, "192.0.2.1", 1_000);
  strangers.admit(2, "192.0.2.2", 3_000);
  strangers.admit(3, "192.0.2.3", 3_000);
  strangers.delete(2);
  expect(strangers.pollTimeout()).toBe(1_000 + STRANGER_LIFETIME);
  expect(strangers.handleTimeout(999 + STRANGER_LIFETIME)).toEqual([]);
  expect(strangers.handleTimeout(1_000 + STRANGER_LIFETIME)).toEqual([1]);
  expect(strangers.handleTimeout(60_000)).toEqual([3]);
  expect([strangers.size, strangers.pollTimeout()]).toEqual([0, undefined]);
});
