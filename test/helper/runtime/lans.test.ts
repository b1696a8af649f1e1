import { describe, expect, test } from "vitest";
import type { Link } from "#ports/links.ts";
import { defaultLanMode } from "#runtime/lan-policy.ts";
import { Computer, guestOf, HOME, host, LAPTOP, PHONE } from "./computer.ts";
import { link } from "./fake-devices.ts";
import { World } from "./world.ts";

describe("how an interface is used that nobody chose about", () => {
  const privateOnly = { defaultRoute: false };
  const publicOnly = {
    defaultRoute: false,
    addresses: [{ address: "203.0.113.4", prefixLength: 24, scope: "global" }],
  } as const;
  const ula = {
    defaultRoute: false,
    addresses: [{ address: "fd00::4", prefixLength: 64, scope: "global" }],
  } as const;
  test.each<[string, Partial<Link>, boolean, string]>([
    ["a LAN, by the host", {}, true, "full"],
    ["a LAN, by a guest", {}, false, "local"],
    ["without the way out, but with a private address", privateOnly, true, "full"],
    ["with a ULA", ula, true, "full"],
    ["with neither", publicOnly, true, "local"],
    ["without a carrier", { running: false }, true, "off"],
    ["switched off", { up: false }, true, "off"],
    ["the port of a bridge", { master: 7 }, true, "off"],
    ["a bridge", { kind: "bridge" }, true, "full"],
    ["wireless", { kind: "wifi" }, true, "full"],
    ["loopback", { kind: "loopback", mac: undefined }, true, "off"],
    ["another tunnel", { kind: "tun", mac: undefined }, true, "off"],
    ["what carries no multicast", { multicast: false }, true, "off"],
  ])("%s", (_what, change, hosting, mode) => {
    expect(defaultLanMode(link("eth0", change), hosting)).toBe(mode);
  });
});

const lans = (of: Computer): string[] =>
  of.status().lans.map(({ name, mode, pinned }) => `${name} ${mode}${pinned ? " pinned" : ""}`);

describe("LANs", () => {
  test("become shared when a network is hosted, and no one else's when it is not any more", async () => {
    const world = new World();
    const home = await Computer.start(world, {
      ...HOME,
      links: [link("eth0"), link("lo", { kind: "loopback", index: 1 })],
    });
    expect(lans(home)).toEqual(["eth0 local"]);
    const before = home.engine.lans.vifs()[Symbol.iterator]().next().value!;
    home.fast.keepsVifs = true;
    await home.call("up", { name: "Home" });
    expect(lans(home)).toEqual(["eth0 full"]);
    expect(home.lans.map(({ mode, closed }) => [mode, closed])).toEqual([
      ["local", false],
      ["full", false],
    ]);
    home.fast.emit({ type: "vif-removed", vif: before.id }); // the fast path has let go of its descriptors
    await world.run(10);
    expect(home.lans[0]!.closed).toBe(true);
    await home.call("down", {});
    expect(lans(home)).toEqual(["eth0 local"]);
  });

  test("that were chosen by hand stay as they are, over a restart too; the command line wins", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0"), link("eth1", { index: 3 })] });
    await home.call("lans.set", { name: "eth0", mode: "off" });
    expect(lans(home)).toEqual(["eth0 off pinned", "eth1 full"]);
    await home.stop();
    const again = await home.again({ lans: [{ name: "eth1", mode: "local" }] });
    expect(lans(again)).toEqual(["eth0 off pinned", "eth1 local pinned"]);
    expect(again.vifNames()).toEqual(["castaway0", "eth1"]);
  });

  test("come and go while the daemon runs", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0")] });
    const usb = link("usb0", { index: 9 });
    home.links.change([link("eth0"), usb], { type: "link-changed", index: 9, name: "usb0" });
    await world.until(() => home.vifNames().includes("usb0"), 1_000);
    home.links.change([link("eth0")], { type: "link-removed", index: 9, name: "usb0" });
    await world.until(() => !home.vifNames().includes("usb0"), 1_000);
    await world.run(10);
    expect(home.lans.map(({ interfaceIndex, closed }) => [interfaceIndex, closed])).toEqual([
      [2, true], // local, before the network was there
      [2, false],
      [9, true],
    ]);
    // Another device under the same name is another LAN.
    home.links.change([link("eth0", { index: 5 })], { type: "link-changed", index: 5, name: "eth0" });
    await world.until(() => home.lans.at(-1)!.interfaceIndex === 5, 1_000);
    expect(home.lans[1]!.closed).toBe(true);
  });

  test("that cannot be opened are said, tried again, and cost nothing", async () => {
    const world = new World();
    const home = await Computer.start(world, HOME);
    home.brokenLans.add("eth0");
    home.links.links = [link("eth0")];
    await home.call("up", { name: "Home" });
    expect(home.status().warnings).toMatchObject([
      { code: "lan-failed", message: expect.stringContaining("permission denied") as string },
    ]);
    const doctor = await home.call("doctor", {});
    expect(doctor.checks.find(({ name }) => name === "lan eth0")).toMatchObject({ status: "fail" });
    // Far more often than there are vifs.
    for (let i = 0; i < 600; i++) home.engine.settingsChanged();
    home.brokenLans.clear();
    home.engine.settingsChanged();
    expect(home.status().warnings).toEqual([]);
    expect(home.vifNames()).toEqual(["castaway0", "eth0"]);
    await guestOf(home, world);
  });

  test("whose descriptor fails are opened anew, as often as it happens", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0")] });
    for (let i = 0; i < 600; i++) {
      const vif = [...home.engine.core.vifs.values()].find(({ name }) => name === "eth0")!;
      home.fast.emit({ type: "vif-failed", vif: vif.id, errno: 100 });
      await world.run(1);
    }
    await world.run(10);
    expect(home.vifNames()).toEqual(["castaway0", "eth0"]);
    expect(home.lans.filter(({ closed }) => !closed)).toHaveLength(1);
  });
});

describe("joins", () => {
  test("of guests are the kernel's joins on the host's LAN, and are left with the last of them", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0")] });
    const laptop = await guestOf(home, world);
    const phone = await guestOf(home, world, PHONE);
    for (const one of [laptop, phone]) one.joinsGroup("239.1.1.1");
    laptop.joinsGroup("239.255.255.250"); // SSDP does not cross
    await world.run(1_000);
    expect([...home.joins.joined]).toEqual([["2 239.1.1.1", "exclude"]]);
    laptop.joinsGroup("239.1.1.1", false);
    await world.run(1_000);
    expect(home.joins.joined.size).toBe(1);
    await phone.kill();
    await world.until(() => home.joins.joined.size === 0, 120_000);
  });

  test("of programs that joined on a LAN before the daemon started are served", async () => {
    const world = new World();
    const home = await Computer.start(world, HOME);
    const anySource = { mode: "exclude", sources: new Set<string>() } as const;
    home.joins.local.set(2, new Map([["239.7.7.7", anySource]]));
    home.links.links = [link("eth0")];
    await home.call("up", { name: "Home" });
    const laptop = await guestOf(home, world);
    await world.run(1_000);
    expect(laptop.engine.core.forwarding.dump().groups.map(({ group }) => group)).toEqual(["239.7.7.7"]);
    laptop.hears("castaway0", "239.7.7.7", "10.0.0.9");
    await world.run(100);
    expect(home.fast.delivered.map((line) => line.slice(2))).toEqual(["local 239.7.7.7"]);
    // The program ends: found by itself, although the kernel may send no report.
    home.joins.local.clear();
    await world.until(() => laptop.engine.core.forwarding.dump().groups.length === 0, 60_000);
  });
});

test("two members on one LAN: one of them carries, and the other one when that is gone", async () => {
  const world = new World();
  const home = await host(world);
  const plugged = (name: string, index: number) => ({
    links: [link("eth0", { index })],
    segments: { eth0: "hotel" },
    lans: [{ name: "eth0", mode: "full" as const }],
    name,
  });
  const laptop = await guestOf(home, world, { ...LAPTOP, ...plugged("laptop", 2) });
  const phone = await guestOf(home, world, { ...PHONE, ...plugged("phone", 3) });
  await world.run(3_000);
  const roles = () =>
    [laptop, phone].map(
      (one) => one.log.lines().findLast(({ message }) => message.includes("on a LAN"))?.message,
    );
  expect(roles().filter((role) => role?.includes("forwarder"))).toHaveLength(1);
  const [first, second] = roles()[0]!.includes("forwarder") ? [laptop, phone] : [phone, laptop];
  // What the LAN's source sends crosses once.
  home.joinsGroup("239.1.1.1");
  await world.run(500);
  for (const one of [laptop, phone]) one.hears("eth0", "239.1.1.1", "192.168.2.77");
  await world.run(100);
  expect(home.fast.delivered).toHaveLength(1);
  await first.stop();
  await world.run(2_000);
  second.hears("eth0", "239.1.1.1", "192.168.2.77");
  await world.run(100);
  expect(home.fast.delivered).toHaveLength(2);
});
