import { expect, test } from "vitest";
import * as v from "valibot";
import { METHODS } from "#contract/methods.ts";
import { DEFAULT_PORT } from "#runtime/port-choice.ts";
import { Computer, HOME } from "./computer.ts";
import { failure } from "./failure.ts";
import { World } from "./world.ts";

const OPTIONS = { ...HOME, portOfSettings: true } as const;

test("a port that is set holds from the next start on, and is said to be pending until then", async () => {
  const world = new World();
  const home = await Computer.start(world, OPTIONS);
  expect(home.status()).toMatchObject({
    daemon: { port: DEFAULT_PORT },
    reach: { port: null, portPending: false },
  });
  expect(await home.call("reach.set", { port: 5000 })).toMatchObject({ port: 5000, portPending: true });
  expect(home.status().daemon.port).toBe(DEFAULT_PORT);
  await home.kill();
  const again = await home.again();
  expect(again.status()).toMatchObject({
    daemon: { port: 5000 },
    reach: { port: 5000, portPending: false },
  });
  expect(await again.call("reach.set", { port: null })).toMatchObject({ port: null, portPending: true });
  expect(await again.call("reach.set", { port: 5000 })).toMatchObject({ port: 5000, portPending: false });
});

test("a port that another program has is refused, and nothing of that call is set", async () => {
  const world = new World();
  const home = await Computer.start(world, { ...OPTIONS, busyPorts: new Set([53]) });
  const error = await failure(home.call("reach.set", { port: 53, dht: false }));
  expect(error.code).toBe("conflict");
  expect(error.message).toContain("port 53 cannot be had: bind UDP port 53: EADDRINUSE");
  expect(error.remedy).toContain("ss -lntup 'sport = :53'");
  expect(home.status().reach).toMatchObject({ port: null, portPending: false, dht: true });
});

test("a port that was lost since keeps no daemon from starting: it has its own choice, and says so", async () => {
  const world = new World();
  const home = await Computer.start(world, OPTIONS);
  await home.call("reach.set", { port: 5000 });
  await home.kill();
  const again = await home.again({ busyPorts: new Set([5000]) });
  expect(again.status()).toMatchObject({
    daemon: { port: DEFAULT_PORT },
    reach: { port: 5000, portPending: true },
  });
  expect(again.log.lines()).toContainEqual(
    expect.objectContaining({ level: "warn", message: "the port that is set cannot be had" }),
  );
});

test("the port of the command line goes before, and cannot be set", async () => {
  const world = new World();
  const home = await Computer.start(world, HOME);
  expect(home.status().reach.portPending).toBe(false);
  expect(await failure(home.call("reach.set", { port: 5000 }))).toMatchObject({
    code: "conflict",
    message: expect.stringContaining(`with the port ${HOME.endpoint.port}`) as string,
  });
});

test.each([0, 65_536, 1.5, "5000"])("%s is no port", (port) => {
  expect(v.safeParse(METHODS["reach.set"].params, { port }).success).toBe(false);
});
