import { describe, expect, test } from "vitest";
import * as v from "valibot";
import { METHODS } from "#contract/methods.ts";
import { decodeInvite } from "#protocol/invite/invite-link.ts";
import type { Check } from "#contract/snapshot.ts";
import { Computer, guestOf, HOME, host, LAPTOP } from "./computer.ts";
import { failure } from "./failure.ts";
import { link } from "./fake-devices.ts";
import { World } from "./world.ts";

describe("a call that cannot be done says which code, why, and what to do", () => {
  type Call = (of: Computer) => Promise<unknown>;
  test.each<[string, string, Call]>([
    ["invites of no network", "not-found", (one) => one.call("invite.list", {})],
    ["revoking where nothing is hosted", "not-found", (one) => one.call("invite.revoke", { invite: "ab" })],
    [
      "renaming where nothing is hosted",
      "not-found",
      (one) => one.call("members.rename", { member: 2, name: "x" }),
    ],
    ["members of no network", "not-found", (one) => one.call("members.list", {})],
    ["leaving nothing", "not-found", (one) => one.call("leave", {})],
    ["leaving what is not there", "not-found", (one) => one.call("leave", { network: "x" })],
    ["a network to switch on that is not there", "not-found", (one) => one.call("up", { network: "x" })],
    ["a network to switch off that is not there", "not-found", (one) => one.call("down", { network: "x" })],
    ["a route that is not there", "not-found", (one) => one.call("routes.remove", { id: "x" })],
    [
      "an invite for somebody else's network",
      "not-found",
      (one) => one.call("invite.create", { network: "x" }),
    ],
  ])("%s", async (_what, code, call) => {
    const world = new World();
    const computer = await Computer.start(world, HOME);
    const error = await failure(call(computer));
    expect(error.code).toBe(code);
    expect(error.message).not.toBe("");
  });

  test("an invite that is not there, by a host", async () => {
    const world = new World();
    const home = await host(world);
    expect(await failure(home.call("invite.revoke", { invite: "0123456789abcdef" }))).toMatchObject({
      code: "not-found",
      remedy: "List them: castaway invite list",
    });
    expect((await failure(home.call("invite.list", { network: "Cabin" }))).message).toContain('"Cabin"');
  });

  test("a network that finds no private addresses of its own", async () => {
    const world = new World();
    const taken = ["100.64.0.0/10", "172.16.0.0/12", "10.0.0.0/8"].map((text) => {
      const [address = "", length] = text.split("/");
      return { address, prefixLength: Number(length), scope: "global" as const };
    });
    const home = await Computer.start(world, { ...HOME, links: [link("eth0", { addresses: taken })] });
    const { code, message } = await failure(home.call("up", { name: "Home" }));
    expect([code, message]).toEqual(["conflict", expect.stringContaining("every private IPv4 range")]);
    expect(home.status().networks).toEqual([]);
  });

  test("what was not foreseen is no answer for clients, but an error of its own", async () => {
    const world = new World();
    const home = await host(world);
    Object.assign(home.keeper, { saveNow: () => Promise.reject(new Error("the disk is full")) });
    await expect(home.call("down", {})).rejects.toThrow("the disk is full");
  });
});

test("`up` makes the first network, with the name of the computer where none is said, and no second one", async () => {
  const world = new World();
  const home = await Computer.start(world, { ...HOME, name: "server" });
  await home.call("up", {});
  await home.call("up", { name: "another" });
  expect(home.status().networks.map(({ name, role }) => [name, role])).toEqual([["server", "host"]]);
  const link = await home.invite();
  expect(home.status().networks).toHaveLength(1);
  expect(link).toMatch(/^castaway:\/\/join\//);
});

test("an invite makes a network where there is none", async () => {
  const world = new World();
  const home = await Computer.start(world, { ...HOME, name: "server" });
  const { networkName, invite } = await home.call("invite.create", {
    uses: 3,
    expiresInSeconds: 3600,
    approval: true,
  });
  expect(networkName).toBe("server");
  expect(invite).toMatchObject({ usesTotal: 3, usesLeft: 3, approval: true, state: "open" });
  expect(Math.round((invite.expiresAt - invite.createdAt) / 10_000)).toBe(360);
});

test("an invite's label is the host's own note: it is kept, shown, and not in the link", async () => {
  const world = new World();
  const home = await host(world);
  const label = "for Anna, who has the green house at the harbour";
  const { link, invite } = await home.call("invite.create", { label });
  await home.call("invite.create", {});
  const cut = "for Anna, who has the green house at the";
  expect(invite.label).toBe(cut);
  expect(Object.values(decodeInvite(link, Date.now()))).not.toContain(cut);
  await home.kill();
  const again = await home.again();
  const { invites } = await again.call("invite.list", {});
  expect(invites.map((one) => one.label)).toEqual([cut, null]);
  const params = METHODS["invite.create"].params;
  for (const bad of ["", "  ", "a\u202eb", "a\nb", "x".repeat(65)])
    expect(v.safeParse(params, { label: bad }).success).toBe(false);
});

test("logs: as many of the last lines as asked for", async () => {
  const world = new World();
  const home = await host(world);
  await guestOf(home, world);
  const all = (await home.call("logs", {})).lines;
  expect(all.map(({ message }) => message)).toContain("a member is here");
  expect((await home.call("logs", { limit: 2 })).lines).toEqual(all.slice(-2));
  expect((await home.call("logs", { limit: 0 })).lines).toEqual([]);
});

test("the dump has all of it, and shutting down happens after the answer", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  laptop.joinsGroup("239.1.1.1");
  await world.run(500);
  const { snapshot, stats } = await home.call("dump", {});
  expect(snapshot.vifs.map(({ name, kind, state }) => [name, kind, state])).toEqual([
    ["castaway0", "tun", "up"],
    ["peer-2", "peer", "up"],
  ]);
  expect(snapshot.vifs[1]).toMatchObject({ networkId: snapshot.networks[0]!.id, memberNumber: 2 });
  expect(snapshot.groups).toMatchObject([
    { group: "239.1.1.1", listeners: [{ vif: "peer-2", mode: "exclude" }] },
  ]);
  expect(stats.counters["session.handshakes-accepted"]).toBe(1);
  expect(await home.call("shutdown", {})).toEqual({});
  await world.until(() => home.shutdowns === 1);
});

describe("doctor", () => {
  const told = (checks: readonly Check[]): Record<string, string> =>
    Object.fromEntries(checks.map(({ name, status }) => [name, status]));

  test("of a computer that is in no network", async () => {
    const world = new World();
    const laptop = await Computer.start(world, LAPTOP);
    const { checks } = await laptop.call("doctor", {});
    expect(told(checks)).toEqual({
      service: "ok",
      tun: "ok",
      udp: "ok",
      lan: "warn",
      firewall: "ok",
      network: "warn",
    });
    for (const { status, remedy } of checks) expect(remedy === null).toBe(status === "ok");
  });

  test("of a host that shares a LAN, and one that shares none", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0")] });
    expect(told((await home.call("doctor", {})).checks)).toMatchObject({ "lan eth0": "ok", network: "ok" });
    await home.call("lans.set", { name: "eth0", mode: "local" });
    const { checks } = await home.call("doctor", {});
    expect(checks.find(({ name }) => name === "lan")).toMatchObject({
      status: "warn",
      remedy: expect.stringContaining("lans set") as string,
    });
  });

  test("of a guest, in all states of its network", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    const look = async () =>
      (await laptop.call("doctor", {})).checks.find(({ name }) => name === "network Home");
    expect(await look()).toMatchObject({
      status: "ok",
      message: expect.stringMatching(/Connected, [\d.]+ ms/) as string,
    });
    await laptop.call("down", {});
    expect(await look()).toMatchObject({ status: "warn", remedy: "castaway up" });
    await laptop.call("up", {});
    await world.until(() => laptop.status().networks[0]!.state === "connected");
    await home.kill();
    await world.until(() => laptop.status().networks[0]!.state === "connecting", 120_000);
    expect(await look()).toMatchObject({
      status: "fail",
      message: expect.stringContaining("does not answer") as string,
    });
    const back = await home.again();
    await world.until(() => laptop.status().networks[0]!.state === "connected", 60_000);
    await back.call("members.remove", { member: 2 });
    await world.run(500);
    expect(await look()).toMatchObject({
      status: "fail",
      message: expect.stringContaining("removed") as string,
    });
  });

  test("says what ends with a used-up TTL, the topic that people ask about most", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0")] });
    const lan = [...home.engine.core.vifs.values()].find(({ name }) => name === "eth0")!;
    home.fast.drops.set(lan.id, { ttl: 12 });
    const { checks } = await home.call("doctor", {});
    expect(checks.find(({ name }) => name === "ttl")).toMatchObject({
      message: expect.stringContaining("12") as string,
    });
    expect((await home.call("stats", {})).drops).toEqual({ ttl: 12 });
  });

  test("says that a queue is too small", async () => {
    const world = new World();
    const home = await host(world);
    Object.assign(home.engine.datagrams, { receiveBuffer: 200_000 });
    expect(told((await home.call("doctor", {})).checks)["udp"]).toBe("warn");
  });
});

test("a TUN whose addresses cannot be set does not end the daemon", async () => {
  const world = new World();
  const home = await host(world);
  home.tun.broken = true;
  await home.call("down", {});
  home.tun.broken = false;
  await home.call("up", {});
  expect(home.tun.addresses).toHaveLength(2);
  expect(
    home.log.lines().some(({ level, message }) => level === "error" && message.includes("addresses")),
  ).toBe(true);
});
