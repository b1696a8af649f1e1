// What the doctor can do by itself: offered where it is needed, done when it is told to, and refused otherwise.
import { describe, expect, test } from "vitest";
import type { Check } from "#contract/snapshot.ts";
import { Computer, guestOf, HOME, host, LAPTOP } from "../runtime/computer.ts";
import { failure } from "../runtime/failure.ts";
import { link } from "../runtime/fake-devices.ts";
import { World } from "../runtime/world.ts";

async function checks(computer: Computer, topic: string): Promise<readonly Check[]> {
  return (await computer.call("doctor", { topic })).checks;
}

async function fixes(computer: Computer, topic: string): Promise<string[]> {
  return (await checks(computer, topic)).flatMap(({ fix }) => (fix ? [fix.id] : []));
}

describe("a strict reverse path filter", () => {
  const RP_FILTER = "net/ipv4/conf/eth0/rp_filter";

  async function strict(): Promise<Computer> {
    const home = await host(new World(), { ...HOME, links: [link("eth0")] });
    home.probe.settings.set(RP_FILTER, "1");
    home.gateway.settings.set(RP_FILTER, 1);
    return home;
  }

  test("of an interface that is used is loosened, and the way back is said", async () => {
    const home = await strict();
    expect(await fixes(home, "rp_filter")).toEqual(["rp-filter:eth0"]);
    expect(await home.call("doctor.fix", { fix: "rp-filter:eth0" })).toEqual({
      label: expect.stringContaining("until this computer is restarted") as string,
      undo: "sudo sysctl -w net.ipv4.conf.eth0.rp_filter=1",
    });
    expect(home.gateway.settings.get(RP_FILTER)).toBe(2);
    expect(await failure(home.call("doctor.fix", { fix: "rp-filter:eth0" }))).toMatchObject({
      code: "not-found",
    });
  });

  test("that is off is not made stricter, and no other interface or file is touched", async () => {
    const home = await strict();
    home.gateway.settings.set(RP_FILTER, 0);
    const before = new Map(home.gateway.settings);
    for (const of of ["eth0", "eth1", "all", "..", "eth0:x", ""])
      expect((await failure(home.call("doctor.fix", { fix: `rp-filter:${of}` }))).code).toBe("not-found");
    expect(home.gateway.settings).toEqual(before);
  });

  test("that the system lets nobody set: the command for a person is said", async () => {
    const home = await strict();
    home.gateway.locked.add(RP_FILTER);
    expect(await failure(home.call("doctor.fix", { fix: "rp-filter:eth0" }))).toMatchObject({
      code: "conflict",
      message: expect.stringContaining("cannot be set") as string,
      remedy: expect.stringContaining("sysctl -w") as string,
    });
  });
});

test("networks that are switched off are switched on, the hosted one and a joined one", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  for (const computer of [home, laptop]) {
    await computer.call("down", {});
    const { id } = computer.status().networks[0]!;
    expect(await fixes(computer, "networks")).toEqual([`network-up:${id}`]);
    const done = await computer.call("doctor.fix", { fix: `network-up:${id}` });
    expect(done).toEqual({ label: "Switch Home on.", undo: `castaway down --network ${id}` });
    expect(await fixes(computer, "networks")).toEqual([]);
    expect(computer.status().networks[0]!.state).not.toBe("off");
    await computer.call("down", { network: id }); // the way back, as it is said
    await computer.call("doctor.fix", { fix: `network-up:${id}` });
  }
  await world.until(() => laptop.status().networks[0]!.state === "connected");
});

test("a proxy that cannot be used is left out; it stays so over a restart", async () => {
  const world = new World();
  const home = await host(world);
  await home.call("reach.set", { proxy: "proxy.example:3128" });
  expect(await fixes(home, "proxy")).toEqual(["proxy"]);
  expect((await home.call("doctor.fix", { fix: "proxy" })).undo).toBe(
    "castaway reach --proxy proxy.example:3128",
  );
  await home.kill();
  const again = await home.again();
  expect(again.status().reach.proxy).toBe("off");
  expect(await fixes(again, "proxy")).toEqual([]);
  expect((await failure(again.call("doctor.fix", { fix: "proxy" }))).code).toBe("not-found");
});

test("the router is asked for a port again, where that was switched off", async () => {
  const world = new World();
  const home = await host(world);
  await home.call("reach.set", { portMapping: false });
  await home.call("doctor.fix", { fix: "port-mapping" });
  expect(home.status().reach.portMapping).toBe(true);
  expect((await failure(home.call("doctor.fix", { fix: "port-mapping" }))).code).toBe("not-found");
});

test.each(["nonsense", "constructor", "__proto__:x", "network-up:0000"])(
  "there is no fix %s",
  async (fix) => {
    const laptop = await Computer.start(new World(), LAPTOP);
    expect(await failure(laptop.call("doctor.fix", { fix }))).toMatchObject({
      code: "not-found",
      remedy: "See what there is: castaway doctor",
    });
  },
);
