// The switch, on a daemon in memory; the endpoint is a real one.
import { request } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readExposition } from "../metrics/read-exposition.ts";
import { type Computer, guestOf, HOME, host } from "./computer.ts";
import { failure } from "./failure.ts";
import { World } from "./world.ts";

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

async function freePort(): Promise<number> {
  const { server, port } = await listening();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** undefined: nobody answers. */
function scrape(where: { port: number } | { socketPath: string }): Promise<string | undefined> {
  return new Promise((resolve) => {
    request({ host: "127.0.0.1", ...where, path: "/metrics", agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () => resolve(text));
    })
      .on("error", () => resolve(undefined))
      .end();
  });
}

async function home(world: World): Promise<Computer> {
  const computer = await host(world, HOME);
  onTestFinished(() => computer.metrics.close());
  return computer;
}

test("nothing listens until it is wanted", async () => {
  const of = await home(new World());
  expect(await of.call("metrics.get", {})).toEqual({
    on: false,
    listen: "127.0.0.1:9469",
    state: "off",
    detail: "Nothing listens.",
    scrapes: 0,
    refused: 0,
  });
});

test("switched on it says what the daemon knows; another start opens it again; off, nobody answers", async () => {
  const world = new World();
  const of = await home(world);
  await guestOf(of, world);
  const port = await freePort();
  const listen = `127.0.0.1:${port}`;
  expect(await of.call("metrics.set", { on: true, listen })).toMatchObject({
    on: true,
    listen,
    state: "listening",
  });
  const families = readExposition((await scrape({ port }))!, "prometheus");
  expect(families.get("castaway_member_info")!.samples.map(({ labels }) => labels["name"])).toEqual([
    "laptop",
  ]);
  expect(families.get("castaway_session_handshakes_accepted_total")!.samples[0]!.value).toBeGreaterThan(0);
  expect(await of.call("metrics.get", {})).toMatchObject({ scrapes: 1, refused: 0 });

  await of.metrics.close();
  expect(await scrape({ port })).toBeUndefined();
  await of.kill();
  const again = await of.again();
  onTestFinished(() => again.metrics.close());
  await again.metrics.start();
  expect(await scrape({ port })).toContain("castaway_build_info");

  expect(await again.call("metrics.set", { on: false })).toMatchObject({ on: false, listen, state: "off" });
  expect(await scrape({ port })).toBeUndefined();
  expect(again.keeper.state.settings.metrics).toEqual({ on: false, listen });
});

test("moves to another place, and to a socket beside the control socket", async () => {
  const of = await home(new World());
  const [first, second] = [await freePort(), await freePort()];
  await of.call("metrics.set", { on: true, listen: `127.0.0.1:${first}` });
  await of.call("metrics.set", { on: true }); // where it is
  await of.call("metrics.set", { on: true, listen: `localhost:${second}` });
  expect([await scrape({ port: first }), await scrape({ port: second })]).toEqual([
    undefined,
    expect.any(String),
  ]);
  const socketPath = join(of.folder, "metrics.sock");
  await of.call("metrics.set", { on: true, listen: socketPath });
  expect(await scrape({ socketPath })).toContain("castaway_build_info");
  expect(await scrape({ port: second })).toBeUndefined();
});

test("what is refused changes nothing", async () => {
  const of = await home(new World());
  const port = await freePort();
  await of.call("metrics.set", { on: true, listen: `127.0.0.1:${port}` });
  const before = await of.call("metrics.get", {});
  const { server, port: taken } = await listening();
  onTestFinished(() => void server.close());
  for (const [listen, code] of [
    ["0.0.0.0:9469", "bad-request"],
    ["192.168.1.2:9469", "bad-request"],
    [join(dirname(of.folder), "metrics.sock"), "bad-request"],
    [join(of.folder, "control.sock"), "bad-request"],
    [`127.0.0.1:${taken}`, "conflict"],
  ] as const)
    expect((await failure(of.call("metrics.set", { on: true, listen }))).code, listen).toBe(code);
  expect((await failure(of.call("metrics.set", { on: false, listen: "10.0.0.1:1" }))).code).toBe(
    "bad-request",
  );
  expect(await of.call("metrics.get", {})).toEqual(before);
  expect(await scrape({ port })).toContain("castaway_build_info");
});

test("a place that is taken at the start is said, and keeps nothing else from working", async () => {
  const of = await home(new World());
  const { server, port } = await listening();
  of.keeper.setSettings({ metrics: { on: true, listen: `127.0.0.1:${port}` } });
  await of.metrics.start();
  expect(await of.call("metrics.get", {})).toMatchObject({
    state: "failed",
    detail: `Nobody can ask for them: another program listens on 127.0.0.1:${port}`,
  });
  expect(of.log.lines().at(-1)).toMatchObject({ level: "warn", message: "the metrics cannot be asked for" });
  await new Promise((resolve) => server.close(resolve));
  expect(await of.call("metrics.set", { on: true })).toMatchObject({ state: "listening" });
});
