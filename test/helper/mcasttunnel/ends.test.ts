// The server over real TCP on loopback, with far ends that misbehave.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { tunnelCounters } from "#protocol/mcasttunnel/counters.ts";
import { MAX_CLIENTS, TunnelClient, TunnelServer, type EndEvent } from "#runtime/mcasttunnel/ends.ts";
import { encodeTunnelled, TunnelledReader } from "#wire/mcasttunnel.ts";

async function start(heard: (payload: Uint8Array) => Promise<void> = async () => {}) {
  const counters = tunnelCounters();
  const events: EndEvent[] = [];
  const options = { address: "127.0.0.1", port: 0, counters, heard };
  const server = await TunnelServer.start({ ...options, said: (event) => events.push(event) });
  onTestFinished(() => server.close());
  const client = async (): Promise<Socket> => {
    const before = events.length;
    const socket = connect(server.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    await expect.poll(() => events.length, { interval: 2 }).toBeGreaterThan(before);
    return socket;
  };
  return { server, counters, events, client };
}

test("garbage ends its own connection, and no other", async () => {
  const heard: Uint8Array[] = [];
  const { server, counters, events, client } = await start(async (payload) => void heard.push(payload));
  const [good, bad] = [await client(), await client()];
  bad.write(Uint8Array.of(0, 1, 5, 0xff, 0xff, 1, 2, 3));
  await once(bad, "close");
  good.write(Uint8Array.of(0)); // a length in two parts
  good.write(Uint8Array.of(2, 6, 7));
  await expect.poll(() => heard).toEqual([Uint8Array.of(5), Uint8Array.of(6, 7)]);
  server.offer(Uint8Array.of(8));
  const [chunk] = (await once(good, "data")) as [Buffer];
  expect([...chunk]).toEqual([0, 1, 8]);
  expect(counters.drops["broken-stream"]).toBe(1);
  expect(events.filter(({ event }) => event === "disconnected")).toMatchObject([
    { why: "what it sent is not mcasttunnel's" },
  ]);
});

test("who does not read loses the oldest; who reads loses nothing", async () => {
  const { server, counters, client } = await start();
  const [reads, stalls] = [await client(), await client()];
  stalls.pause();
  const reader = new TunnelledReader();
  let got = 0;
  reads.on("data", (chunk) => reader.push(Buffer.from(chunk), () => got++));
  const payload = new Uint8Array(2048);
  let sent = 0;
  while (counters.drops["queue-full"] < 100 && sent < 50_000) {
    for (let i = 0; i < 20; i++, sent++) server.offer(payload);
    await expect.poll(() => got, { interval: 1 }).toBe(sent);
  }
  expect(counters.drops["queue-full"]).toBeGreaterThanOrEqual(100);
  expect(got).toBe(sent);
});

test("a far end that sends faster than the group takes it waits, and loses nothing", async () => {
  const taken = { all: 0, waiting: [] as (() => void)[] };
  const { client } = await start(() => {
    taken.all++;
    return new Promise((resolve) => taken.waiting.push(resolve));
  });
  const socket = await client();
  socket.write(Buffer.concat(Array.from({ length: 4_000 }, () => encodeTunnelled(new Uint8Array(1000)))));
  await expect.poll(() => taken.all, { interval: 2 }).toBeGreaterThan(256);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (let turns = 0; turns < 500; turns++) await turn(); // many more than 4,000 frames take
  expect(taken.all).toBeLessThan(1_000);
  while (taken.all < 4_000) {
    for (const done of taken.waiting.splice(0)) done();
    await turn();
  }
});

test("one client too many is turned away, and there is room again when one has gone", async () => {
  const { counters, events, client } = await start();
  const first = await client();
  for (let i = 1; i < MAX_CLIENTS; i++) await client();
  await client();
  expect(events.at(-1)?.event).toBe("refused");
  expect(counters.drops["refused-connection"]).toBe(1);
  first.destroy();
  await expect.poll(() => events.at(-1)?.event).toBe("disconnected");
  await client();
  expect(events.at(-1)?.event).toBe("connected");
});

test("what comes while nobody is there is counted, at either end", async () => {
  const { server, counters } = await start();
  server.offer(Uint8Array.of(1));
  expect(counters.drops["not-connected"]).toBe(1);
});

test("a client says why it has no connection, and drops what comes meanwhile", async () => {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, "close");
  const counters = tunnelCounters();
  const event = await new Promise<EndEvent>((said) => {
    const heard = async (): Promise<void> => {};
    const client = new TunnelClient({ address: "127.0.0.1", port, counters, heard, said });
    onTestFinished(() => client.close());
    client.offer(Uint8Array.of(1));
  });
  expect(event).toMatchObject({ event: "unreachable", peer: `127.0.0.1:${port}` });
  expect(event).toHaveProperty("why", expect.stringContaining("ECONNREFUSED"));
  expect(counters.drops["not-connected"]).toBe(1);
});

test("a TCP port that is taken is said", async () => {
  const { server } = await start();
  const options = { address: "127.0.0.1", counters: tunnelCounters(), heard: async () => {}, said: () => {} };
  await expect(TunnelServer.start({ ...options, port: server.port })).rejects.toThrow("EADDRINUSE");
});
