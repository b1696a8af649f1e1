import { expect, test } from "vitest";
import { failure } from "./failure.ts";
import { guestOf, host, LAPTOP, PHONE } from "./computer.ts";
import { World } from "./world.ts";

/** The simulated fast path takes a millisecond for each message. */
const about = (ms: number): number => expect.closeTo(ms + 1, -0.5) as number;

test("a round trip is that of the path, either way", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  world.path.latency = 35;
  expect(await laptop.call("ping", { member: 1 })).toEqual({ rttMs: about(70), by: "session" });
  expect(await home.call("ping", { network: "Home", member: 2 })).toEqual({
    rttMs: about(70),
    by: "session",
  });
});

test("no answer in time is none, and the next answer is not taken for it", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  world.path.latency = 300;
  const started = performance.now();
  expect(await laptop.call("ping", { member: 1, timeoutMs: 500 })).toEqual({ rttMs: null, by: "session" });
  expect(performance.now() - started).toBeLessThan(600);
  world.path.latency = 5; // the late answer is still under way
  expect(await laptop.call("ping", { member: 1 })).toEqual({ rttMs: about(10), by: "session" });
});

test("another guest is asked through the tunnel", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world, LAPTOP);
  await guestOf(home, world, PHONE);
  const phone = laptop.status().networks[0]!.members.find(({ name }) => name === "phone")!;
  laptop.probe.echoes.set(
    phone.addresses.find((one) => one.includes(":"))!,
    42,
  );
  expect(await laptop.call("ping", { member: phone.number })).toEqual({ rttMs: 42, by: "tunnel" });
  laptop.probe.echoes.clear();
  expect(await laptop.call("ping", { member: phone.number })).toEqual({ rttMs: null, by: "tunnel" });
});

test("who is not there, nobody, oneself, and too many at once", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  expect((await failure(laptop.call("ping", { member: 2 }))).code).toBe("bad-request");
  expect((await failure(laptop.call("ping", { member: 9 }))).code).toBe("not-found");
  expect((await failure(laptop.call("ping", { network: "Office", member: 1 }))).code).toBe("not-found");
  world.path.latency = 1_000;
  const many = Array.from({ length: 40 }, () => laptop.api.ping({ member: 1 }, { uid: 0, gid: 0, pid: 1 }));
  const codes = (await world.answer(Promise.allSettled(many))).map((one) =>
    one.status === "rejected" ? (one.reason as { code: string }).code : "answered",
  );
  expect(codes.filter((code) => code === "busy")).toHaveLength(8);
  world.path.latency = 10;
  await world.until(() => laptop.status().networks[0]!.state === "connected");
  await home.stop();
  await world.run(100);
  expect((await failure(laptop.call("ping", { member: 1 }))).code).toBe("unreachable");
});
