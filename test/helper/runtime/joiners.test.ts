import { expect, test } from "vitest";
import { HandshakeState } from "#noise/handshake-state.ts";
import { IKPSK2 } from "#noise/pattern.ts";
import { keyPair } from "#noise/x25519.ts";
import { decodeInvite } from "#protocol/invite/invite-link.ts";
import { inviteKeys } from "#protocol/invite/invite-secret.ts";
import { PROLOGUE } from "#protocol/session/constants.ts";
import { mac1Key, signFrame } from "#protocol/session/macs.ts";
import { HandshakeClock } from "#protocol/session/timestamp.ts";
import { encodeInitiationPayload } from "#wire/frame-handshake-payload.ts";
import { encodeInitiation } from "#wire/frame-handshake.ts";
import { type Computer, guestOf, host } from "./computer.ts";
import { failure } from "./failure.ts";
import { World } from "./world.ts";

/** A handshake with an invite by a fresh key, whose answer nobody waits for. */
function knock(home: Computer, link: string, number: number): void {
  const { hostPublicKey, secret } = decodeInvite(link, Date.now());
  const { id, psk } = inviteKeys(hostPublicKey, secret);
  const seed = new Uint8Array(32).fill(7);
  new DataView(seed.buffer).setUint32(0, number);
  const state = new HandshakeState({
    pattern: IKPSK2,
    initiator: true,
    prologue: new TextEncoder().encode(PROLOGUE),
    localStatic: keyPair(seed),
    localEphemeral: keyPair(seed.toReversed()),
    remoteStatic: hostPublicKey,
    psk,
  });
  const timestamp = new HandshakeClock(Date.now(), 0).next(0);
  const payload = { timestamp, minor: 0, caller: "guest", ciphers: [2, 1], inviteId: id } as const;
  const noise = state.writeMessage(encodeInitiationPayload(payload));
  const frame = encodeInitiation({ senderIndex: number + 1, noise });
  signFrame(frame, mac1Key(hostPublicKey), undefined);
  home.arrive(frame, { address: `198.51.100.${number % 250}`, port: 1000 + number });
}

test("joiners that never prove their invite are 64 at most, and forgotten after ten seconds", async () => {
  const world = new World();
  const home = await host(world);
  const link = await home.invite({ uses: 100 });
  for (let number = 0; number < 80; number++) {
    knock(home, link, number);
    await world.run(25); // 40 a second: below what asks for cookies
  }
  const joiners = (): number => home.vifNames().filter((name) => name.startsWith("joiner-")).length;
  expect(joiners()).toBe(64);
  expect(home.engine.ways.transport.counters.dropped.get("indices")).toBe(16);
  expect(home.status().networks[0]).toMatchObject({ members: [{}], invites: [{ usesLeft: 100 }] });
  await world.until(() => joiners() === 0, 11_000);
  expect(home.engine.ways.transport.indices.size).toBe(0);
  // And then there is room again.
  const laptop = await guestOf(home, world);
  expect(laptop.status().networks[0]!.state).toBe("connected");
});

test("the places of joiners are no members' places", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  await laptop.kill();
  const link = await home.invite({ uses: 100 });
  for (let number = 0; number < 70; number++) {
    knock(home, link, number);
    await world.run(25);
  }
  const again = await laptop.again();
  expect(await world.until(() => again.status().networks[0]!.state === "connected")).toBeLessThan(1_000);
});

test("vif numbers come back: six hundred joiners one after the other, and still there is room", async () => {
  const world = new World();
  const home = await host(world);
  const link = await home.invite({ uses: 600 });
  for (let number = 0; number < 600; number++) {
    knock(home, link, number);
    await world.run(200);
  }
  await world.run(11_000);
  expect(home.vifNames()).toEqual(["castaway0"]);
  expect(home.engine.ways.transport.indices.size).toBe(0);
  await guestOf(home, world);
});

test("refused handshakes leave nothing behind, however many come", async () => {
  const world = new World();
  const home = await host(world);
  const link = await home.invite({ uses: 100 });
  await home.call("invite.revoke", { invite: home.status().networks[0]!.invites[0]!.id });
  for (let number = 0; number < 200; number++) {
    knock(home, link, number);
    await world.run(25);
  }
  expect(home.engine.ways.transport.counters.accepted).toBe(200);
  expect(home.vifNames()).toEqual(["castaway0"]);
  expect(home.engine.networks.hosted!.pollTimeout()).toBeUndefined(); // nobody is waited for
});

test("a computer that is in as many networks as it has vifs for says so", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  await laptop.call("leave", {});
  await world.run(100); // its number is free again
  while (laptop.engine.core.takeVifId() !== undefined);
  const { code, message } = await failure(laptop.call("join", { link: await home.invite() }));
  expect([code, message]).toEqual(["busy", "this computer is in as many networks as it can be"]);
});
