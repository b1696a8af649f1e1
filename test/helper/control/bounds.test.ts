// What hostile, broken and slow clients can cost the daemon.
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect } from "#contract/client.ts";
import { encodeLine, MAX_LINE_BYTES } from "#contract/messages.ts";
import { MAX_CLIENTS, MAX_GUEST_CLIENTS } from "#runtime/control/server.ts";
import { OWNER, startFakeDaemon, STRANGER, type FakeDaemon } from "./fake-daemon.ts";
import { rawClient } from "./raw-client.ts";
import { SNAPSHOT, STREAM } from "./sample-state.ts";

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await startFakeDaemon({ stallMs: 200 });
});
afterEach(() => daemon.stop());

test.each([
  ["no JSON", "hello?\n"],
  ["no request", '{"method":"status"}\n'],
  ["fields too many", '{"id":1,"method":"status","params":{},"sudo":true}\n'],
  ["an array", "[]\n"],
  ["bytes that are no UTF-8", Buffer.from([0xff, 0xfe, 0x0a])],
  ["a line too long", `${" ".repeat(MAX_LINE_BYTES + 1)}`],
])("hangs up on %s, and goes on serving others", async (_, text) => {
  const bad = rawClient(daemon.path);
  await bad.next();
  bad.send(text);
  expect(await bad.next()).toMatchObject({ type: "response", ok: false, error: { code: "bad-request" } });
  expect(await bad.next()).toBeUndefined();
  const good = await connect(daemon.path);
  expect((await good.call("status", {})).daemon.pid).toBe(4711);
  good.close();
});

test("takes a line of just the limit", async () => {
  const client = rawClient(daemon.path);
  await client.next();
  const line = encodeLine({ id: 1, method: "join", params: { link: "x".repeat(4096) } });
  client.send(" ".repeat(MAX_LINE_BYTES + 1 - line.length) + line);
  expect(await client.next()).toMatchObject({ type: "response", id: 1, ok: true });
  client.close();
});

test("a slow reader loses events, is told to resync, and ends with the newest state", async () => {
  const client = await connect(daemon.path);
  const raw = rawClient(daemon.path);
  await raw.next();
  raw.send(encodeLine({ id: 1, method: "watch", params: {} }));
  await raw.next();
  raw.socket.pause();
  const detail = "x".repeat(200_000);
  for (let i = 0; i < 40; i++)
    daemon.server.publish({ warnings: [{ code: String(i), message: detail, remedy: null, since: 0 }] });
  raw.socket.resume();
  const events: number[] = [];
  for (let message = await raw.next(); message?.type !== "resync"; message = await raw.next()) {
    if (message?.type !== "event") throw new Error(`unexpected ${JSON.stringify(message)?.slice(0, 99)}`);
    events.push(message.seq);
  }
  expect(events.length).toBeGreaterThan(5);
  expect(events.length).toBeLessThan(40);
  raw.close();
  expect((await client.call("status", {})).daemon.pid).toBe(4711);
  client.close();
});

test("who never reads is cut off", async () => {
  const raw = rawClient(daemon.path);
  await raw.next();
  raw.send(encodeLine({ id: 1, method: "watch", params: {} }));
  await raw.next();
  raw.socket.pause();
  const detail = "x".repeat(500_000);
  for (let i = 0; i < 20; i++)
    daemon.server.publish({ warnings: [{ code: "w", message: detail, remedy: null, since: 0 }] });
  await expect.poll(() => daemon.server.clients()).toBe(0);
  raw.close();
});

test("who asks without reading is cut off, whatever it asks", async () => {
  const raw = rawClient(daemon.path);
  await raw.next();
  raw.socket.pause();
  daemon.snapshot = {
    ...SNAPSHOT,
    warnings: [{ code: "w", message: "x".repeat(500_000), remedy: null, since: 0 }],
  };
  for (let i = 0; i < 40; i++) raw.send(encodeLine({ id: i, method: "status", params: {} }));
  await expect.poll(() => daemon.server.clients()).toBe(0);
  raw.close();
});

test("too many groups for a line: the busiest stay, and a warning counts the rest", async () => {
  const groups = Array.from({ length: 5_000 }, (_, i) => ({
    ...STREAM,
    group: `239.0.${i >> 8}.${i & 255}`,
    rateBps: i,
  }));
  daemon.snapshot = { ...SNAPSHOT, groups };
  const client = await connect(daemon.path);
  const snapshot = await client.call("status", {});
  expect(snapshot.groups.length).toBeGreaterThan(1_000);
  expect(snapshot.groups[0]?.rateBps).toBe(4_999);
  expect(snapshot.warnings.at(-1)?.message).toBe(
    `5000 groups are known; only the ${snapshot.groups.length} busiest are shown`,
  );
  client.close();
});

test("a guest's many connections leave room for the owner's; nobody gets more than the limit", async () => {
  daemon.caller = STRANGER;
  const guests = await Promise.all(Array.from({ length: MAX_GUEST_CLIENTS }, () => connect(daemon.path)));
  await expect(connect(daemon.path)).rejects.toMatchObject({ code: "busy" });
  daemon.caller = OWNER;
  const own = await Promise.all(
    Array.from({ length: MAX_CLIENTS - MAX_GUEST_CLIENTS }, () => connect(daemon.path)),
  );
  await expect(connect(daemon.path)).rejects.toMatchObject({ code: "busy" });
  for (const client of [...guests, ...own]) client.close();
  await expect.poll(() => daemon.server.clients()).toBe(0);
});
