import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { linuxStreamSockets } from "#edge/linux/stream-sockets.ts";
import { MAX_STRANGERS_OF_ADDRESS } from "#protocol/reach/stranger-streams.ts";
import type { StreamTarget } from "#protocol/session/session-types.ts";
import { INITIATION_LENGTH } from "#wire/frame-handshake.ts";
import { streamsEnd, until, type StreamsEnd } from "./world.ts";

/** As an initiation begins in a stream. */
const HELLO = Buffer.concat([
  Buffer.of(0, INITIATION_LENGTH, 1, 0, 0, 0),
  Buffer.alloc(INITIATION_LENGTH - 4, 5),
]);
const NEVER = new AbortController().signal;

async function freePort(): Promise<number> {
  const listener = linuxStreamSockets.listen(0, () => {});
  listener.close();
  return listener.port;
}

async function host(tls = false): Promise<StreamsEnd & { port: number }> {
  const port = await freePort();
  const end = streamsEnd(port);
  end.settings = { ...end.settings, tls };
  end.streaming.incoming.listen([port]); // port 443 is not for tests of an ordinary user
  return Object.assign(end, { port });
}

const guest = (environment: NodeJS.ProcessEnv = {}): StreamsEnd => streamsEnd(1, environment);
const target = (port: number, kind: "tcp" | "tls", more: Partial<StreamTarget> = {}): StreamTarget => ({
  kind,
  host: "127.0.0.1",
  port,
  proxied: false,
  ...more,
});

/** Opens, and says hello, so that the host takes it for what it is. */
async function opened(
  from: StreamsEnd,
  to: StreamsEnd,
  what: StreamTarget,
): Promise<{ near: number; far: number }> {
  const count = to.added.length;
  const endpoint = await from.streaming.caller.open(what, NEVER);
  from.write(endpoint.stream!, HELLO);
  await until("the host has it", () => to.added.length > count);
  return { near: endpoint.stream!, far: to.added.at(-1)!.stream };
}

async function receive(end: StreamsEnd, stream: number, length: number): Promise<Buffer> {
  let all = Buffer.alloc(0);
  await until(`${length} bytes`, () => {
    all = Buffer.concat([all, end.read(stream)]);
    return all.length >= length;
  });
  return all;
}

function client(port: number): Socket & { ended: boolean } {
  const socket = Object.assign(connect(port, "127.0.0.1"), { ended: false });
  socket
    .on("close", () => (socket.ended = true))
    .on("error", () => {})
    .resume();
  onTestFinished(() => void socket.destroy());
  return socket;
}

describe.each(["tcp", "tls"] as const)("%s", (kind) => {
  test("bytes arrive as they were written, both ways, and the path is known by its kind", async () => {
    const to = await host(kind === "tls");
    const from = guest();
    const { near, far } = await opened(from, to, target(to.port, kind));
    expect(await receive(to, far, HELLO.length)).toEqual(HELLO);
    const answer = Buffer.alloc(100_000, 7);
    for (let done = 0; done < answer.length;) {
      const wrote = to.write(far, answer.subarray(done));
      if (wrote > 0) done += wrote;
      else await new Promise((resolve) => setTimeout(resolve, 5));
      if (done < answer.length) from.read(near);
    }
    await until("some of it", () => from.read(near).length > 0);
    const { endpoint } = { endpoint: { address: "127.0.0.1", port: to.port, stream: near } };
    expect(from.paths.of(endpoint)).toBe(kind);
    expect(to.added[0]!.remote.address).toBe("127.0.0.1");
  });

  test("when one end lets go, the other one hears of it", async () => {
    const to = await host(kind === "tls");
    const from = guest();
    const { near, far } = await opened(from, to, target(to.port, kind));
    from.streaming.streams.remove(near);
    await until("closed here", () => from.closed.includes(near));
    await receive(to, far, HELLO.length);
    await until("its end is there to read", () => linuxStreamSockets.peek(to.added[0]!.fd, 1)?.length === 0);
    to.streaming.streams.handle({ type: "stream-closed", stream: far, errno: 0 });
    expect([to.closed, to.streaming.streams.size]).toEqual([[far], 0]);
  });

  test("a call that is given up leaves nothing open", async () => {
    const server = createServer(() => {}).listen(0, "127.0.0.1"); // takes connections and says nothing
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const from = guest();
    const controller = new AbortController();
    controller.abort(new Error("not needed"));
    const { port } = server.address() as AddressInfo;
    await expect(from.streaming.caller.open(target(port, kind), controller.signal)).rejects.toThrow(
      "not needed",
    );
    expect(from.streaming.streams.size).toBe(0);
  });
});

test("where nobody listens a call fails at once", async () => {
  const before = performance.now();
  const refused = guest().streaming.caller.open(target(await freePort(), "tcp"), NEVER);
  await expect(refused).rejects.toThrow("ECONNREFUSED");
  expect(performance.now() - before).toBeLessThan(5_000);
});

test("TLS is off until it is switched on, and then on the same port", async () => {
  const to = await host(false);
  await expect(guest().streaming.caller.open(target(to.port, "tls"), NEVER)).rejects.toThrow(/./);
  expect(to.streaming.incoming.counters).toMatchObject({ unknown: 1, members: 0 });
  to.settings = { ...to.settings, tls: true };
  await opened(guest(), to, target(to.port, "tls"));
});

describe("strangers", () => {
  test.each(["GET / HTTP/1.1\r\n\r\n", "\0\0", "\x16\x03", "SSH-2.0"])(
    "that begin with %j are hung up on",
    async (said) => {
      const to = await host();
      const socket = client(to.port);
      socket.write(said);
      await until("it is closed", () => socket.ended);
      expect([to.added.length, to.streaming.incoming.counters.unknown]).toEqual([0, 1]);
    },
  );

  test("have ten seconds, however little they say", async () => {
    const to = await host(true);
    const silent = client(to.port);
    const slow = client(to.port);
    slow.write(HELLO.subarray(0, 20));
    const slowTls = connectTls({ port: to.port, host: "127.0.0.1", rejectUnauthorized: false });
    const tls = Object.assign(slowTls, { ended: false });
    tls
      .on("close", () => (tls.ended = true))
      .on("error", () => {})
      .on("secureConnect", () => tls.write("GET / HT"));
    onTestFinished(() => void tls.destroy());
    const { incoming } = to.streaming;
    await until("all are there", () => incoming.counters.accepted === 3 && to.added.length === 1);
    expect(incoming.pollTimeout()! - performance.now()).toBeLessThanOrEqual(10_000);
    incoming.handleTimeout(performance.now() + 9_000);
    expect([silent.ended, slow.ended]).toEqual([false, false]);
    incoming.handleTimeout(performance.now() + 10_001);
    await until("all are closed", () => silent.ended && slow.ended && tls.ended);
    expect(incoming.counters.expired).toBe(3);
    expect(to.streaming.streams.size).toBe(0);
  });

  test("of one address are few, but whoever proved to be a member takes none of their places", async () => {
    const to = await host();
    const { incoming } = to.streaming;
    for (let i = 0; i < 20; i++) {
      const { far } = await opened(guest(), to, target(to.port, "tcp"));
      to.streaming.streams.handle({ type: "stream-authenticated", stream: far, vif: i });
    }
    expect(incoming.counters).toMatchObject({ accepted: 20, members: 20, refused: 0 });
    const sockets = Array.from({ length: MAX_STRANGERS_OF_ADDRESS + 5 }, () => client(to.port));
    await until("five are closed", () => sockets.filter(({ ended }) => ended).length === 5);
    expect(incoming.counters.refused).toBe(5);
    incoming.handleTimeout(performance.now() + 60_000);
    expect(to.streaming.streams.size).toBe(20);
  });

  test("a member that opens one stream after the other keeps two", async () => {
    const to = await host();
    const streams: number[] = [];
    for (let i = 0; i < 6; i++) {
      const { far } = await opened(guest(), to, target(to.port, "tcp"));
      to.streaming.streams.handle({ type: "stream-authenticated", stream: far, vif: 5 });
      streams.push(far);
    }
    await until("the older ones are closed", () => to.closed.length === 4);
    expect(to.closed).toEqual(streams.slice(0, 4));
  });

  test("a member that is known no more keeps no stream open", async () => {
    const to = await host();
    const { far } = await opened(guest(), to, target(to.port, "tcp"));
    to.streaming.streams.handle({ type: "stream-authenticated", stream: far, vif: 5 });
    to.streaming.streams.vifRemoved(4);
    expect(to.streaming.streams.size).toBe(1);
    to.streaming.streams.vifRemoved(5);
    await until("it is closed", () => to.closed.includes(far));
    expect(to.streaming.streams.size).toBe(0);
  });

  test("text in a WebSocket, and what is no WebSocket, get nowhere", async () => {
    const to = await host(true);
    const secure = connectTls({ port: to.port, host: "127.0.0.1", rejectUnauthorized: false });
    let said = "";
    secure.on("data", (bytes: Buffer) => (said += bytes.toString())).on("error", () => {});
    onTestFinished(() => void secure.destroy());
    secure.write("GET /admin HTTP/1.1\r\nHost: x\r\n\r\n");
    await until("an answer", () => said.includes("\r\n\r\n"));
    expect(said).toMatch(/^HTTP\/1.1 404 Not Found/);
    const { default: WebSocket } = await import("ws");
    const ws = new WebSocket(`wss://127.0.0.1:${to.port}/`, { rejectUnauthorized: false });
    ws.on("error", () => {});
    await new Promise((resolve) => ws.once("open", resolve));
    ws.send("text");
    await new Promise((resolve) => ws.once("close", resolve));
    const big = new WebSocket(`wss://127.0.0.1:${to.port}/`, { rejectUnauthorized: false });
    big.on("error", () => {});
    await new Promise((resolve) => big.once("open", resolve));
    big.send(Buffer.alloc(100_000));
    await new Promise((resolve) => big.once("close", resolve));
  });
});

test("through a proxy, which asks for a name and a password", async () => {
  const to = await host(true);
  const asked: string[] = [];
  const proxy = createServer((socket) => {
    socket.once("data", (bytes) => {
      asked.push(bytes.toString());
      const far = connect(to.port, "127.0.0.1");
      far
        .on("error", () => socket.destroy())
        .on("connect", () => {
          socket.write("HTTP/1.0 200 Here you are\r\n\r\n");
          socket.pipe(far).pipe(socket);
        });
      socket.on("error", () => far.destroy());
    });
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void proxy.close());
  await new Promise((resolve) => proxy.once("listening", resolve));
  const { port } = proxy.address() as AddressInfo;
  const from = guest({ https_proxy: `http://me:word@127.0.0.1:${port}` });
  const { far } = await opened(from, to, target(443, "tls", { host: "home.example", proxied: true }));
  expect(await receive(to, far, HELLO.length)).toEqual(HELLO);
  expect(asked[0]).toContain("CONNECT home.example:443 HTTP/1.1\r\n");
  expect(asked[0]).toContain("Proxy-Authorization: Basic bWU6d29yZA==\r\n");
  expect(JSON.stringify(from.log)).not.toContain("word");
});

test("a port that is taken is a problem that is shown, and is looked at again", async () => {
  const first = await host();
  const second = streamsEnd(first.port);
  second.streaming.refresh();
  expect(second.streaming.incoming.problems.get(first.port)?.reason).toContain("EADDRINUSE");
  first.streaming.close();
  second.streaming.refresh();
  expect(second.streaming.incoming.problems.size).toBe(0);
});

test("what is handed over is a stream like any other, and its end is told", async () => {
  const end = guest();
  const [near, far] = linuxStreamSockets.pair();
  onTestFinished(() => linuxStreamSockets.close(far));
  const ended: number[] = [];
  const remote = { address: "198.51.100.4", port: 4000 };
  const endpoint = end.streaming.streams.adopt({
    fd: near,
    remote,
    kind: "relayed",
    by: "meet.example",
    ended: (errno) => ended.push(errno),
  });
  expect(endpoint).toEqual({ ...remote, stream: 1 });
  expect(end.paths.text(endpoint)).toBe("relayed by meet.example");
  end.streaming.streams.handle({ type: "stream-closed", stream: 1, errno: 104 });
  expect([ended, end.closed, end.paths.of(endpoint)]).toEqual([[104], [1], "tcp"]);
});
