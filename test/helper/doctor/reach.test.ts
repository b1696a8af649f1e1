import { describe, expect, test } from "vitest";
import type { Rendezvous, RendezvousState } from "#ports/rendezvous.ts";
import { natCheck, type SeenFromOutside } from "#runtime/doctor/nat.ts";
import { host } from "../runtime/computer.ts";
import { World } from "../runtime/world.ts";

describe("the NAT, by where others see the socket", () => {
  const at = (address: string, port: number) => ({ address, port });
  const PRIVATE = {
    own: ["192.168.1.7"],
    port: 42_268,
    observed: [],
    observers: 0,
    probed: "unknown",
  } as const;

  test.each<[string, Partial<SeenFromOutside>, "ok" | "warn", string]>([
    ["private addresses, nobody to ask", {}, "ok", "Nobody has said"],
    ["a public address", { own: ["198.51.100.4"] }, "ok", "a public address, 198.51.100.4"],
    [
      "seen as itself",
      { own: ["198.51.100.4"], observed: [at("198.51.100.4", 42_268)], observers: 1 },
      "ok",
      "There is no NAT",
    ],
    ["seen by one", { observed: [at("203.0.113.5", 7)], observers: 1 }, "ok", "by one place"],
    [
      "seen by two alike",
      { observed: [at("203.0.113.5", 7)], observers: 2 },
      "ok",
      "a hole in it can be made",
    ],
    [
      "probed",
      { observed: [at("203.0.113.5", 7)], observers: 1, probed: "same" },
      "ok",
      "a hole in it can be made",
    ],
    [
      "two ports",
      { observed: [at("203.0.113.5", 7), at("203.0.113.5", 8)], observers: 2 },
      "warn",
      "another port",
    ],
    ["probed, and it varies", { probed: "varies" }, "warn", "another port for each"],
  ])("%s", (_what, change, status, message) => {
    const check = natCheck({ ...PRIVATE, ...change });
    expect(check).toMatchObject({ name: "nat", status, message: expect.stringContaining(message) as string });
    expect(check.remedy === null).toBe(status === "ok");
  });
});

test("meeting points and the DHT: each as it is", async () => {
  const world = new World();
  const home = await host(world);
  const look = async (): Promise<unknown[]> =>
    (await home.call("doctor", { topic: "ways" })).checks.map(({ name, status, message }) => [
      name,
      status,
      message,
    ]);
  let state: RendezvousState = "ready";
  const way: Rendezvous = {
    name: "meet.example",
    get state() {
      return state;
    },
    get problem() {
      return state === "failed" ? "no answer" : "";
    },
    host: () => {},
    call: () => undefined,
    handleNetworkChanged: () => {},
    close: () => {},
  };
  await home.call("reach.set", { dht: false, meet: "off" });
  expect(await look()).toEqual([["rendezvous", "ok", expect.stringContaining("known addresses alone")]]);
  await home.call("reach.set", { dht: true });
  expect(await look()).toEqual([["dht", "warn", expect.stringContaining("cannot start its process")]]);
  home.engine.ways.reach.add({ way, serves: () => true, hosts: () => true });
  expect(await look()).toContainEqual(["meet meet.example", "ok", "meet.example answers."]);
  state = "failed";
  expect(await look()).toContainEqual([
    "meet meet.example",
    "warn",
    "meet.example does not answer: no answer. Who is reached already stays so.",
  ]);
  state = "connecting";
  expect(await look()).toContainEqual(["meet meet.example", "warn", "meet.example is being asked."]);
  state = "off";
  expect((await look()).flat()).not.toContain("meet meet.example");
});
