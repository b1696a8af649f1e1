// The real server, on loopback and on a Unix socket.
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { FAMILIES } from "#runtime/metrics/families.ts";
import { Exposition, type ExpositionFormat } from "#runtime/metrics/exposition.ts";
import type { ListenPlace } from "#runtime/metrics/listen-place.ts";
import { MetricsServer } from "#runtime/metrics/metrics-server.ts";
import { readExposition } from "./read-exposition.ts";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

interface Options {
  readonly deadlineMs?: number;
  readonly text?: (format: ExpositionFormat) => string;
  readonly place?: ListenPlace;
}

/** A port that nobody had a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function open(options: Options = {}) {
  const counters = { scrapes: 0, refused: 0 };
  const logged: string[] = [];
  const time = { now: 0 };
  let made = 0;
  const text = (format: ExpositionFormat): string => {
    const out = new Exposition();
    out.add("uptime", {}, ++made);
    return out.text(format);
  };
  const place = options.place ?? { kind: "tcp", host: "127.0.0.1", port: await freePort() };
  const server = await MetricsServer.open(place, {
    text: options.text ?? text,
    counters,
    clock: { now: () => time.now, wall: () => 0 },
    log: { write: (level, message) => void logged.push(`${level} ${message}`) },
    ...(options.deadlineMs !== undefined && { deadlineMs: options.deadlineMs }),
  });
  onTestFinished(() => server.close().catch(() => {}));
  return { counters, logged, time, place, server };
}

function ask(
  place: ListenPlace,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
  body = "",
) {
  return new Promise<Answer>((resolve, reject) => {
    const to = place.kind === "unix" ? { socketPath: place.path } : { host: place.host, port: place.port };
    const asked = request({ ...to, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Bytes as they are, and what comes back until the connection ends. */
function say(place: ListenPlace, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = plug(place);
    let heard = "";
    socket.on("data", (piece) => (heard += piece.toString()));
    socket.on("error", () => {}).on("close", () => resolve(heard));
    socket.write(text);
  });
}

function plug(place: ListenPlace): Socket {
  if (place.kind === "unix") return connect(place.path);
  return connect(place.port, place.host);
}

describe("GET /metrics", () => {
  test("is answered in the format that is asked for, and the connection ends", async () => {
    const { place, counters } = await open();
    const plain = await ask(place, "/metrics");
    expect(plain).toMatchObject({
      status: 200,
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8", connection: "close" },
    });
    expect(readExposition(plain.body, "prometheus").has(FAMILIES.uptime.name)).toBe(true);
    const accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.1";
    const open1 = await ask(place, "/metrics?name=x", { accept });
    expect(open1.headers["content-type"]).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(readExposition(open1.body, "openmetrics").has(FAMILIES.uptime.name)).toBe(true);
    expect(counters).toEqual({ scrapes: 2, refused: 0 });
  });

  test("is answered with the same text within a second", async () => {
    const { place, time } = await open();
    const first = (await ask(place, "/metrics")).body;
    time.now = 999;
    expect((await ask(place, "/metrics")).body).toBe(first);
    time.now = 1_000;
    expect((await ask(place, "/metrics")).body).not.toBe(first);
  });

  test.each(["localhost:9469", "127.0.0.1", "127.9.9.9:1", "[::1]:80", "LOCALHOST"])(
    "by the name %s",
    async (host) => {
      const { place } = await open();
      expect((await ask(place, "/metrics", { host })).status).toBe(200);
    },
  );

  test("is answered on a Unix socket by any name, since no browser comes there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "castaway-metrics-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "metrics.sock");
    const { place, server } = await open({ place: { kind: "unix", path } });
    expect(statSync(path).mode & 0o777).toBe(0o666);
    expect((await ask(place, "/metrics", { host: "metrics.example" })).status).toBe(200);
    await server.close();
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe("everything else is refused and counted", () => {
  test.each(["evil.example", "127.0.0.1.evil.example", "evil.example:9469", "10.0.0.1", "localhost:1:2"])(
    "another name (DNS rebinding): %j",
    async (host) => {
      const { place, counters } = await open();
      expect((await ask(place, "/metrics", { host })).status).toBe(421);
      expect(counters).toEqual({ scrapes: 0, refused: 1 });
    },
  );

  test("no name at all", async () => {
    const { place, counters } = await open();
    expect(await say(place, "GET /metrics HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 421 /);
    expect(await say(place, "GET /metrics HTTP/1.1\r\nHost:\r\n\r\n")).toMatch(/^HTTP\/1\.1 421 /);
    expect(counters).toEqual({ scrapes: 0, refused: 2 });
  });

  test.each([
    "/",
    "/metrics/",
    "//metrics",
    "/Metrics",
    "/metrics/../metrics",
    "/%6detrics",
    "*",
    "http://x/metrics",
  ])("another path: %s", async (path) => {
    const { place, counters } = await open();
    expect((await ask(place, path)).status).toBe(404);
    expect(counters.refused).toBe(1);
  });

  test.each(["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])("another method: %s", async (method) => {
    const { place, counters } = await open();
    expect(await ask(place, "/metrics", {}, method)).toMatchObject({
      status: 405,
      headers: { allow: "GET" },
    });
    expect(counters.refused).toBe(1);
  });

  test("a body", async () => {
    const { place, counters } = await open();
    expect((await ask(place, "/metrics", { "content-length": "3" }, "GET", "abc")).status).toBe(413);
    expect((await ask(place, "/metrics", { "transfer-encoding": "chunked" }, "GET", "abc")).status).toBe(413);
    expect(counters).toEqual({ scrapes: 0, refused: 2 });
  });

  test("a second request on the connection", async () => {
    const { place, counters } = await open();
    const one = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const heard = await say(place, one.repeat(3));
    expect(heard.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
    expect(counters.scrapes).toBeLessThanOrEqual(3);
  });

  test.each([
    ["no HTTP", "\u0016\u0003\u0001 hello\r\n\r\n"],
    ["headers beyond 8 KiB", `GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
    [
      "two lengths",
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    ],
  ])("%s", async (_what, text) => {
    const { place, counters } = await open();
    expect(await say(place, text)).not.toContain("castaway_");
    expect(counters).toMatchObject({ scrapes: 0, refused: 1 });
    expect((await ask(place, "/metrics")).status).toBe(200);
  });

  test("CONNECT and upgrades open nothing", async () => {
    const { place } = await open();
    expect(await say(place, "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n")).toBe("");
    const upgrade = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    expect(await say(place, upgrade)).toContain("404");
  });
});

test("who does not finish, or does not read, is gone at the deadline, and counted", async () => {
  const large = "x".repeat(16 << 20);
  const { place, counters } = await open({ deadlineMs: 100, text: () => large });
  expect(await say(place, "GET /metr")).not.toContain("castaway_");
  const lazy = plug(place).on("error", () => {});
  lazy.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise<void>((resolve) => lazy.once("readable", resolve)); // and does not read
  const heard = await new Promise<number>((resolve) => {
    let bytes = 0;
    setTimeout(
      () => lazy.on("data", (piece) => (bytes += piece.length)).on("close", () => resolve(bytes)),
      150,
    );
  });
  expect(heard).toBeLessThan(large.length);
  expect(counters).toEqual({ scrapes: 1, refused: 2 });
});

test("more connections than 16 are closed, and counted", async () => {
  const { place, counters } = await open();
  const plugs: Socket[] = [];
  for (let i = 0; i < 16; i++) {
    const socket = plug(place);
    await new Promise((resolve) => socket.once("connect", resolve));
    plugs.push(socket);
  }
  expect(await say(place, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")).toBe("");
  expect(counters.refused).toBe(1);
  for (const socket of plugs) socket.destroy();
});

test("figures that cannot be written are 500, logged, and no end of the daemon", async () => {
  const { place, logged } = await open({
    text: () => {
      throw new Error("no counters");
    },
  });
  const { status, body } = await ask(place, "/metrics");
  expect({ status, body }).toEqual({ status: 500, body: expect.not.stringContaining("no counters") });
  expect(logged).toEqual(["error the metrics could not be written"]);
});

describe("a place that cannot be had is a sentence", () => {
  test("another program's port", async () => {
    const { place } = await open();
    await expect(open({ place })).rejects.toMatchObject({
      code: "conflict",
      remedy: expect.stringContaining("9470"),
    });
  });

  test("another program's socket, and a file that is none", async () => {
    const folder = mkdtempSync(join(tmpdir(), "castaway-metrics-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const place = { kind: "unix", path: join(folder, "a.sock") } as const;
    await open({ place });
    await expect(open({ place })).rejects.toMatchObject({
      message: `another program listens on ${place.path}`,
    });
    writeFileSync(join(folder, "b"), "text");
    await expect(open({ place: { kind: "unix", path: join(folder, "b") } })).rejects.toMatchObject({
      message: expect.stringContaining("is not a socket"),
    });
  });
});
