// What is shown of streams that come by AMT.
import { expect, test } from "vitest";
import type { Flow } from "#fastpath/flow-memory.ts";
import { Computer } from "./computer.ts";
import { FakeRelays } from "./fake-relays.ts";
import { link } from "./fake-devices.ts";
import { World } from "./world.ts";

const RELAY = "203.0.113.91";
const GROUP = "233.252.0.1";
const SOURCE = "198.51.100.10";

async function laptop(): Promise<{ world: World; at: Computer }> {
  const world = new World();
  const relays = new FakeRelays();
  relays.answers(RELAY);
  const at = await Computer.start(world, {
    name: "laptop",
    endpoint: { address: "192.0.2.7", port: 42268 },
    links: [link("eth0", { addresses: [{ address: "192.0.2.7", prefixLength: 24, scope: "global" }] })],
    amt: relays,
  });
  relays.plug(at.fast);
  return { world, at };
}

test("what a program asked for first has the id that a person is told afterwards", async () => {
  const { world, at } = await laptop();
  await at.call("up", { name: "Home" });
  await at.call("amt.relays", { relays: [RELAY] });
  at.joinsGroup(GROUP);
  await world.until(() => at.status().amt.joins.some(({ kept }) => !kept));
  const { id } = await at.call("amt.join", { group: GROUP });
  await world.run(1_000);
  expect(at.status().amt.joins).toMatchObject([{ id, group: GROUP, kept: true }]);
  await at.call("amt.leave", { id });
  await world.run(1_000);
  expect(at.status().amt.joins).toMatchObject([{ group: GROUP, kept: false }]);
});

test("what a relay sends is among the groups before anybody listens, and nothing else of that kind", async () => {
  const { world, at } = await laptop();
  await at.call("amt.join", { group: GROUP, source: SOURCE, relay: RELAY });
  await world.until(() => at.status().amt.joins[0]?.state === "waiting");
  const tunnel = [...at.engine.core.vifs.values()].find(({ name }) => name.startsWith("amt-"))!;
  const lan = [...at.engine.core.vifs.values()].find(({ name }) => name === "eth0")!;
  const flow = (vif: number, group: string): Flow => ({
    vif,
    group,
    source: SOURCE,
    egressCount: 0,
    packets: 100,
    bytes: 131_600,
    firstSeen: performance.now(),
    lastSeen: performance.now(),
    ttl: 8,
    rtpReceived: 0,
    rtpExpected: 0,
    content: { port: 5004, payload: "rtp-mpegts" },
  });
  at.fast.shownFlows = [flow(tunnel.id, GROUP), flow(lan.id, "239.9.9.9")];
  expect(at.status().groups).toMatchObject([
    { group: GROUP, source: SOURCE, inVif: tunnel.name, port: 5004, payload: "rtp-mpegts", listeners: [] },
  ]);
  expect(at.status().amt.joins).toMatchObject([{ state: "receiving", packets: 100, port: 5004 }]);
});
