import { describe, expect, test } from "vitest";
import { Saver } from "#runtime/store/saver.ts";
import { StoreError } from "#runtime/store/store-error.ts";

/** A disk whose writes end when the test says so. */
function slowDisk() {
  let state = 0;
  const begun: string[] = [];
  const errors: StoreError[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const saver = new Saver({
    path: "/state",
    encode: () => String(state),
    write: (text) => {
      begun.push(text);
      return new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
    },
    onError: (error) => errors.push(error),
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    saver,
    begun,
    errors,
    settle,
    set: (value: number) => (state = value),
    end: async (error?: Error) => {
      ends.shift()!(error);
      await settle();
    },
  };
}
const diskFull = () => Object.assign(new Error("full"), { code: "ENOSPC" });

describe("saves", () => {
  test("changes of one turn are one write, of the last of them", async () => {
    const { saver, set, begun, end, settle } = slowDisk();
    for (let i = 1; i <= 100; i++) {
      set(i);
      saver.changed();
    }
    await settle();
    expect(begun).toEqual(["100"]);
    expect(saver.dirty).toBe(true);
    await end();
    expect(saver.dirty).toBe(false);
    expect(begun).toEqual(["100"]);
  });
  test("what changes during a write is written after it, once, and never two at a time", async () => {
    const { saver, set, begun, end, settle } = slowDisk();
    let [firstDone, secondDone] = [false, false];
    set(1);
    const first = saver.saveNow().then(() => (firstDone = true));
    await settle();
    for (const value of [2, 3]) {
      set(value);
      saver.changed();
    }
    const second = saver.saveNow().then(() => (secondDone = true));
    await settle();
    expect(begun).toEqual(["1"]);
    await end();
    expect([firstDone, secondDone, saver.dirty]).toEqual([true, false, true]);
    expect(begun).toEqual(["1", "3"]);
    await end();
    await Promise.all([first, second]);
    expect([secondDone, saver.dirty]).toEqual([true, false]);
    expect(begun).toHaveLength(2);
  });
  test("a failed write rejects those who waited for it, is told once, and is not tried again by itself", async () => {
    const { saver, begun, errors, end, settle } = slowDisk();
    const waiting = [saver.saveNow(), saver.saveNow()].map((promise) =>
      promise.catch((error: unknown) => error),
    );
    for (let i = 0; i < 10; i++) saver.changed();
    await settle();
    await end(diskFull());
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ code: "disk-full" });
    expect(errors.map((error) => error.code)).toEqual(["disk-full"]);
    expect(begun).toHaveLength(1);
    expect(saver.dirty).toBe(true);
  });
  test("the write after a failed one succeeds for its own waiters", async () => {
    const { saver, set, begun, errors, end, settle } = slowDisk();
    const first = saver.saveNow().catch((error: unknown) => error);
    await settle();
    set(7);
    const second = saver.saveNow();
    await end(diskFull());
    expect(await first).toBeInstanceOf(StoreError);
    expect(begun).toEqual(["0", "7"]);
    await end();
    await expect(second).resolves.toBeUndefined();
    expect([saver.dirty, errors.length]).toEqual([false, 1]);
  });
  test("an encoder that throws is a failed save", async () => {
    const errors: StoreError[] = [];
    const encode = () => {
      throw new Error("it would not be readable again");
    };
    const saver = new Saver({
      path: "/state",
      encode,
      write: async () => {},
      onError: (e) => errors.push(e),
    });
    await expect(saver.saveNow()).rejects.toThrow(/cannot save \/state: it would not be readable again/);
    expect(errors).toHaveLength(1);
  });
});
