// The daemon's end of the DHT's process, with a test double at the other end that may be hostile.
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DhtEvent } from "#dht/messages.ts";
import { encodeFrame, encodeMessage, PipeReader } from "#dht/pipe.ts";
import { DhtProcess } from "#runtime/dht/dht-process.ts";

let now = 0;
let started: { name: string; token: string }[];
let ends: number;
let heard: DhtEvent[];
let frames: number;
let lost: number;
let owner: number | undefined;
let dht: DhtProcess;
let sockets: Socket[];

beforeEach(() => {
  now = 0;
  started = [];
  heard = [];
  sockets = [];
  ends = frames = lost = 0;
  owner = 7;
  dht = new DhtProcess({
    launcher: {
      uid: 7,
      start: (name, token) => void started.push({ name, token }),
      end: () => void ends++,
    },
    clock: { now: () => now, wall: () => now },
    log: { write: () => {} },
    uidOf: () => owner,
    ready: () => dht.send({ type: "start", bootstrap: [], relays: [] }),
    event: (event) => void heard.push(event),
    frame: () => void frames++,
    lost: () => void lost++,
    due: () => {},
  });
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  dht.stop();
});

async function launched(count = 1): Promise<{ name: string; token: string }> {
  await vi.waitFor(() => expect(started).toHaveLength(count), 5_000);
  return started.at(-1)!;
}

async function connected(name: string): Promise<Socket> {
  const socket = connect(`\0${name}`);
  socket.on("error", () => {});
  sockets.push(socket);
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

async function running(): Promise<Socket> {
  dht.start();
  const { name, token } = await launched(started.length + 1);
  const socket = await connected(name);
  socket.write(encodeMessage({ type: "hello", token }));
  await vi.waitFor(() => expect(dht.state).toBe("running"));
  return socket;
}

describe("the DHT's process", () => {
  test("is told to start when it has proved who it is, and heard from then on", async () => {
    const socket = await running();
    const said: string[] = [];
    const reader = new PipeReader();
    socket.on("data", (chunk: Buffer) => {
      for (const item of reader.push(chunk)) if (item.kind === "message") said.push(item.text);
    });
    const state = { type: "state", online: true, nodes: 3, announced: 0 } as const;
    socket.write(encodeMessage(state));
    socket.write(encodeFrame(2, new Uint8Array(40)));
    await vi.waitFor(() => expect(heard).toEqual([state]));
    await vi.waitFor(() => expect(frames).toBe(1));
    await vi.waitFor(() => expect(said).toEqual(['{"type":"start","bootstrap":[],"relays":[]}']));
  });

  test("another user, a wrong token and a silent stranger do not take its place", async () => {
    dht.start();
    const { name, token } = await launched();
    owner = 8;
    const other = await connected(name);
    await new Promise((resolve) => other.once("close", resolve));
    owner = 7;
    const guessing = await connected(name);
    guessing.write(encodeMessage({ type: "hello", token: "00".repeat(32) }));
    await new Promise((resolve) => guessing.once("close", resolve));
    await connected(name); // says nothing
    const right = await connected(name);
    right.write(encodeMessage({ type: "hello", token }));
    await vi.waitFor(() => expect(dht.state).toBe("running"));
    expect(dht.counters).toMatchObject({ strangers: 2, offences: 0, losses: 0 });
    // The token counts once.
    const second = await connected(name);
    second.write(encodeMessage({ type: "hello", token }));
    await new Promise((resolve) => second.once("close", resolve));
    expect(dht.state).toBe("running");
  });

  test.each([
    ["no message", Buffer.from("000100", "hex")],
    ["a message of no known kind", encodeMessage({ type: "exec", command: "id" })],
    ["a second hello", encodeMessage({ type: "hello", token: "00".repeat(32) })],
    ["no item of the pipe", Buffer.from("ffff00", "hex")],
    [
      "a flood of messages",
      Buffer.concat(Array<Uint8Array>(5_000).fill(encodeMessage({ type: "ended", call: 2 }))),
    ],
    ["a flood of frames", Buffer.concat(Array<Uint8Array>(30_000).fill(encodeFrame(2, new Uint8Array(1))))],
  ])("%s: it is ended, counted, and not started again for a minute", async (_what, bytes) => {
    const socket = await running();
    socket.write(bytes);
    await vi.waitFor(() => expect(dht.counters.offences).toBe(1), 10_000);
    expect(dht.state).toBe("waiting");
    expect([ends, lost]).toEqual([1, 1]);
    expect(heard.length).toBeLessThanOrEqual(200);
    expect(dht.pollTimeout()).toBe(60_000);
    now = 60_000;
    dht.handleTimeout(now);
    await launched(2);
  });

  test("one that does not read is ended before it has cost more than a megabyte or so", async () => {
    const socket = await running();
    socket.pause();
    const payload = Buffer.alloc(600).toString("base64");
    for (let i = 0; i < 5_000 && dht.state === "running"; i++) dht.send({ type: "answer", call: 2, payload });
    expect(dht.counters.offences).toBe(1);
  });

  test("frames that it does not read are dropped, the oldest first", async () => {
    const socket = await running();
    socket.pause();
    const frame = new Uint8Array(1_400);
    for (let i = 0; i < 4_000; i++) dht.sendFrame(2, frame);
    expect(dht.state).toBe("running");
    expect(dht.counters.framesDropped).toBeGreaterThan(3_000);
  });

  test("dies: it comes back, later each time, and soon after it ran well", async () => {
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const socket = await running();
      socket.destroy();
      await vi.waitFor(() => expect(dht.state).toBe("waiting"));
      waits.push(dht.pollTimeout()! - now);
      now = dht.pollTimeout()!;
      dht.handleTimeout(now);
      dht.stop();
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    const socket = await running();
    now += 60_000;
    socket.destroy();
    await vi.waitFor(() => expect(dht.state).toBe("waiting"));
    expect(dht.pollTimeout()! - now).toBe(500);
  });

  test("one that never comes is given up and tried again", async () => {
    dht.start();
    await launched();
    now = dht.pollTimeout()!;
    expect(now).toBe(20_000);
    dht.handleTimeout(now);
    expect(dht.state).toBe("waiting");
    expect(dht.counters.losses).toBe(1);
  });
});
