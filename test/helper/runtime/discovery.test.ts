import { describe, expect, test } from "vitest";
import { decodeMdns, encodeMdns } from "#runtime/discovery/dns-codec.ts";
import type { ServiceRecord } from "#wire/control-services.ts";
import { type Computer, guestOf, HOME, host, LAPTOP, type ComputerOptions } from "./computer.ts";
import { link } from "./fake-devices.ts";
import { World } from "./world.ts";

const HOME_WITH_LAN: ComputerOptions = { ...HOME, links: [link("lan", { index: 1 })] };
const LAPTOP_ABROAD: ComputerOptions = { ...LAPTOP, links: [link("wlan", { index: 7 })] };
const PTR: ServiceRecord = {
  name: "_http._tcp.local",
  ttl: 4_500,
  data: { type: "PTR", target: "Films._http._tcp.local" },
};
const OWN: ServiceRecord = { name: "own.local", ttl: 120, data: { type: "A", address: "192.168.1.10" } };
const BOX: ServiceRecord = { name: "box.local", ttl: 120, data: { type: "A", address: "192.168.1.20" } };

/** Something on a computer's LAN says what it has. */
function announce(at: Computer, from: string, ...records: ServiceRecord[]): void {
  const [bytes] = encodeMdns({ id: 0, response: true, questions: [], records });
  for (const { options } of at.linkSockets)
    if (options.group === "224.0.0.251") options.received(bytes!, { address: from, port: 5353 });
}

/** What was said on a computer's LAN since the last time: names, with "gone" for goodbyes. */
function said(at: Computer): string[] {
  const all = [...at.linkSockets].filter(({ options }) => options.group === "224.0.0.251");
  return all
    .flatMap(({ sent }) => sent.splice(0))
    .map((bytes) => decodeMdns(bytes)!)
    .filter(({ response }) => response)
    .flatMap(({ records }) =>
      records.map(
        ({ name, ttl, data }) =>
          `${name} ${"address" in data ? data.address : data.type}${ttl === 0 ? " gone" : ""}`,
      ),
    )
    .sort();
}

async function pair(world: World): Promise<{ home: Computer; laptop: Computer }> {
  const home = await host(world, HOME_WITH_LAN);
  const laptop = await guestOf(home, world, LAPTOP_ABROAD);
  return { home, laptop };
}

describe("discovery", () => {
  test("is off until the host switches a proxy on, for its guests, too; and off again", async () => {
    const world = new World();
    const { home, laptop } = await pair(world);
    const running = () => [home, laptop].map((one) => one.status().sharing.proxies);
    expect(running()).toEqual([[], []]);
    expect(home.linkSockets.size).toBe(0);
    await home.call("presets.set", { preset: "cast", on: true });
    await world.run(1_000);
    expect(running()).toEqual([
      ["mdns", "ssdp"],
      ["mdns", "ssdp"],
    ]);
    // On the LAN that the laptop visits, nothing leaves it; at home it does.
    expect(new Set([...laptop.linkSockets].map(({ options }) => options.ttl))).toEqual(new Set([0]));
    expect(Math.min(...[...home.linkSockets].map(({ options }) => options.ttl))).toBeGreaterThan(0);
    await home.call("presets.set", { preset: "cast", on: false });
    await world.run(1_000);
    expect(running()).toEqual([[], []]);
    expect(home.linkSockets.size + laptop.linkSockets.size).toBe(0);
  });

  test("shows a guest what is there, with addresses that lead there", async () => {
    const world = new World();
    const { home, laptop } = await pair(world);
    await home.call("presets.set", { preset: "mdns", on: true });
    await world.run(1_000);
    announce(home, "192.168.1.20", PTR, BOX);
    announce(home, "192.168.1.10", OWN);
    await world.run(1_000);
    const own = home.status().networks[0]!.ownAddresses.find((address) => !address.includes(":"))!;
    // The LAN is not shared: the box can be seen in what it announces, but not reached.
    expect(said(laptop)).toEqual([`${PTR.name} PTR`, `own.local ${own}`]);
    announce(home, "192.168.1.20", { ...PTR, ttl: 0 });
    await world.run(1_000);
    expect(said(laptop)).toEqual([`${PTR.name} PTR gone`]);
  });

  test("answers nobody who is not on the link: the address may be forged", async () => {
    const world = new World();
    const { home, laptop } = await pair(world);
    await home.call("presets.set", { preset: "cast", on: true });
    await laptop.call("presets.set", { preset: "cast", on: true });
    await world.run(1_000);
    announce(laptop, "192.168.7.10", { ...PTR, data: { type: "PTR", target: "Mine._http._tcp.local" } });
    await world.run(1_000);
    said(home);
    const questions = [{ type: "PTR" as const, name: PTR.name }];
    const [question] = encodeMdns({ id: 7, response: false, questions, records: [] });
    const search = Buffer.from(
      'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n',
    );
    const ask = async (address: string): Promise<number[]> => {
      for (const { options } of home.linkSockets)
        if (options.hearsGroup)
          options.received(options.port === 1900 ? search : question!, { address, port: 4000 });
      await world.run(1_000);
      const searched = [...laptop.linkSockets].filter(
        ({ options }) => options.port === 1900 && !options.hearsGroup,
      );
      return [said(home).length, searched.flatMap(({ sent }) => sent.splice(0)).length];
    };
    expect(await ask("203.0.113.9")).toEqual([0, 0]);
    const [answered, searches] = await ask("192.168.1.20");
    expect([answered! > 0, searches! > 0]).toEqual([true, true]);
  });

  test("tells the host nothing of a guest's own side, until the guest says so", async () => {
    const world = new World();
    const { home, laptop } = await pair(world);
    await home.call("presets.set", { preset: "mdns", on: true });
    await world.run(1_000);
    const mine: ServiceRecord = {
      name: "laptop.local",
      ttl: 120,
      data: { type: "A", address: "192.168.7.10" },
    };
    const theirs: ServiceRecord = {
      name: "stranger.local",
      ttl: 120,
      data: { type: "A", address: "192.168.7.99" },
    };
    announce(laptop, "192.168.7.10", mine);
    announce(laptop, "192.168.7.99", theirs);
    await world.run(1_000);
    expect(said(home)).toEqual([]);
    await laptop.call("presets.set", { preset: "mdns", on: true });
    await world.run(1_000);
    const address = laptop.status().networks[0]!.ownAddresses.find((one) => !one.includes(":"))!;
    expect(said(home)).toEqual([`laptop.local ${address}`]);
  });

  test("keeps what it shows while the host is away for a moment, and not for longer", async () => {
    const world = new World();
    const { home, laptop } = await pair(world);
    await home.call("presets.set", { preset: "mdns", on: true });
    await world.run(1_000);
    announce(home, "192.168.1.20", PTR);
    await world.run(1_000);
    expect(said(laptop)).toEqual([`${PTR.name} PTR`]);
    const elsewhere = { address: "192.0.2.99", port: 1 };
    const { endpoint } = home;
    home.moveTo(elsewhere); // nobody reaches it there, and it does not know
    world.unbind(elsewhere);
    await world.until(() => laptop.status().networks[0]!.state !== "connected");
    await world.run(5_000);
    home.moveTo(endpoint);
    await world.until(() => laptop.status().networks[0]!.state === "connected");
    await world.run(5_000);
    expect(said(laptop)).toEqual([]);
    await home.kill();
    await world.until(() => laptop.status().networks[0]!.state !== "connected");
    await world.run(20_000);
    expect(said(laptop)).toEqual([`${PTR.name} PTR gone`]);
  });
});
