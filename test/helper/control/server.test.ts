import { existsSync, linkSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect } from "#contract/client.ts";
import type { ControlError } from "#contract/errors.ts";
import { encodeLine } from "#contract/messages.ts";
import type { Snapshot } from "#contract/snapshot.ts";
import { prepareSocketPath } from "#runtime/control/socket-file.ts";
import { logLine, OWNER, ROOT, startFakeDaemon, STRANGER, type FakeDaemon } from "./fake-daemon.ts";
import { rawClient } from "./raw-client.ts";
import { SNAPSHOT, STREAM } from "./sample-state.ts";

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await startFakeDaemon({ stallMs: 200 });
});
afterEach(() => daemon.stop());

test("anybody can connect to the socket, nobody can replace it", () => {
  expect(statSync(daemon.path).mode & 0o777).toBe(0o666);
  expect(statSync(dirname(daemon.path)).mode & 0o022).toBe(0);
});

test("says hello before anything is asked", async () => {
  const client = rawClient(daemon.path);
  expect(await client.next()).toEqual({
    type: "hello",
    protocolVersion: 1,
    buildVersion: "0.1.0-test",
    pid: process.pid,
    access: "own",
  });
  client.close();
});

test.each([
  ["an owner", OWNER, "own"],
  ["the daemon itself", { uid: 64_000, gid: 1, pid: 1 }, "own"],
  ["anybody else", STRANGER, "read"],
  ["whom the kernel does not name", undefined, "none"],
] as const)("the hello tells %s what it may do", async (_who, caller, access) => {
  daemon.caller = caller;
  const client = await connect(daemon.path);
  expect(client.hello.access).toBe(access);
  client.close();
});

test("answers calls out of order by their ids, several on one connection", async () => {
  const client = await connect(daemon.path);
  const [status, stats] = await Promise.all([client.call("status", {}), client.call("stats", {})]);
  expect(status).toEqual(SNAPSHOT);
  expect(stats.counters).toEqual({ "session.handshakes": 3 });
  client.close();
});

test("hands out no field that the contract does not name", async () => {
  daemon.snapshot = { ...SNAPSHOT, privateKey: "hidden" } as Snapshot;
  const client = rawClient(daemon.path);
  await client.next();
  for (const [id, method] of ["status", "watch", "invite.list", "invite.create", "dump"].entries()) {
    client.send(encodeLine({ id, method, params: {} }));
    const answer = await client.next();
    expect(answer).toMatchObject({ type: "response", ok: true });
    expect(JSON.stringify(answer)).not.toContain("hidden");
  }
  client.close();
});

test("bad parameters are named, and the connection goes on", async () => {
  const client = await connect(daemon.path);
  const call = client.call("members.rename", { member: 1, name: "a\u001b[31m" });
  await expect(call).rejects.toMatchObject({
    code: "bad-request",
    message: expect.stringContaining("name: "),
  });
  expect(daemon.calls).toEqual([]);
  client.close();
});

test("an unknown method of a newer client is answered", async () => {
  const client = rawClient(daemon.path);
  await client.next();
  for (const method of ["fly", "toString", "__proto__", "snapshot"]) {
    client.send(encodeLine({ id: 5, method, params: {} }));
    expect(await client.next()).toMatchObject({ id: 5, ok: false, error: { code: "unknown-method" } });
  }
  client.close();
});

test("events carry topics and numbers, and the client keeps the whole", async () => {
  const client = await connect(daemon.path);
  const seen: { rate: number | undefined; changed: readonly string[] }[] = [];
  const third = new Promise<void>((resolve) => {
    void client.watch((snapshot, changed) => {
      seen.push({ rate: snapshot.groups[0]?.rateBps, changed: changed.length > 1 ? ["all"] : changed });
      expect(snapshot.networks).toEqual(SNAPSHOT.networks);
      if (seen.length === 1) {
        daemon.server.publish({ groups: [{ ...STREAM, rateBps: 5 }] });
        daemon.server.publish({ warnings: [] });
      }
      if (seen.length === 3) resolve();
    });
  });
  await third;
  expect(seen).toEqual([
    { rate: STREAM.rateBps, changed: ["all"] },
    { rate: 5, changed: ["groups"] },
    { rate: 5, changed: ["warnings"] },
  ]);
  client.close();
});

test("the client asks anew where a number is missing", async () => {
  const client = await connect(daemon.path);
  const codes: (string | undefined)[] = [];
  let resolve: () => void;
  const done = new Promise<void>((r) => (resolve = r));
  await client.watch((snapshot) => {
    codes.push(snapshot.warnings[0]?.code);
    if (codes.at(-1) === "newest") resolve();
  });
  daemon.snapshot = { ...SNAPSHOT, warnings: [{ code: "newest", message: "", remedy: null, since: 0 }] };
  // An event with a hole before it, as after a dropped one.
  client.receive({ type: "event", seq: 7, changes: { warnings: [] } });
  await done;
  expect(codes).toEqual(["ttl-1", "newest"]);
  client.close();
});

test("followed logs: kept lines first, then each new one, none twice", async () => {
  const client = await connect(daemon.path);
  const numbers: number[] = [];
  await client.followLogs(1, (line) => numbers.push(line.number));
  daemon.server.publishLog(logLine(3, "three"));
  daemon.server.publishLog(logLine(4, "four"));
  await expect.poll(() => numbers).toEqual([2, 3, 4]);
  client.close();
});

test("a log line that comes while the answer is made is neither lost nor told twice", async () => {
  await daemon.stop();
  daemon = await startFakeDaemon({
    api: {
      logs: async () => {
        const lines = [logLine(1, "one"), logLine(2, "two")];
        daemon.server.publishLog(logLine(2, "two"));
        daemon.server.publishLog(logLine(3, "three"));
        return { lines };
      },
    },
  });
  const client = await connect(daemon.path);
  const numbers: number[] = [];
  await client.followLogs(200, (line) => numbers.push(line.number));
  await expect.poll(() => numbers).toEqual([1, 2, 3]);
  client.close();
});

test("a handler's failure is logged there and not told here", async () => {
  await daemon.stop();
  daemon = await startFakeDaemon({ api: { down: () => Promise.reject(new Error("key 0123456789abcdef")) } });
  const client = await connect(daemon.path);
  const failed = client.call("down", {});
  await expect(failed).rejects.toMatchObject({
    code: "internal",
    message: expect.not.stringContaining("0123"),
  });
  expect(daemon.logged).toEqual([{ level: "error", message: "a call failed" }]);
  client.close();
});

test("a call that the daemon does not finish ends by the client's deadline", async () => {
  await daemon.stop();
  daemon = await startFakeDaemon({ api: { down: () => new Promise(() => {}) } });
  const client = await connect(daemon.path);
  await expect(client.call("down", {}, 30)).rejects.toMatchObject({ code: "timeout" });
  expect((await client.call("status", {})).daemon.pid).toBe(4711);
  client.close();
});

test("goodbye: clients learn that it was on purpose, and the socket is gone", async () => {
  const client = await connect(daemon.path);
  const reason = new Promise<ControlError>((resolve) => client.onClose(resolve));
  await daemon.server.close("update");
  expect(await reason).toMatchObject({ code: "shutting-down", message: "the daemon restarts" });
  await expect(client.call("status", {})).rejects.toMatchObject({ code: "shutting-down" });
  expect(existsSync(daemon.path)).toBe(false);
});

test("the socket of a daemon that lives is not taken", async () => {
  await expect(prepareSocketPath(daemon.path)).rejects.toMatchObject({ code: "already-running" });
  const client = await connect(daemon.path);
  expect(client.hello.pid).toBe(process.pid);
  client.close();
});

test("a dead daemon's socket is replaced, a file of somebody's is not", async () => {
  const path = `${daemon.path}.other`;
  writeFileSync(path, "precious");
  await expect(prepareSocketPath(path)).rejects.toMatchObject({ code: "conflict" });
  expect(existsSync(path)).toBe(true);
  daemon.caller = ROOT;

  const dead = `${daemon.path}.dead`;
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = createServer().listen(dead, resolve);
  await promise;
  // Closing removes the name; a crash does not: link it under a second name first.
  linkSync(dead, `${dead}.left`);
  await new Promise((closed) => server.close(closed));
  expect(existsSync(`${dead}.left`)).toBe(true);
  await prepareSocketPath(`${dead}.left`);
  expect(existsSync(`${dead}.left`)).toBe(false);
});
