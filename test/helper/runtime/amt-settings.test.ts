import { describe, expect, test } from "vitest";
import { HOME, host } from "./computer.ts";
import { failure } from "./failure.ts";
import { World } from "./world.ts";

const STREAM = { group: "232.1.1.1", source: "203.0.113.7" };

describe("streams that somebody asked for", () => {
  test("are kept over a restart, with what was said of them", async () => {
    const home = await host(new World(), HOME);
    const { id } = await home.call("amt.join", { ...STREAM, relay: "Relay.Example", port: 5004 });
    await home.call("amt.relays", { relays: ["192.0.2.7", "relay.example", "192.0.2.7"] });
    await home.call("amt.automatic", { on: false });
    await home.call("amt.relay", { enabled: true, maxGateways: 12 });
    await home.kill();
    const { amt } = (await home.again()).status();
    expect(amt).toMatchObject({
      relays: ["192.0.2.7", "relay.example"],
      automatic: false,
      joins: [{ id, ...STREAM, relay: "relay.example", port: 5004, kept: true }],
      relay: { enabled: true, maxGateways: 12 },
    });
  });

  test("are one, however often they are asked for; what is said last holds", async () => {
    const home = await host(new World(), HOME);
    const { id } = await home.call("amt.join", { ...STREAM, port: 5004 });
    expect(await home.call("amt.join", { ...STREAM, relay: "192.0.2.7" })).toEqual({ id });
    expect(home.status().amt.joins).toMatchObject([{ id, relay: "192.0.2.7", port: 5004 }]);
  });

  test("are left by id or by name, and not twice", async () => {
    const home = await host(new World(), HOME);
    const { id } = await home.call("amt.join", STREAM);
    await home.call("amt.join", { group: "ff3e:0::8000:1", source: "2001:db8:0::7" });
    await home.call("amt.leave", { id });
    await home.call("amt.leave", { group: "FF3E::8000:1", source: "2001:db8::7" });
    expect(home.status().amt.joins).toEqual([]);
    expect((await failure(home.call("amt.leave", STREAM))).code).toBe("not-found");
  });

  test("from anybody need a relay that somebody named", async () => {
    const home = await host(new World(), HOME);
    expect((await failure(home.call("amt.join", { group: "233.1.1.1" }))).code).toBe("bad-request");
    await home.call("amt.join", { group: "233.1.1.1", relay: "192.0.2.7" });
    await home.call("amt.relays", { relays: ["192.0.2.8"] });
    await home.call("amt.join", { group: "233.1.1.2" });
    expect(home.status().amt.joins).toHaveLength(2);
  });

  test.each([
    ["no group", { group: "203.0.113.7" }],
    ["a group that stays on its link", { group: "224.0.0.251" }],
    ["a source of the other family", { source: "2001:db8::7" }],
    ["a source that is a group", { source: "232.1.1.2" }],
    ["a relay that is a group", { relay: "232.1.1.3" }],
    ["a relay that is no name", { relay: "999.1.1.1" }],
  ])("%s is refused", async (_what, change) => {
    const home = await host(new World(), HOME);
    expect((await failure(home.call("amt.join", { ...STREAM, ...change }))).code).toBe("bad-request");
    expect(home.status().amt.joins).toEqual([]);
  });

  test("are 256 at most", async () => {
    const home = await host(new World(), HOME);
    for (let i = 0; i < 256; i++) await home.call("amt.join", { ...STREAM, group: `232.1.2.${i}` });
    expect((await failure(home.call("amt.join", STREAM))).code).toBe("conflict");
    await home.kill();
    expect((await home.again()).status().amt.joins).toHaveLength(256);
  });
});
