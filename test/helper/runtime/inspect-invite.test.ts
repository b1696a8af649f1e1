import { describe, expect, test } from "vitest";
import { networkFingerprint } from "#contract/fingerprint.ts";
import { decodeInvite, encodeInvite } from "#protocol/invite/invite-link.ts";
import { Computer, guestOf, HOME, host, LAPTOP } from "./computer.ts";
import { failure } from "./failure.ts";
import { World } from "./world.ts";

describe("an invite is inspected", () => {
  test("without joining, and without a word to anybody: the host reads out the same fingerprint", async () => {
    const world = new World();
    const home = await host(world);
    const link = await home.invite();
    const laptop = await Computer.start(world, LAPTOP);
    const before = world.datagrams;
    const found = await laptop.call("invite.inspect", { link });
    const [network] = home.status().networks;
    expect(found).toEqual({
      networkName: "Home",
      fingerprint: networkFingerprint(network!.id),
      expiresAt: network!.invites[0]!.expiresAt,
      expired: false,
      endpoints: [`${HOME.endpoint.address}:${HOME.endpoint.port}`],
      ways: [],
      known: false,
    });
    expect(found.fingerprint).toMatch(/^[\da-f]{4}( [\da-f]{4}){4}$/);
    expect(world.datagrams).toBe(before);
    expect(laptop.status().networks).toEqual([]);
    const secret = decodeInvite(link, Date.now()).secret.toBase64();
    const kept = JSON.stringify([found, laptop.log.lines(), laptop.keeper.state]);
    expect(kept).not.toContain(secret);
    expect(kept).not.toContain(link);
  });

  test("with who introduces, also past its date", async () => {
    const world = new World();
    const home = await host(world);
    const link = encodeInvite({
      ...decodeInvite(await home.invite(), Date.now()),
      expiresAt: Math.floor(Date.now() / 1000) * 1000,
      candidates: [{ host: "2001:db8::1", port: 4242 }],
      meet: { host: "meet.example", port: 42270 },
      dhtKey: new Uint8Array(32).fill(7),
    });
    const laptop = await Computer.start(world, LAPTOP);
    expect(await laptop.call("invite.inspect", { link })).toMatchObject({
      expired: true,
      endpoints: ["[2001:db8::1]:4242"],
      ways: ["the DHT", "meet.example:42270"],
    });
  });

  test("by its host and by a member: the network is known", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    const link = await home.invite();
    for (const computer of [home, laptop])
      expect(await computer.call("invite.inspect", { link })).toMatchObject({ known: true });
  });

  test.each([
    ["is not one", "invite-damaged", () => "https://example.org/"],
    ["lost its end", "invite-damaged", (link: string) => link.slice(0, -3)],
    ["is far too long", "invite-damaged", (link: string) => link.padEnd(4096, "a")],
  ])("that %s: the reason is said", async (_what, code, spoil) => {
    const world = new World();
    const home = await host(world);
    const link = spoil(await home.invite());
    expect(await failure(home.call("invite.inspect", { link }))).toMatchObject({ code });
  });
});
