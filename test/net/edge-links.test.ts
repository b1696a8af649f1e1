// Interfaces as they are and as they change.
import { execFileSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openLinks } from "#edge/linux/interfaces.ts";
import { isLan } from "#ports/links.ts";
import type { LinkEvent, Links } from "#ports/links.ts";
import { indexOf, inside, ip, makeNamespaces, until } from "./edge-namespaces.ts";
import type { Namespaces } from "./edge-namespaces.ts";

let net: Namespaces;
let links: Links;
beforeAll(() => {
  net = makeNamespaces("link");
  links = inside(net.near, openLinks);
});
afterAll(() => {
  links?.close();
  net?.remove();
});

test("the list: kinds, state, addresses, MAC, default route, ports of bridges", () => {
  ip("-n", net.near, "link", "add", "br0", "type", "bridge");
  ip("-n", net.near, "link", "add", "port0", "type", "veth", "peer", "name", "port1");
  ip("-n", net.near, "link", "set", "port0", "master", "br0");
  for (const name of ["br0", "port0"]) ip("-n", net.near, "link", "set", name, "up");
  ip("-n", net.near, "tuntap", "add", "dev", "tap9", "mode", "tun");
  ip("-n", net.near, "route", "add", "default", "via", "10.77.0.2");
  const list = new Map(links.list().map((link) => [link.name, link]));
  const mac = /link\/ether (\S+)/.exec(ip("-n", net.near, "link", "show", "lan0"))![1]!.split(":");
  expect(list.get("lan0")).toMatchObject({
    index: indexOf(net.near, "lan0"),
    kind: "ethernet",
    up: true,
    running: true,
    multicast: true,
    mac: Uint8Array.from(mac.map((byte) => parseInt(byte, 16))),
    mtu: 1500,
    master: undefined,
    defaultRoute: true,
  });
  expect(list.get("lan0")!.addresses).toEqual(
    expect.arrayContaining([
      { address: "10.77.0.1", prefixLength: 24, scope: "global" },
      { address: "fd77::1", prefixLength: 64, scope: "global" },
      expect.objectContaining({ prefixLength: 64, scope: "link" }),
    ]),
  );
  expect(list.get("lo")).toMatchObject({ kind: "loopback", mac: undefined, defaultRoute: false });
  expect(list.get("br0")).toMatchObject({ kind: "bridge", up: true });
  expect(list.get("port0")).toMatchObject({ master: list.get("br0")!.index, running: false });
  expect(list.get("port1")).toMatchObject({ up: false });
  expect(list.get("tap9")).toMatchObject({ kind: "tun", mac: undefined });
  expect([...list.values()].filter(isLan).map((link) => link.name)).toEqual(["lan0", "br0"]);
  ip("-n", net.near, "route", "del", "default");
  expect(links.list().find((link) => link.name === "lan0")!.defaultRoute).toBe(false);
});

describe("events", () => {
  const events: LinkEvent[] = [];
  let watch: { close(): void };
  beforeEach(() => {
    events.length = 0;
    watch = inside(net.near, () => links.watch((event) => events.push(event)));
  });
  afterEach(() => watch.close());
  const has = (expected: Partial<LinkEvent>): boolean =>
    events.some((event) =>
      Object.entries(expected).every(([key, value]) => Reflect.get(event, key) === value),
    );

  test("an interface that comes, is renamed, and goes", async () => {
    ip("-n", net.near, "link", "add", "new0", "type", "veth", "peer", "name", "new1");
    const index = indexOf(net.near, "new0");
    await until("its coming", () => has({ type: "link-changed", index, name: "new0" }));
    ip("-n", net.near, "link", "set", "new0", "name", "renamed0");
    await until("its new name", () => has({ type: "link-changed", index, name: "renamed0" }));
    ip("-n", net.near, "link", "del", "renamed0");
    await until("its going", () => has({ type: "link-removed", index, name: "renamed0" }));
  });

  test("a carrier that is lost shows as a change", async () => {
    const index = indexOf(net.near, "lan0");
    const running = (): boolean => links.list().find((link) => link.index === index)!.running;
    ip("-n", net.far, "link", "set", "wire0", "down");
    await until("the loss", () => has({ type: "link-changed", index }) && !running());
    events.length = 0;
    ip("-n", net.far, "link", "set", "wire0", "up");
    await until("the return", () => has({ type: "link-changed", index }) && running());
  });

  test("addresses and default routes of both families, and no other routes", async () => {
    const index = indexOf(net.near, "lan0");
    for (const [address, length] of [
      ["192.0.2.7", 25],
      ["2001:db8:7::7", 64],
    ] as const) {
      const of = (type: LinkEvent["type"]): boolean =>
        events.some(
          (event) =>
            event.type === type &&
            "prefix" in event &&
            event.prefix.address === address &&
            event.index === index,
        );
      ip(
        "-n",
        net.near,
        "addr",
        "add",
        `${address}/${length}`,
        "dev",
        "lan0",
        ...(length === 64 ? ["nodad"] : []),
      );
      await until(`${address} coming`, () => of("address-added"));
      ip("-n", net.near, "addr", "del", `${address}/${length}`, "dev", "lan0");
      await until(`${address} going`, () => of("address-removed"));
    }
    ip("-n", net.near, "route", "add", "198.51.100.0/24", "via", "10.77.0.2");
    ip("-n", net.near, "route", "del", "198.51.100.0/24", "via", "10.77.0.2");
    expect(has({ type: "default-route-changed" })).toBe(false);
    for (const [family, gateway] of [
      ["-4", "10.77.0.2"],
      ["-6", "fd77::2"],
    ] as const) {
      for (const change of ["add", "del"]) {
        events.length = 0;
        ip("-n", net.near, family, "route", change, "default", "via", gateway);
        await until(`default route ${family} ${change}`, () => has({ type: "default-route-changed" }));
      }
    }
  });

  test("more than the socket holds is one resync, and the watch goes on", async () => {
    const commands = "link set lan0 txqueuelen 900\nlink set lan0 txqueuelen 1000\n".repeat(3000);
    // Nothing is read while this thread waits for the child.
    execFileSync("ip", ["-n", net.near, "-batch", "-"], { input: commands });
    await until("the resync", () => has({ type: "resync" }));
    ip("-n", net.near, "addr", "add", "192.0.2.9/32", "dev", "lan0");
    await until("an event after it", () => has({ type: "address-added" }));
  });

  test("a closed watch says nothing more", async () => {
    watch.close();
    ip("-n", net.near, "link", "set", "lan0", "txqueuelen", "777");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(events).toEqual([]);
  });
});
