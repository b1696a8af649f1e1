// The DHT's process without the process: its node in a small DHT on loopback.
import HyperDHT from "hyperdht";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { payloadText, type DhtEvent } from "#dht/messages.ts";
import { DhtNode } from "#dht/node.ts";

const SEED = "11".repeat(32);
const KEY = HyperDHT.keyPair(Buffer.from(SEED, "hex")).publicKey.toString("hex");
const soon = { timeout: 15_000 };
const dht: HyperDHT[] = [];
const nodes: DhtNode[] = [];
let bootstrap: { host: string; port: number }[];

beforeAll(async () => {
  for (let i = 0; i < 4; i++) {
    const node = new HyperDHT({
      host: "127.0.0.1",
      port: 20_000 + (process.pid % 20_000) + 8 * i,
      ephemeral: false,
      firewalled: false,
      bootstrap: bootstrap ?? [],
    });
    await node.fullyBootstrapped();
    bootstrap ??= [{ host: "127.0.0.1", port: node.address().port }];
    dht.push(node);
  }
});
afterAll(async () => {
  for (const node of nodes) await node.close();
  for (const node of dht) await node.destroy({ force: true });
});

function start() {
  const events: DhtEvent[] = [];
  const frames: [number, string][] = [];
  const node = new DhtNode({
    bootstrap,
    relays: [],
    emit: (event) => void events.push(event),
    emitFrame: (call, frame) => void frames.push([call, Buffer.from(frame).toString()]),
  });
  nodes.push(node);
  const of = <Type extends DhtEvent["type"]>(type: Type): Extract<DhtEvent, { type: Type }>[] =>
    events.filter((one): one is Extract<DhtEvent, { type: Type }> => one.type === type);
  const seen = async <Type extends DhtEvent["type"]>(
    type: Type,
    holds: (event: Extract<DhtEvent, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<DhtEvent, { type: Type }>> => {
    await vi.waitFor(() => expect(of(type).some(holds), JSON.stringify(events)).toBe(true), soon);
    return of(type).find(holds)!;
  };
  return { node, frames, of, seen };
}

describe("a node of the DHT's process", () => {
  test("announces, is called, answers, and carries frames both ways", async () => {
    const host = start();
    host.node.handle({ type: "serve", seed: SEED });
    await host.seen("state", (state) => state.announced > 0);
    const guest = start();
    await guest.seen("nodes", ({ nodes: named }) => named.length > 0);
    guest.node.handle({ type: "call", call: 1, key: KEY, payload: payloadText(Buffer.from("sealed call")) });
    const called = await host.seen("called");
    expect(Buffer.from(called.payload, "base64").toString()).toBe("sealed call");
    expect(called.call % 2).toBe(0);
    host.node.handle({
      type: "answer",
      call: called.call,
      payload: payloadText(Buffer.from("sealed answer")),
    });
    const answered = await guest.seen("answered");
    expect(Buffer.from(answered.payload, "base64").toString()).toBe("sealed answer");

    await Promise.all([guest.seen("path"), host.seen("path")]);
    for (let i = 0; i < 100; i++) guest.node.handleFrame(1, Buffer.from(`frame ${i}`));
    await vi.waitFor(() => expect(host.frames).toHaveLength(100), soon);
    expect(host.frames[99]).toEqual([called.call, "frame 99"]);
    host.node.handleFrame(called.call, Buffer.from("back"));
    await vi.waitFor(() => expect(guest.frames).toEqual([[1, "back"]]), soon);

    guest.node.handle({ type: "hang-up", call: 1 });
    expect(await host.seen("ended")).toEqual({ type: "ended", call: called.call });
    expect(guest.of("ended")).toEqual([]); // it knows
  });

  test("says that nobody is there, and that who is there does not answer", async () => {
    const guest = start();
    guest.node.handle({ type: "call", call: 1, key: "ab".repeat(32), payload: payloadText(Buffer.of(1)) });
    expect(await guest.seen("failed")).toEqual({ type: "failed", call: 1, reason: "not-found" });

    const silent = "22".repeat(32);
    const host = start();
    host.node.handle({ type: "serve", seed: silent });
    await host.seen("state", (state) => state.announced > 0);
    const key = HyperDHT.keyPair(Buffer.from(silent, "hex")).publicKey.toString("hex");
    guest.node.handle({ type: "call", call: 3, key, payload: payloadText(Buffer.of(1)) });
    const { call } = await host.seen("called");
    expect(await host.seen("ended")).toEqual({ type: "ended", call });
    expect(await guest.seen("failed", (one) => one.call === 3)).toMatchObject({ reason: "no-answer" });
  });
});
