import { expect, test } from "vitest";
import type { Network } from "#contract/snapshot.ts";
import { Notifications } from "#main/app/notifications.ts";
import type { AppState, Service } from "#main/contract/state.ts";
import { fakeNetwork, fakeSnapshot, fakeState } from "#test/support/app/fake-state.ts";

const MINUTE = 60_000;
const HIDDEN = false;
const VISIBLE = true;

const network = (changes: Partial<Network>): AppState =>
  fakeState({ snapshot: fakeSnapshot({ networks: [fakeNetwork(changes)] }) });
const service = (state: Service["state"]): AppState =>
  fakeState({ service: { ...fakeState().service, state }, snapshot: null });
const request = (id: string, name: string) => ({
  id,
  inviteId: "i",
  name,
  endpoint: "192.0.2.1:1",
  since: 0,
});

test("a network that connects, is refused, or needs attention, is told of", () => {
  const notifications = new Notifications();
  const titles = (["connected", "refused", "attention"] as const).map(
    (state) =>
      notifications.changed(network({ state: "connecting" }), network({ state }), 0, HIDDEN)[0]?.title,
  );
  expect(titles).toEqual(["Home is connected", "The host of Home refused", "Home needs attention"]);
});

test.each(["off", "connecting"] as const)("%s is not: it was wanted, or mends itself", (state) => {
  expect(new Notifications().changed(network({}), network({ state }), 0, HIDDEN)).toEqual([]);
});

test("nothing while the window is on the screen, nor where it was switched off, nor at the first snapshot", () => {
  const [before, after] = [network({ state: "connecting" }), network({})];
  expect(new Notifications().changed(before, after, 0, VISIBLE)).toEqual([]);
  const muted = { ...after, settings: { ...after.settings, notifications: false } };
  expect(new Notifications().changed(before, muted, 0, HIDDEN)).toEqual([]);
  expect(new Notifications().changed(service("connecting"), after, 0, HIDDEN)).toEqual([]);
});

test("a network that comes and goes is told of once in ten minutes", () => {
  const notifications = new Notifications();
  const flap = (now: number) =>
    notifications.changed(network({ state: "connecting" }), network({}), now, HIDDEN).length;
  expect([0, 1, 5 * MINUTE, 9.9 * MINUTE, 10 * MINUTE].map(flap)).toEqual([1, 0, 0, 0, 1]);
});

test("each guest at the door once, and three things a minute at most", () => {
  const notifications = new Notifications();
  const guests = ["Ada", "Bo", "Cy", "Di"].map((name) => request(name, name));
  const told = notifications.changed(network({}), network({ requests: guests }), 0, HIDDEN);
  expect(told.map(({ title }) => title)).toEqual([
    "Ada wants to join Home",
    "Bo wants to join Home",
    "Cy wants to join Home",
  ]);
  const state = network({ requests: guests });
  expect(notifications.changed(state, state, 1, HIDDEN)).toEqual([]);
  const later = network({ requests: [...guests, request("Ed", "Ed")] });
  expect(notifications.changed(state, later, MINUTE - 1, HIDDEN)).toEqual([]);
  const latest = network({ requests: [...guests, request("Fe", "Fe")] });
  expect(notifications.changed(state, latest, MINUTE, HIDDEN)).toHaveLength(1);
});

test("the service: gone for good is told of, and that it is back; a restart is not", () => {
  const notifications = new Notifications();
  const step = (was: Service["state"], is: Service["state"]) =>
    notifications.changed(service(was), service(is), 0, HIDDEN).map(({ title, body }) => `${title}: ${body}`);
  expect(step("running", "restarting")).toEqual([]);
  expect(step("restarting", "running")).toEqual([]);
  expect(step("connecting", "missing")).toEqual([]);
  expect(step("restarting", "stopped")).toEqual([
    "The Castaway service is not there: The service is not running",
  ]);
  expect(step("stopped", "running")).toEqual(["The Castaway service is back: "]);
});
