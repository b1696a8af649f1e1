import { fireEvent, render, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CallError } from "#renderer/api/call-error.ts";
import CopyButton from "#renderer/components/CopyButton.svelte";
import { commandOf } from "#renderer/components/command-of.ts";
import { Action } from "#renderer/state/action.svelte.ts";
import { screenOf } from "#renderer/state/route.svelte.ts";
import { Toasts } from "#renderer/state/toasts.svelte.ts";
import { refusal } from "./fake-app.ts";

test.each([
  ["castaway up", "castaway up"],
  ["sudo castaway owners add anna", "sudo castaway owners add anna"],
  ["sudo systemctl restart castaway", "sudo systemctl restart castaway"],
  ["castaway join LINK", undefined], // something to fill in
  ["Run it with sudo.", undefined],
  ["List them: castaway status", undefined],
  ["castaway needs a newer kernel.", undefined],
])("the remedy %j is the command %j", (remedy, command) => {
  expect(commandOf(remedy)).toBe(command);
});

test.each([
  ["#/streams", "streams"],
  ["#/invite/n1", "invite"],
  ["#/settings?x", "settings"],
  ["", undefined],
  ["#", undefined],
  ["#/nowhere", undefined],
  ["#/streamsx", undefined],
  ["#/__proto__", undefined],
  ["#//evil.example", undefined],
])("the address %j is the screen %j", (hash, screenName) => {
  expect(screenOf(hash)).toBe(screenName);
});

describe("an action", () => {
  test("does not run twice at once, and is free again afterwards", async () => {
    let finish = (_result: string): void => {};
    const work = vi.fn((_word: string) => new Promise<string>((resolve) => (finish = resolve)));
    const action = new Action(work);
    const first = action.run("a");
    expect(action.pending).toBe(true);
    expect(await action.run("b")).toBeUndefined();
    finish("done");
    expect(await first).toBe("done");
    expect(action.pending).toBe(false);
    expect(work.mock.calls).toEqual([["a"]]);
  });

  test("keeps why it failed until the next try", async () => {
    let fails = true;
    const action = new Action(() => {
      if (fails) return Promise.reject(new CallError(refusal("busy", "Later.")));
      return Promise.resolve("done");
    });
    expect(await action.run()).toBeUndefined();
    expect(action.error?.message).toBe("Later.");
    fails = false;
    expect(await action.run()).toBe("done");
    expect(action.error).toBeUndefined();
  });

  test("hides no mistake of ours", async () => {
    const action = new Action(() => Promise.reject(new TypeError("broken")));
    await expect(action.run()).rejects.toThrow("broken");
    expect(action.pending).toBe(false);
  });
});

describe("toasts", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("go after ten seconds, but not while somebody is at them", () => {
    const toasts = new Toasts();
    toasts.show("one");
    const [one] = toasts.list;
    vi.advanceTimersByTime(9_999);
    expect(toasts.list).toHaveLength(1);
    toasts.hold(one!.id);
    vi.advanceTimersByTime(60_000);
    expect(toasts.list).toHaveLength(1);
    toasts.resume(one!.id);
    vi.advanceTimersByTime(10_000);
    expect(toasts.list).toEqual([]);
  });

  test("three are shown at most", () => {
    const toasts = new Toasts();
    for (const text of ["1", "2", "3", "4", "5"]) toasts.show(text);
    expect(toasts.list.map(({ text }) => text)).toEqual(["3", "4", "5"]);
    vi.runAllTimers();
    expect(toasts.list).toEqual([]);
  });
});

describe("copying", () => {
  const writeText = vi.fn<(text: string) => Promise<void>>();
  beforeEach(() => {
    writeText.mockReset();
    Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
  });

  test("says that it is done, to screen readers too", async () => {
    writeText.mockResolvedValue();
    render(CopyButton, { text: "castaway up", what: "castaway up" });
    await fireEvent.click(screen.getByRole("button", { name: "Copy: castaway up" }));
    expect(writeText).toHaveBeenCalledWith("castaway up");
    expect((await screen.findByRole("status")).textContent).toBe("Copied");
  });

  test("says so where it is not permitted", async () => {
    writeText.mockRejectedValue(new DOMException("no", "NotAllowedError"));
    render(CopyButton, { text: "x" });
    await fireEvent.click(screen.getByRole("button", { name: "Copy" }));
    expect(await screen.findByRole("button", { name: /Not copied/ })).toBeTruthy();
  });
});
