import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ErrorCode } from "#contract/errors.ts";
import { decodeInvite, encodeInvite } from "#protocol/invite/invite-link.ts";
import { Computer, guestOf, HOME, host, LAPTOP, PHONE } from "./computer.ts";
import { failure } from "./failure.ts";
import { World } from "./world.ts";

describe("an invite", () => {
  test("makes a member: both sides know addresses, names and who is there", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await Computer.start(world, LAPTOP);
    const { networkId, networkName, addresses } = await laptop.call("join", {
      link: await home.invite(),
      name: "Anna's laptop",
    });
    await world.run(1_000);
    const [seenByHost] = home.status().networks;
    const [seenByGuest] = laptop.status().networks;
    expect([networkId, networkName]).toEqual([seenByHost!.id, "Home"]);
    expect(seenByGuest).toMatchObject({ id: networkId, role: "guest", state: "connected", ownNumber: 2 });
    expect(seenByGuest!.prefixes).toEqual(seenByHost!.prefixes);
    expect(seenByGuest!.sharedRanges).toEqual(seenByHost!.sharedRanges);
    const names = (members: readonly { name: string; online: boolean; self: boolean }[]) =>
      members.map(({ name, online, self }) => [name, online, self]);
    expect(names(seenByHost!.members)).toEqual([
      ["home", true, true],
      ["Anna's laptop", true, false],
    ]);
    expect(names(seenByGuest!.members)).toEqual([
      ["home", true, false],
      ["Anna's laptop", true, true],
    ]);
    expect(seenByHost!.members.map((member) => member.addresses)).toEqual(
      seenByGuest!.members.map((member) => member.addresses),
    );
    // The address that was answered is the TUN's, and the members' prefixes and shared ranges lead into it.
    expect(laptop.tun.addresses).toEqual([`${addresses[0]}/64`, `${addresses[1]}/32`]);
    expect(laptop.tun.routes.slice(0, 2)).toEqual(seenByGuest!.prefixes);
    for (const [group, leads] of [
      ["239.1.2.3", true],
      ["232.1.2.3", true],
      ["ff3e::8000:1", true],
      ["224.0.0.251", false],
      ["ff02::fb", false],
      ["8.8.8.8", false],
    ] as const)
      expect([group, laptop.tun.leads(group)]).toEqual([group, leads]);
    expect(home.tun.routes).toEqual(seenByHost!.prefixes);
  });

  test("is on disk before anybody hears that it worked, and its secret is in no log", async () => {
    const world = new World();
    const home = await host(world);
    const link = await home.invite();
    const laptop = await Computer.start(world, LAPTOP);
    await laptop.call("join", { link });
    const state = JSON.parse(readFileSync(join(laptop.folder, "state.json"), "utf8")) as {
      value: { joined: { assigned: { number: number }; psk: string }[] };
    };
    expect(state.value.joined[0]!.assigned.number).toBe(2);
    const secrets = [link, state.value.joined[0]!.psk, decodeInvite(link, Date.now()).secret.toBase64()];
    const told = JSON.stringify([home.log.lines(), laptop.log.lines(), home.status(), laptop.status()]);
    for (const secret of secrets) expect(told).not.toContain(secret);
  });

  test("for three computers takes three, and the fourth hears that it is used up", async () => {
    const world = new World();
    const home = await host(world);
    const link = await home.invite({ uses: 3 });
    for (let i = 1; i <= 4; i++) {
      const guest = await Computer.start(world, {
        name: `guest ${i}`,
        endpoint: { address: `198.51.100.${i}`, port: 5000 },
      });
      const call = guest.call("join", { link });
      if (i <= 3) expect((await call).addresses).toHaveLength(2);
      else expect((await failure(call)).code).toBe("invite-used-up");
    }
    expect(home.status().networks[0]!.invites[0]).toMatchObject({
      state: "used-up",
      usesLeft: 0,
      usesTotal: 3,
    });
    expect(home.status().networks[0]!.members).toHaveLength(4);
  });

  test("of 10 % loss with reordering works all the same", async () => {
    const world = new World(7);
    Object.assign(world.path, { loss: 0.1, latency: 30, jitter: 40 });
    const home = await host(world);
    const laptop = await guestOf(home, world);
    await world.until(() => laptop.status().networks[0]!.members.length === 2);
    expect(home.status().networks[0]!.members[1]).toMatchObject({ online: true });
  });
});

describe("the host refuses, and says why", () => {
  test.each<[string, ErrorCode, (home: Computer, link: string) => Promise<unknown>]>([
    [
      "a revoked invite",
      "invite-revoked",
      (home) => home.call("invite.revoke", { invite: home.status().networks[0]!.invites[0]!.id }),
    ],
    [
      "an invite that expired by the host's clock",
      "invite-expired",
      (home) => {
        const { invites } = home.engine.networks.hosted!;
        const [invite] = invites.state().invites;
        Object.assign(invite!, { expiresAt: Date.now() - 1 });
        return Promise.resolve();
      },
    ],
    [
      "when it has no address left",
      "refused",
      (home) => {
        const { members } = home.engine.networks.hosted!;
        for (let i = 0; members.room() > 0; i++)
          members.admit({
            publicKey: new Uint8Array(32).fill(i & 255).fill(i >> 8, 0, 1),
            psk: new Uint8Array(32),
            invite: { id: new Uint8Array(8), serial: 1, requireApproval: false },
            name: "",
            now: 0,
          });
        return Promise.resolve();
      },
    ],
  ])("%s", async (_what, code, spoil) => {
    const world = new World();
    const home = await host(world);
    const link = await home.invite();
    await spoil(home, link);
    const laptop = await Computer.start(world, LAPTOP);
    expect((await failure(laptop.call("join", { link }))).code).toBe(code);
    expect(laptop.status().networks).toEqual([]);
    expect(laptop.tun.addresses).toEqual([]);
    expect(laptop.vifNames()).toEqual(["castaway0"]);
    expect(home.vifNames()).toEqual(["castaway0"]);
  });

  test.each<[string, ErrorCode, (link: string) => string]>([
    ["a link that lost its end", "invite-damaged", (link) => link.slice(0, -3)],
    ["something else", "invite-damaged", () => "https://example.org/"],
    ["text without an end", "invite-damaged", (link) => link.padEnd(4096, "a")],
    [
      "a link past its date",
      "invite-expired",
      (link) =>
        encodeInvite({ ...decodeInvite(link, 0), expiresAt: Date.now() - 1000 - (Date.now() % 1000) }),
    ],
  ])("%s is refused without asking anybody", async (_what, code, spoil) => {
    const world = new World();
    const home = await host(world);
    const laptop = await Computer.start(world, LAPTOP);
    const link = spoil(await home.invite());
    const before = world.datagrams;
    expect((await failure(laptop.call("join", { link }))).code).toBe(code);
    expect(world.datagrams).toBe(before);
    expect(laptop.status().networks).toEqual([]);
  });

  test("nobody is invited to the network of that computer itself", async () => {
    const world = new World();
    const home = await host(world);
    const { code, message } = await failure(home.call("join", { link: await home.invite() }));
    expect(code).toBe("refused");
    expect(message).toContain("this computer itself");
  });

  test("who guesses an invite gets no answer at all", async () => {
    const world = new World();
    const home = await host(world);
    const invite = decodeInvite(await home.invite(), Date.now());
    const link = encodeInvite({ ...invite, secret: new Uint8Array(16).fill(1) });
    const laptop = await Computer.start(world, LAPTOP);
    let answers = 0;
    world.filter = (from) => {
      if (from.address === HOME.endpoint.address) answers++;
      return true;
    };
    const { code, remedy } = await failure(laptop.call("join", { link }));
    expect([code, answers]).toEqual(["unreachable", 0]);
    expect(remedy).toContain("castaway doctor");
  });
});

test("a host that is away: the network stays, and is joined when the host is back", async () => {
  const world = new World();
  const home = await host(world);
  const link = await home.invite();
  await home.kill();
  const laptop = await Computer.start(world, LAPTOP);
  expect((await failure(laptop.call("join", { link }))).code).toBe("unreachable");
  expect(laptop.status().networks[0]).toMatchObject({ state: "connecting", ownNumber: null });
  const back = await home.again();
  await world.until(() => laptop.status().networks[0]!.state === "connected");
  expect(back.status().networks[0]!.members).toHaveLength(2);
});

describe("joining once more", () => {
  test("with a good invite keeps number and addresses", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    const before = laptop.tun.addresses;
    await laptop.call("join", { link: await home.invite() });
    await world.run(1_000);
    expect(laptop.tun.addresses).toEqual(before);
    expect(home.status().networks[0]!.members).toHaveLength(2);
    expect(laptop.status().networks).toHaveLength(1);
  });

  test("with a spent invite leaves the member what it was", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    const spent = await home.invite();
    await guestOf(home, world, PHONE);
    const phone = await Computer.start(world, { name: "x", endpoint: { address: "198.51.100.99", port: 1 } });
    await phone.call("join", { link: spent });
    const before = laptop.tun.addresses;
    expect((await failure(laptop.call("join", { link: spent }))).code).toBe("invite-used-up");
    await world.until(() => laptop.status().networks[0]?.state === "connected");
    expect(laptop.tun.addresses).toEqual(before);
    const again = await laptop.again();
    await world.until(() => again.status().networks[0]?.state === "connected");
  });
});

test("leaving tells the host, and leaves nothing behind", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  await laptop.call("leave", {});
  await world.run(500);
  expect(laptop.status().networks).toEqual([]);
  expect([laptop.tun.addresses, laptop.tun.routes]).toEqual([[], []]);
  expect(laptop.vifNames()).toEqual(["castaway0"]);
  expect(home.status().networks[0]!.members[1]).toMatchObject({ online: false });
  expect(home.vifNames()).toEqual(["castaway0"]);
  expect((await failure(laptop.call("leave", {}))).code).toBe("not-found");
});

test("a network switched off and on again, at either end", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  const addresses = laptop.tun.addresses;
  await laptop.call("down", {});
  await world.run(500);
  expect(laptop.status().networks[0]).toMatchObject({ state: "off" });
  expect(laptop.tun.addresses).toEqual([]);
  expect(home.status().networks[0]!.members[1]).toMatchObject({ online: false });
  await laptop.call("up", {});
  await world.until(() => laptop.status().networks[0]!.state === "connected");
  expect(laptop.tun.addresses).toEqual(addresses);
  await home.call("down", {});
  await world.until(() => laptop.status().networks[0]!.state === "connecting");
  expect(home.tun.addresses).toEqual([]);
  await world.run(5_000);
  expect(laptop.status().networks[0]!.state).toBe("connecting");
  await home.call("up", { network: "Home" });
  await world.until(() => laptop.status().networks[0]!.state === "connected");
});
