// The kernel's forwarding switches and packet filter, and router discovery, against the real kernel.
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kernelGateway } from "#edge/linux/kernel-gateway.ts";
import { openRouterSocket } from "#edge/linux/router-socket.ts";
import type { GatewayPlan, KernelGateway } from "#ports/gateway.ts";
import { Gateway } from "#runtime/gateway/gateway.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { parsePrefix } from "#wire/address.ts";
import { encodeRouterAdvertisement, encodeRouterSolicitation } from "#wire/router-discovery.ts";
import { forge6 } from "./edge-icmpv6.ts";
import { inside, ip, makeNamespaces, until, type Namespaces } from "./edge-namespaces.ts";

const missing = missingForLab();

const RA = encodeRouterAdvertisement({
  currentHopLimit: 64,
  managed: false,
  otherConfiguration: false,
  preference: "medium",
  routerLifetime: 600,
  reachableTime: 0,
  retransTimer: 0,
  sourceLinkLayer: undefined,
  mtu: undefined,
  prefixes: [],
  routes: [],
});
const PLAN: GatewayPlan = {
  tun: "lo",
  members: [parsePrefix("fd12:3456:789a::/48"), parsePrefix("100.70.0.0/22")],
  lans: [
    {
      interfaceName: "lan0",
      prefix: parsePrefix("fd77::/64"),
      mapped: parsePrefix("fd12:3456:789a:ffff::/64"),
    },
    { interfaceName: "lan0", prefix: parsePrefix("10.77.0.0/24"), mapped: parsePrefix("100.67.1.0/24") },
  ],
  subnets: [],
};

describe.skipIf(missing !== undefined)(`the gateway's edge${missing ? ` (${missing})` : ""}`, () => {
  let net: Namespaces;
  let kernel: KernelGateway;

  beforeAll(() => {
    net = makeNamespaces("gate");
    const near = inside(net.near, kernelGateway);
    // The gateway goes on after the walk into the namespace has ended.
    kernel = {
      instance: near.instance,
      load: (script) => inside(net.near, () => near.load(script)),
      read: (path) => inside(net.near, () => near.read(path)),
      write: (path, value) => inside(net.near, () => near.write(path, value)),
      addRoute: (prefix, name) => inside(net.near, () => near.addRoute(prefix, name)),
      removeRoute: (prefix, name) => inside(net.near, () => near.removeRoute(prefix, name)),
    };
  });
  afterAll(() => net?.remove());

  const tables = (): string =>
    execFileSync("ip", ["netns", "exec", net.near, "nft", "list", "tables"]).toString();

  test("a script takes effect whole or not at all, and nftables' own words are told", async () => {
    await expect(kernel.load("add table inet one\nadd rule inet nowhere chain drop\n")).rejects.toMatchObject(
      {
        message: expect.stringContaining("nftables refuses"),
        remedy: expect.stringContaining("nf_tables"),
      },
    );
    expect(tables()).toBe("");
    await kernel.load("add table inet one\n");
    expect(tables()).toBe("table inet one\n");
    await kernel.load("delete table inet one\n");
  });

  test("settings: read, written, absent, refused", () => {
    const path = "net/ipv4/conf/lan0/forwarding";
    expect(kernel.read(path)).toBe(0);
    kernel.write(path, 1);
    expect(kernel.read(path)).toBe(1);
    kernel.write(path, 0);
    expect(kernel.read("net/ipv4/conf/eth9/forwarding")).toBeUndefined();
    expect(() => kernel.write("net/ipv4/conf/eth9/forwarding", 1)).toThrow(/cannot be set: E/);
  });

  test("a route to a link comes and goes, and its absence is no error", () => {
    const prefix = parsePrefix("fd12:3456:789a:2::/64");
    kernel.addRoute(prefix, "lan0");
    kernel.addRoute(prefix, "lan0");
    expect(ip("-n", net.near, "-6", "route")).toContain("fd12:3456:789a:2::/64 dev lan0");
    kernel.removeRoute(prefix, "lan0");
    kernel.removeRoute(prefix, "lan0");
    expect(() => kernel.addRoute(prefix, "eth9")).toThrow(/eth9/);
    kernel.removeRoute(prefix, "eth9");
    expect(ip("-n", net.near, "-6", "route")).not.toContain("fd12");
  });

  test("a kernel with one switch for all of IPv6 keeps the way out that a router announced", async () => {
    kernel.write("net/ipv6/conf/lan0/accept_ra", 1);
    const router = inside(net.far, () => openRouterSocket("wire0", () => {}));
    const defaultRoute = (): string => ip("-n", net.near, "-6", "route", "show", "default");
    await until("a default route by router advertisement", () => {
      expect(router.send(RA)).toBe(true);
      return defaultRoute().includes("proto ra");
    });
    router.close();
    const older: KernelGateway = {
      ...kernel,
      read: (path) => (path.endsWith("force_forwarding") ? undefined : kernel.read(path)),
    };
    const gateway = new Gateway({
      kernel: older,
      record: { load: async () => undefined, save: async () => {}, remove: async () => {} },
      tun: "lo",
      interfaces: () => ["lo", "lan0"],
      clock: { now: () => 0, wall: () => 0 },
      log: { write: () => {} },
      changed: () => {},
    });
    const settings = (): (number | undefined)[] =>
      ["ipv6/conf/all/forwarding", "ipv6/conf/lan0/accept_ra", "ipv4/conf/lan0/forwarding"].map((path) =>
        kernel.read(`net/${path}`),
      );
    expect(settings()).toEqual([0, 1, 0]);
    gateway.want(PLAN);
    await gateway.settled();
    expect(gateway.problem).toBeUndefined();
    expect(settings()).toEqual([1, 2, 1]);
    expect(defaultRoute()).toContain("proto ra");
    expect(tables()).toContain("table inet castaway-lo");
    await gateway.close();
    expect(settings()).toEqual([0, 1, 0]);
    expect(defaultRoute()).toContain("proto ra");
    expect(tables()).toBe("");
  });

  test("solicitations come in from the link itself alone", async () => {
    const heard: string[] = [];
    const router = inside(net.near, () =>
      openRouterSocket("lan0", ({ type, body }, source) => heard.push(`${type} ${body.length} ${source}`)),
    );
    const solicitation = encodeRouterSolicitation({ sourceLinkLayer: undefined });
    const say = (hopLimit: number, message = solicitation): void =>
      inside(net.far, () => forge6("wire0", "ff02::2", message, hopLimit));
    say(254); // passed a router: from elsewhere
    say(255, { ...solicitation, type: 135 });
    say(255);
    await until("the solicitation", () => heard.length > 0);
    expect(heard).toEqual([expect.stringMatching(/^133 4 fe80::/)]);
    router.close();
  });

  test("no router on an interface that is not there", () => {
    expect(() => inside(net.near, () => openRouterSocket("eth9", () => {}))).toThrow(/eth9/);
  });
});
