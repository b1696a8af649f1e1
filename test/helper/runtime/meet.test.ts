import { describe, expect, test } from "vitest";
import { Computer } from "./computer.ts";
import { World } from "./world.ts";
import { SimMeetPoint } from "./sim-meet-point.ts";

const PLACE = "203.0.113.9:42270";

async function scene() {
  const world = new World(1);
  const meet = new SimMeetPoint(world, { address: "203.0.113.9", port: 42270 });
  const home = await Computer.start(world, {
    name: "home",
    endpoint: { address: "198.51.100.1", port: 42268 },
  });
  const away = await Computer.start(world, {
    name: "away",
    endpoint: { address: "192.0.2.2", port: 42268 },
  });
  for (const computer of [home, away]) await computer.call("reach.set", { dht: false, tcp: false });
  await home.call("up", { name: "home" });
  return { world, meet, home, away };
}

const recordOf = (guest: Computer) => [...guest.engine.networks.joined.values()][0]!.record;

describe("a meeting point", () => {
  test("leads into a network by an invite that names no address", async () => {
    const { meet, home, away } = await scene();
    await home.call("reach.set", { meet: PLACE });
    const { link, endpoints } = await home.call("invite.create", {});
    expect(endpoints).toEqual([]);
    await away.call("join", { link });
    expect(recordOf(away).meet).toEqual({ host: "203.0.113.9", port: 42270 });
    expect(meet.machine.places.size).toBe(1);
    const host = away.status().networks[0]!.members.find(({ role }) => role === "host");
    expect(host).toMatchObject({ online: true, endpoint: "198.51.100.1:42268" });
  });

  test("that the host changes, or uses no more, is told to its members", async () => {
    const { world, home, away } = await scene();
    await home.call("reach.set", { meet: PLACE });
    const { link } = await home.call("invite.create", {});
    await away.call("join", { link });
    await home.call("reach.set", { meet: "meet.example:4000" });
    await world.run(1_000);
    expect(recordOf(away).meet).toEqual({ host: "meet.example", port: 4000 });
    await home.call("reach.set", { meet: "off" });
    await world.run(1_000);
    expect(recordOf(away)).not.toHaveProperty("meet");
  });

  test("is not asked by who wants none", async () => {
    const { meet, home, away } = await scene();
    await home.call("reach.set", { meet: PLACE });
    await away.call("reach.set", { meet: "off" });
    const { link } = await home.call("invite.create", {});
    await expect(away.call("join", { link })).rejects.toThrow("does not answer");
    expect(meet.machine.calls).toBe(0);
  });
});
