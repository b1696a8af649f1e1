// What limits the way to a member: set by hand, or by the circuit breaker.
import { expect, test } from "vitest";
import { endpointText } from "#ports/endpoint.ts";
import { FRAME_DATA, frameType } from "#wire/frame.ts";
import { type Computer, guestOf, host } from "./computer.ts";
import { failure } from "./failure.ts";
import { World } from "./world.ts";

/** The last rates that the fast path was told for a peer. */
function rates(of: Computer): { maximum: number | undefined; multicast: number | undefined } | undefined {
  const command = of.fast.commands.findLast((one) => one.type === "peer-rate");
  return command && { maximum: command.maximum, multicast: command.multicast };
}

const sending = (of: Computer, member: number) =>
  of.status().networks[0]!.members.find(({ number }) => number === member)!.sending;

test("a member's limit is set, shown, kept over a restart, and taken off", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  expect(sending(home, 2)).toMatchObject({ maximumBps: null, breaker: "closed", breakerBps: null });
  await home.call("members.limit", { member: 2, bitsPerSecond: 20_000_000 });
  expect(rates(home)).toEqual({ maximum: 20_000_000, multicast: undefined });
  expect(sending(home, 2)).toMatchObject({ maximumBps: 20_000_000 });
  await home.stop();
  const again = await home.again();
  await world.until(() => again.status().networks[0]!.members[1]!.online);
  expect(rates(again)).toEqual({ maximum: 20_000_000, multicast: undefined });
  await again.call("members.limit", { member: 2, bitsPerSecond: null });
  expect(rates(again)).toEqual({ maximum: undefined, multicast: undefined });
  expect(sending(again, 2)).toMatchObject({ maximumBps: null });
  expect(sending(laptop, 2)).toBeNull();
});

test("a guest limits what it sends to the host, and nothing else", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  await laptop.call("members.limit", { member: 1, bitsPerSecond: 1_000_000 });
  expect(rates(laptop)).toEqual({ maximum: 1_000_000, multicast: undefined });
  expect(sending(laptop, 1)).toMatchObject({ maximumBps: 1_000_000 });
  const calls = [
    [laptop, { member: 2 }, "conflict"],
    [laptop, { member: 1, network: "nowhere" }, "not-found"],
    [home, { member: 9 }, "not-found"],
    [home, { member: 1 }, "conflict"],
  ] as const;
  for (const [computer, params, code] of calls) {
    const call = computer.call("members.limit", { ...params, bitsPerSecond: 1_000_000 });
    expect((await failure(call)).code).toBe(code);
  }
});

test("what the path carries is found out and shown; a network without large packets, too", async () => {
  const world = new World();
  // A frame of the simulation carries its key instead of a tag, 16 bytes more than a real one.
  world.filter = (_, __, data) => data.length - (frameType(data) === FRAME_DATA ? 16 : 0) + 28 <= 1380;
  const home = await host(world);
  const laptop = await guestOf(home, world);
  await world.until(() => sending(home, 2)?.pathMtu === 1380 && sending(laptop, 1)?.pathMtu === 1380);
  const { vifs } = home.status();
  expect(vifs.find(({ kind }) => kind === "peer")!.mtu).toBe(1380);
  const limit = home.fast.commands.findLast((one) => one.type === "peer-datagram-limit");
  expect(limit).toMatchObject({ bytes: 1352 });
});

test("an interface that takes less than the path carried says so, and is believed", async () => {
  const world = new World();
  const home = await host(world);
  await guestOf(home, world);
  await world.until(() => sending(home, 2)?.pathMtu === 1500);
  const { id } = home.status().vifs.find(({ kind }) => kind === "peer")!;
  world.filter = (_, __, data) => data.length - 16 + 28 <= 1300;
  home.fast.emit({ type: "datagram-too-big", vif: id, bytes: 1472 });
  await world.run(1);
  expect(sending(home, 2)!.pathMtu).toBe(1228);
  await world.until(() => sending(home, 2)?.pathMtu === 1300);
});

test("loss that stays: multicast to that member is limited, to no other, and it is shown and logged", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  await world.run(3_000);
  const place = endpointText(laptop.endpoint);
  world.filter = (_, to) => endpointText(to) !== place || world.random.below(10) < 4;
  const peer = home.engine.networks.hosted!.members.byNumber(2)!;
  const { id } = home.engine.networks.hosted!.peerOfMember(peer)!;
  laptop.joinsGroup("239.1.1.1");
  await world.until(() => home.engine.core.forwarding.dump().groups.length > 0);
  home.fast.emit({ type: "peer-active", vif: id });
  for (let n = 0; n < 3_000 && sending(home, 2)!.breaker === "closed"; n++) {
    home.hears("castaway0", "239.1.1.1", "100.64.0.1");
    await world.run(10);
  }
  expect(sending(home, 2)).toMatchObject({ breaker: "limiting" });
  expect(sending(home, 2)!.lossRatio).toBeGreaterThan(0.4);
  expect(rates(home)!.multicast).toBe(sending(home, 2)!.breakerBps);
  expect(home.snapshots.stats().counters["path.breakers-limiting"]).toBe(1);
  expect(sending(laptop, 1)).toMatchObject({ breaker: "closed" });
});
