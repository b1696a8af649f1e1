// node test/bench/ui-frames.ts: whether the Streams screen keeps 60 frames a second while 500 groups change each second,
// with the interface as it is built and served, in a real browser.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { CDPSession, Page } from "playwright-core";
import { build } from "vite";
import { WebSocketServer } from "ws";
import { SECURITY_HEADERS } from "#main/web/headers.ts";
import { filesIn, type StaticFiles } from "#main/web/static-files.ts";
import { startBrowser } from "#test/support/app/browser.ts";
import { answerCalls, moved, SCENES } from "#test/support/app/fake-scene.ts";
import { FakeShell } from "#test/support/app/fake-shell.ts";

const SCENE = "streams-crowd";
const UPDATE_MS = 1_000;
const SETTLE_MS = 3_000;
const MEASURE_MS = 15_000;
const FRAME_MS = 1_000 / 60;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "castaway-frames-"));
  try {
    await build({ configFile: "vite.config.ts", logLevel: "warn", build: { outDir: folder } });
    await measure(filesIn(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(files: StaticFiles): Promise<void> {
  const scene = SCENES[SCENE];
  if (!scene) throw new Error(`there is no scene "${SCENE}"`);
  const shell = new FakeShell(scene());
  answerCalls(shell);
  const server = serve(files, shell);
  const timer = setInterval(() => {
    const groups = shell.state.snapshot?.groups ?? [];
    shell.change({ snapshot: { groups: moved(groups) } });
  }, UPDATE_MS);
  const browser = await startBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 860 } });
    const session = await page.context().newCDPSession(page);
    // The processor's time, not the clock's: the machine may have other work.
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    await report("an empty page, for comparison", page, session);
    const faults: string[] = [];
    page.on("console", (message) => void (message.type() === "error" && faults.push(message.text())));
    page.on("pageerror", (error) => void faults.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/#/streams`);
    await page.waitForSelector("li[data-index]");
    await report("list, at rest", page, session);
    await page.evaluate(SCROLL);
    await report("list, scrolling", page, session);
    await page.evaluate("clearInterval(window.scrolling); scrollTo(0, 0)");
    await page.locator(".tabs button").nth(1).click();
    await report("picture", page, session);
    await page.emulateMedia({ reducedMotion: "reduce" });
    await report("picture, reduced motion", page, session);
    for (const fault of faults) console.log(`the page complains: ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
  } finally {
    clearInterval(timer);
    await browser.close();
    server.close();
    server.closeAllConnections();
  }
}

/** From top to bottom and back, a fast turn of the wheel each frame or two. */
const SCROLL = `{
  let step = 40;
  window.scrolling = setInterval(() => {
    const before = scrollY;
    scrollBy(0, step);
    if (scrollY === before) step = -step;
  }, 16);
}`;

/** Times between animation frames of the page, in ms. */
const FRAMES = `new Promise((done) => {
  const deltas = [];
  const end = performance.now() + ${MEASURE_MS};
  let last = 0;
  const frame = (now) => {
    if (last > 0) deltas.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(frame); else done(deltas);
  };
  requestAnimationFrame(frame);
})`;

async function report(what: string, page: Page, session: CDPSession): Promise<void> {
  await wait(SETTLE_MS);
  const before = await metrics(session);
  const deltas = ((await page.evaluate(FRAMES)) as number[]).sort((a, b) => a - b);
  const after = await metrics(session);
  const at = (share: number): string => (deltas[Math.floor(share * (deltas.length - 1))] ?? 0).toFixed(1);
  const late = deltas.filter((delta) => delta > 1.5 * FRAME_MS).length;
  const spent = (name: string): string =>
    `${((((after[name] ?? 0) - (before[name] ?? 0)) * 1e6) / MEASURE_MS).toFixed(0)} ms`;
  console.log(
    `${what}: frames p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms; ` +
      `${late} of ${deltas.length} late; a second costs the main thread ${spent("TaskDuration")}, of these scripts ` +
      `${spent("ScriptDuration")}, styles ${spent("RecalcStyleDuration")}, layout ${spent("LayoutDuration")}`,
  );
}

/** Seconds, by Chromium's names. */
async function metrics(session: CDPSession): Promise<Record<string, number>> {
  const { metrics } = await session.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

/** As the web shell serves it, with the same headers, and without its token. */
function serve(files: StaticFiles, shell: FakeShell): Server {
  const server = createServer(({ url }, response) => {
    const file = files.get(new URL(url ?? "/", "http://localhost").pathname);
    if (!file) return response.writeHead(404, SECURITY_HEADERS).end();
    response.writeHead(200, { ...SECURITY_HEADERS, "Content-Type": file.type }).end(file.encoded("identity"));
  });
  new WebSocketServer({ server, path: "/socket" }).on("connection", (client) => {
    const output = (text: string): void => client.send(text);
    const input = shell.attach(output);
    client.on("message", (data) => input(String(data)));
    client.on("close", () => shell.detach(output));
  });
  return server.listen(0, "127.0.0.1");
}

await main();
