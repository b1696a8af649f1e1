import { describe, expect, test } from "vitest";
import { Computer, guestOf, host, LAPTOP, PHONE } from "./computer.ts";
import { failure } from "./failure.ts";
import { World } from "./world.ts";

const names = (of: Computer): string[] => of.status().networks[0]!.members.map(({ name }) => name);

describe("a host that wants to be asked", () => {
  async function asking(world: World) {
    const home = await host(world);
    const laptop = await Computer.start(world, LAPTOP);
    const link = await home.invite({ approval: true });
    const answer = await failure(laptop.call("join", { link, name: "Anna" }));
    await world.run(1_000);
    return { home, laptop, link, answer };
  }

  test("lets nothing pass before, and everything after, without another join", async () => {
    const world = new World();
    const { home, laptop, answer } = await asking(world);
    expect(answer).toMatchObject({
      code: "approval-pending",
      remedy: expect.stringContaining("invite approve") as string,
    });
    expect(laptop.status().networks[0]).toMatchObject({ state: "attention", ownNumber: null, members: [] });
    expect([laptop.tun.addresses, laptop.tun.routes]).toEqual([[], []]);
    const [network] = home.status().networks;
    expect(network!.requests).toMatchObject([
      { id: "member-2", name: "Anna", endpoint: "198.51.100.7:5000", inviteId: network!.invites[0]!.id },
    ]);
    expect(names(home)).toEqual(["home"]);
    home.joinsGroup("239.1.1.1");
    laptop.joinsGroup("239.1.1.1");
    await world.run(500);
    expect(home.engine.core.forwarding.dump().groups[0]!.listeners).toHaveLength(1);

    await home.call("invite.approve", { request: "member-2" });
    await world.until(() => laptop.status().networks[0]!.state === "connected");
    expect(home.status().networks[0]!.requests).toEqual([]);
    expect(names(laptop)).toEqual(["home", "Anna"]);
    await world.until(() => home.engine.core.forwarding.dump().groups[0]!.listeners.length === 2);
  });

  test("says no: the guest hears it and stops asking", async () => {
    const world = new World();
    const { home, laptop, link } = await asking(world);
    await home.call("invite.deny", { request: "member-2" });
    await world.until(() => laptop.status().networks[0]!.state === "refused");
    expect(home.vifNames()).toEqual(["castaway0"]);
    const before = world.datagrams;
    await world.run(60_000);
    expect(world.datagrams).toBe(before);
    expect((await failure(laptop.call("join", { link }))).message).toContain("removed this computer");
  });

  test("is asked by a guest that restarts, too", async () => {
    const world = new World();
    const { home, laptop } = await asking(world);
    await laptop.stop();
    const again = await laptop.again();
    await world.until(() => again.status().networks[0]!.state === "attention");
    await home.call("invite.approve", { request: "member-2" });
    await world.until(() => again.status().networks[0]!.state === "connected");
  });

  test("cannot be asked about what nobody asked", async () => {
    const world = new World();
    const home = await host(world);
    await guestOf(home, world);
    for (const request of ["member-2", "member-1", "member-9", "x", "member-"])
      expect((await failure(home.call("invite.approve", { request }))).code).toBe("not-found");
  });
});

describe("a member that is removed", () => {
  test("is out at once, hears why, and the others see it go", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    const phone = await guestOf(home, world, PHONE);
    laptop.joinsGroup("239.1.1.1");
    await world.run(500);
    home.hears("castaway0", "239.1.1.1", "10.0.0.1");
    await world.run(100);
    expect(laptop.fast.delivered).toHaveLength(1);

    await home.call("members.remove", { member: 2 });
    home.hears("castaway0", "239.1.1.1", "10.0.0.1");
    await world.run(200);
    expect(laptop.fast.delivered).toHaveLength(1);
    expect(laptop.status().networks[0]).toMatchObject({ state: "refused" });
    expect([laptop.tun.addresses, laptop.tun.routes]).toEqual([[], []]);
    expect(home.vifNames()).toEqual(["castaway0", "peer-3"]);
    await world.until(() => names(phone).join() === "home,phone");
    expect((await failure(home.call("members.remove", { member: 2 }))).code).toBe("not-found");
  });

  test("does not come back by itself, nor after a restart, nor by an invite that was about", async () => {
    const world = new World();
    const home = await host(world);
    const other = await home.invite();
    const laptop = await guestOf(home, world);
    await home.call("members.remove", { member: 2 });
    await laptop.stop();
    const again = await laptop.again();
    await world.until(() => again.status().networks[0]!.state === "refused");
    expect((await failure(again.call("join", { link: other }))).code).toBe("refused");
    expect(names(home)).toEqual(["home"]);
  });

  test("comes back by a new invite, with the number and addresses that it had", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    const before = laptop.tun.addresses;
    await home.call("members.remove", { member: 2 });
    await world.run(200);
    await laptop.call("join", { link: await home.invite() });
    await world.run(500);
    expect(laptop.tun.addresses).toEqual(before);
    expect(names(home)).toEqual(["home", "laptop"]);
  });

  test("that was away when it was removed hears it when it calls", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    await laptop.kill();
    await home.call("members.remove", { member: 2 });
    const again = await laptop.again();
    await world.until(() => again.status().networks[0]!.state === "refused");
    expect(again.status().networks[0]!.detail).toContain("removed");
  });
});

describe("names", () => {
  test("are what guests call themselves, made different, until the host says otherwise", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    const same = { ...PHONE, name: "laptop" };
    const phone = await guestOf(home, world, same);
    expect(names(home)).toEqual(["home", "laptop", "laptop 2"]);
    await home.call("members.rename", { member: 2, name: "Anna" });
    await world.run(500);
    for (const one of [home, laptop, phone]) expect(names(one)).toEqual(["home", "Anna", "laptop 2"]);
    await laptop.stop();
    const again = await laptop.again();
    await world.until(() => again.status().networks[0]!.state === "connected");
    await world.run(500);
    expect(names(home)).toEqual(["home", "Anna", "laptop 2"]);
  });

  test("that are too long or steer a terminal are cut, and the state stays one that can be read again", async () => {
    const world = new World();
    const home = await host(world);
    const name = `\u202e${"ü".repeat(60)}`;
    const laptop = await guestOf(home, world, { ...LAPTOP, name });
    expect(names(home)[1]).toBe("ü".repeat(40));
    await world.run(2_000);
    await laptop.stop();
    const again = await laptop.again();
    await world.until(() => again.status().networks[0]!.state === "connected");
  });

  test.each([
    [2, "home", "conflict"],
    [2, "HOME", "conflict"],
    [9, "x", "not-found"],
    [2, "\ue000", "bad-request"],
  ])("member %i cannot be called %s", async (member, name, code) => {
    const world = new World();
    const home = await host(world);
    await guestOf(home, world);
    expect((await failure(home.call("members.rename", { member, name }))).code).toBe(code);
  });

  test("the host itself cannot be removed", async () => {
    const world = new World();
    const home = await host(world);
    expect((await failure(home.call("members.remove", { member: 1 }))).code).toBe("conflict");
    expect((await failure(home.call("members.list", { network: "nowhere" }))).code).toBe("not-found");
  });
});

test("who is there: a guest that falls silent is shown as away, and as here when it is back", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  const phone = await guestOf(home, world, PHONE);
  const online = (of: Computer): boolean => of.status().networks[0]!.members[1]!.online;
  expect([online(home), online(phone)]).toEqual([true, true]);
  await laptop.kill();
  await world.until(() => !online(home) && !online(phone), 120_000);
  const lastSeen = home.status().networks[0]!.members[1]!.lastSeen!;
  expect(Date.now() - lastSeen).toBeGreaterThan(5_000);
  const again = await laptop.again();
  await world.until(() => online(home) && online(phone));
  expect(again.status().networks[0]!.state).toBe("connected");
});
