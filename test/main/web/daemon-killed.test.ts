// A page is open while the real daemon is killed, comes back, is stopped, and is of another making.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withChanges, type AppChanges, type AppState } from "#main/contract/state.ts";
import { filesIn } from "#main/web/static-files.ts";
import { WebShell } from "#main/web/web-shell.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { onProcessEnd } from "#test/support/lab/cleanup.ts";
import { Machine } from "#test/support/machine.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { TestSocket } from "./web-client.ts";

const GROUP = `239.78.${process.pid & 0xff}.${(process.pid >> 8) & 0xff}:5004`;
const machine = new Machine("this computer");
const forget = onProcessEnd(() => machine.killAll());
const folder = mkdtempSync(join(tmpdir(), "castaway-killed-"));

let daemon: TestDaemon;
let shell: WebShell;
let page: TestSocket;
/** As the page keeps it, with the moment of each change. */
let state: AppState;
const seen: { readonly at: number; readonly service: AppState["service"] }[] = [];

beforeAll(async () => {
  writeFileSync(join(folder, "index.html"), "<!doctype html>");
  daemon = await TestDaemon.start(machine, {
    port: 45_000 + (process.pid % 1000),
    args: ["--socket-vif", `${GROUP}%127.0.0.1`, ...(process.getuid?.() === 0 ? ["--no-tun"] : [])],
  });
  await daemon.json("reach", "--dht", "off");
  shell = new WebShell({
    files: filesIn(folder),
    version: "0.1.0",
    environment: { XDG_CONFIG_HOME: folder },
    socket: daemon.socketPath,
    idleMs: 0,
    onIdle: () => {},
    facts: async () => ({ installed: null, active: null }),
  });
  const port = await shell.start(0);
  const { headers } = await fetch(shell.server.link(), { redirect: "manual" });
  const cookie = headers.get("set-cookie")!.split(";")[0]!;
  const origin = `http://127.0.0.1:${port}`;
  page = new TestSocket(
    new WebSocket(`${origin.replace("http", "ws")}/socket`, { headers: { cookie, origin } }),
  );
  await page.opened;
  page.ask(1, "watch");
  const whole = await page.message<{ id: number; result: { state: AppState } }>(({ id }) => id === 1);
  state = whole.result.state;
  page.socket.on("message", (data) => {
    const message = JSON.parse(String(data)) as { type: string; changes: AppChanges };
    if (message.type !== "changes") return;
    state = withChanges(state, message.changes)!;
    seen.push({ at: performance.now(), service: state.service });
  });
}, 60_000);
afterAll(async () => {
  page?.socket.terminate();
  shell?.end("the test is over");
  await daemon?.dispose();
  forget();
  rmSync(folder, { recursive: true, force: true });
});

async function until(holds: () => boolean): Promise<void> {
  await expect.poll(holds, { timeout: 15_000, interval: 10 }).toBe(true);
}

describe("a page that stays open", () => {
  test("shows the daemon that is there", async () => {
    await until(() => state.service.state === "running" && state.snapshot !== null);
    expect(state.service).toMatchObject({ access: "own", version: "0.1.0", detail: "" });
  });

  test("says restarting within a second when it is killed, and is back without a click", async () => {
    seen.length = 0;
    const killed = performance.now();
    await daemon.kill("SIGKILL");
    await until(() => state.service.state === "restarting");
    expect(seen.find(({ service }) => service.state === "restarting")!.at - killed).toBeLessThan(1_000);
    expect(state.snapshot).toBeNull();
    await daemon.restart();
    await until(() => state.service.state === "running" && state.snapshot !== null);
    expect(new Set(seen.map(({ service }) => service.state))).toEqual(new Set(["restarting", "running"]));
  });

  test("goes on calling and being told afterwards", async () => {
    page.ask(2, "daemon", { method: "up", params: { name: "Home" } });
    expect(await page.message(({ id }) => id === 2)).toMatchObject({ ok: true });
    await until(() => state.snapshot?.networks[0]?.name === "Home");
  });

  test("says stopped when somebody stops it, with what starts it; calls are refused with that", async () => {
    await daemon.castaway("daemon", "--stop");
    await until(() => state.service.state === "stopped");
    expect(state.service).toMatchObject({ remedy: "sudo castaway daemon", action: null, access: "none" });
    page.ask(3, "daemon", { method: "down", params: {} });
    expect(await page.message(({ id }) => id === 3)).toMatchObject({
      ok: false,
      error: { code: "not-running", message: "The Castaway service is not running." },
    });
    await daemon.restart();
    await until(() => state.service.state === "running");
  });

  test("may not ask for what the interface has no use of", async () => {
    for (const [id, method] of ["shutdown", "owners.add", "logs", "dump"].entries())
      page.ask(10 + id, "daemon", { method, params: {} });
    for (let id = 10; id < 14; id++)
      expect(await page.message((message) => message["id"] === id)).toMatchObject({
        ok: false,
        error: { code: "bad-request" },
      });
    expect(daemon.running).toBe(true);
  });
});
