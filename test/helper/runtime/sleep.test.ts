// Lids that are closed, and networks that lead nowhere for a while.
import { describe, expect, test } from "vitest";
import { Computer, guestOf, HOME, host, LAPTOP } from "./computer.ts";
import { link } from "./fake-devices.ts";
import { World } from "./world.ts";

const BACK_WITHIN = 2_000;
const GROUP = "239.9.9.9";

/** Does what a source at home sends arrive on the laptop? */
function streams(home: Computer, laptop: Computer): () => boolean {
  return () => {
    const before = laptop.fast.delivered.length;
    home.hears("eth0", GROUP, "192.168.2.20");
    return laptop.fast.delivered.length > before;
  };
}

async function scene(): Promise<{ world: World; home: Computer; laptop: Computer }> {
  const world = new World();
  const home = await host(world, { ...HOME, links: [link("eth0")] });
  const laptop = await guestOf(home, world);
  laptop.joinsGroup(GROUP);
  await world.run(1_000);
  return { world, home, laptop };
}

const connected = (of: Computer): boolean => of.status().networks[0]?.state === "connected";

describe("a laptop that slept", () => {
  test.each([
    ["five seconds", 5_000],
    ["twenty seconds: the host has given it up", 20_000],
    ["a minute: the session is silent, its keys live", 60_000],
    ["five minutes: the keys are dead", 300_000],
    ["a night", 8 * 3_600_000],
  ])("for %s is back within two seconds, its groups too", async (_what, ms) => {
    const { world, home, laptop } = await scene();
    const flows = streams(home, laptop);
    await world.until(() => (flows(), laptop.fast.delivered.length > 0), 5_000);
    await laptop.sleep(ms);
    laptop.fast.delivered.length = 0;
    const took = await world.until(() => (flows(), laptop.fast.delivered.length > 0), 60_000);
    expect(took).toBeLessThan(BACK_WITHIN);
    expect([connected(home), connected(laptop)]).toEqual([true, true]);
  });

  test("and woke up in another network is back as soon", async () => {
    const { world, home, laptop } = await scene();
    laptop.moveTo({ address: "203.0.113.200", port: 9_000 });
    await laptop.sleep(300_000);
    const flows = streams(home, laptop);
    laptop.fast.delivered.length = 0;
    const took = await world.until(() => (flows(), laptop.fast.delivered.length > 0), 60_000);
    expect(took).toBeLessThan(BACK_WITHIN);
  });
});

test("a host that slept for five minutes has its guests back within two seconds", async () => {
  const { world, home, laptop } = await scene();
  const listening = (): void => {
    laptop.joinsGroup(GROUP); // as its kernel answers the queries
    setTimeout(listening, 60_000);
  };
  listening();
  await home.sleep(300_000);
  laptop.fast.delivered.length = 0;
  const flows = streams(home, laptop);
  const took = await world.until(() => (flows(), laptop.fast.delivered.length > 0), 60_000);
  expect(took).toBeLessThan(BACK_WITHIN);
});

describe("a network that leads nowhere at first (a captive portal)", () => {
  async function behindPortal(ms: number): Promise<{ world: World; laptop: Computer; passes: () => void }> {
    const world = new World();
    const home = await host(world, HOME);
    const invite = await home.invite();
    const laptop = await Computer.start(world, { ...LAPTOP, links: [link("eth0")] });
    let open = false;
    world.filter = (from, to) =>
      open || (from.address !== LAPTOP.endpoint.address && to.address !== LAPTOP.endpoint.address);
    const joined = laptop.call("join", { link: invite }).catch(() => {});
    await world.run(ms);
    void joined;
    return { world, laptop, passes: () => (open = true) };
  }

  test("the link is kept, and the laptop is in by itself once it passes", async () => {
    const { world, laptop, passes } = await behindPortal(15_000);
    passes();
    expect(await world.until(() => connected(laptop), 60_000)).toBeLessThan(1_500);
  });

  test("after an hour it still asks, twice a minute at least", async () => {
    const { world, laptop, passes } = await behindPortal(3_600_000);
    passes();
    expect(await world.until(() => connected(laptop), 60_000)).toBeLessThan(31_000);
  });

  test("after an hour it is in at once when the network changes", async () => {
    const { world, laptop, passes } = await behindPortal(3_600_000);
    passes();
    laptop.links.change([link("eth0")], { type: "default-route-changed" });
    expect(await world.until(() => connected(laptop), 60_000)).toBeLessThan(500);
  });
});
