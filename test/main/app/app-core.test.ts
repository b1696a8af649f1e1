import { expect, test } from "vitest";
import { AppCore, type NumberedChanges, topicsOf } from "#main/app/app-core.ts";
import { fakeSnapshot, fakeState } from "../../support/app/fake-state.ts";

function core(snapshot = true): { core: AppCore; heard: NumberedChanges[] } {
  const one = new AppCore(fakeState(snapshot ? {} : { snapshot: null }));
  const heard: NumberedChanges[] = [];
  one.subscribe((step) => heard.push(step));
  return { core: one, heard };
}

test("changes are numbered without a gap, and the state is what they make of it", () => {
  const { core: one, heard } = core();
  one.dispatch({ snapshot: { groups: [] } });
  one.dispatch({ settings: { ...one.state.settings, theme: "dark" } });
  expect(heard.map(({ seq }) => seq)).toEqual([1, 2]);
  expect(one.seq).toBe(2);
  expect(one.state.snapshot?.groups).toEqual([]);
  expect(one.state.settings.theme).toBe("dark");
});

test("topics that did not change keep their identity", () => {
  const { core: one } = core();
  const networks = one.state.snapshot?.networks;
  one.dispatch({ snapshot: { groups: [] } });
  expect(one.state.snapshot?.networks).toBe(networks);
});

test.each([
  ["the same service", { service: fakeState().service }],
  ["the same settings", { settings: fakeState().settings }],
  ["no invite where there is none", { pendingInvite: null }],
  ["no topics", { snapshot: {} }],
  ["an undefined topic", { snapshot: { groups: undefined } }],
  ["nothing", {}],
])("%s is no news", (_, changes) => {
  const { core: one, heard } = core();
  one.dispatch(changes);
  expect(heard).toEqual([]);
});

test("a daemon that goes is news once", () => {
  const { core: one, heard } = core();
  one.dispatch({ snapshot: null });
  one.dispatch({ snapshot: null });
  expect(heard).toEqual([{ seq: 1, changes: { snapshot: null } }]);
});

test("topics before the whole snapshot are a fault of ours", () => {
  const { core: one } = core(false);
  expect(() => one.dispatch({ snapshot: { groups: [] } })).toThrow("before the whole");
  one.dispatch({ snapshot: fakeSnapshot() });
  expect(one.state.snapshot).not.toBeNull();
});

test("who left hears nothing", () => {
  const { core: one } = core();
  const heard: number[] = [];
  const leave = one.subscribe(({ seq }) => heard.push(seq));
  one.dispatch({ snapshot: { groups: [] } });
  leave();
  one.dispatch({ snapshot: { groups: [] } });
  expect(heard).toEqual([1]);
});

test("topicsOf takes the named ones alone", () => {
  expect(Object.keys(topicsOf(fakeSnapshot(), ["groups", "lans"]))).toEqual(["groups", "lans"]);
});
