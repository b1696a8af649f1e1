// Which streams the kernel is given, when, and what is taken back: with a kernel that keeps what it is told.
import { beforeEach, describe, expect, test } from "vitest";
import type { Flow } from "#fastpath/flow-memory.ts";
import type { KernelMulticast, KernelRoute } from "#ports/kernel-multicast.ts";
import type { SourceGroup } from "#ports/lan.ts";
import { Forwarding, FORWARDING_LIMITS } from "#protocol/forwarding/forwarding.ts";
import { EXIT_WIRE, type VifId } from "#protocol/forwarding/route-table.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { ANY_SOURCE } from "#protocol/membership/source-filter.ts";
import { Core } from "#runtime/core.ts";
import { KernelForwarding } from "#runtime/kernel-forwarding/kernel-forwarding.ts";
import type { LanVif } from "#runtime/lan-vif.ts";
import { NO_RULES } from "#runtime/proxy/plan.ts";
import { parsePrefix, type Family } from "#wire/address.ts";

const [NORTH, SOUTH, WEST, PEER] = [1, 2, 3, 4] as const;
const GROUP = "239.1.1.1";
const SOURCE = "10.0.0.2";

class FakeKernel implements KernelMulticast {
  readonly interfaces = new Set<number>();
  readonly routes = new Map<string, KernelRoute>();
  readonly counts = new Map<string, number>();
  wrong = 0;
  closed = false;
  addInterface(index: number): void {
    this.interfaces.add(index);
  }
  removeInterface(index: number): void {
    this.interfaces.delete(index);
  }
  setRoute(route: KernelRoute): void {
    this.routes.set(`${route.source} ${route.group}`, route);
  }
  removeRoute(source: string, group: string): void {
    this.routes.delete(`${source} ${group}`);
  }
  count(source: string, group: string): ReturnType<KernelMulticast["count"]> {
    const packets = this.counts.get(`${source} ${group}`) ?? 0;
    return { packets, bytes: 100 * packets, wrongInterface: this.wrong };
  }
  close(): void {
    this.closed = true;
  }
}

let now: number;
/** By how many LANs the stream leaves. */
let exits: number;
let core: Core;
let kernel: FakeKernel;
let it: KernelForwarding;
let flows: Flow[];
let raised: Set<string>;
let lans: LanVif[];
let left: Map<VifId, readonly SourceGroup[]>;
let log: string[];
let refuse: Error | undefined;
let opened: Family[];

/** What KernelForwarding uses of a LAN. */
function lan(id: VifId, ttlThreshold = 1, bitsPerSecond: number | null = null): LanVif {
  const use = { role: undefined, ttlThreshold, quickLeave: false, rules: { ...NO_RULES, bitsPerSecond } };
  const leaveToKernel = (streams: readonly SourceGroup[]): void => void left.set(id, streams);
  core.forwarding.addVif(id, { kind: "lan", upstream: true, ttlThreshold });
  return { id, mode: "full", interfaceIndex: 10 + id, use, leaveToKernel } as unknown as LanVif;
}

beforeEach(() => {
  now = 0;
  exits = 1;
  flows = [];
  raised = new Set();
  left = new Map();
  log = [];
  refuse = undefined;
  opened = [];
  kernel = new FakeKernel();
  const clock = { now: () => now, wall: () => now };
  core = new Core({
    clock,
    entropy: { bytes: (length) => new Uint8Array(length) },
    log: { write: (level, text) => void log.push(`${level} ${text}`) },
    fastPath: { send: () => {}, onEvent: () => {} },
    forwarding: new Forwarding({ ...FORWARDING_LIMITS, scope: scopePolicy(), lanToLan: false }),
    changed: () => {},
  });
  lans = [lan(NORTH), lan(SOUTH), lan(WEST, 12)];
  core.forwarding.addVif(PEER, { kind: "peer", network: "n", hostOfNetwork: true, upstream: true });
  it = new KernelForwarding({
    core,
    lans: () => lans,
    flows: () => flows,
    raised: () => raised,
    open: (family) => {
      if (refuse) throw refuse;
      opened.push(family);
      return kernel;
    },
  });
  core.scheduler.remove(it); // time goes by hand
  route("239.0.0.0/8", [SOUTH]);
});

function route(group: string, outVifs: readonly VifId[]): void {
  core.forwarding.addStaticRoute({ inVif: NORTH, group: parsePrefix(group), source: undefined, outVifs });
  core.tableChanged();
  core.turn();
}

const flowOf = (packets: number, group = GROUP, source = SOURCE): Flow =>
  ({ vif: NORTH, group, source, egressCount: exits, packets, bytes: 100 * packets, lastSeen: now }) as Flow;

/** A second goes by; the stream has so many packets more, and the kernel counts `counted` of them. */
function second(packets = 100, counted = packets, group = GROUP, source = SOURCE): void {
  now += 1_000;
  const key = `${source} ${group}`;
  const ours = !(left.get(NORTH) ?? []).some((stream) => stream.group === group);
  if (ours) flows = [flowOf((flows[0]?.packets ?? 0) + packets, group, source)];
  if (kernel.routes.has(key)) kernel.counts.set(key, (kernel.counts.get(key) ?? 0) + counted);
  it.handleTimeout(now);
}

const outOf = (group = GROUP, source = SOURCE): unknown => {
  const found = kernel.routes.get(`${source} ${group}`);
  return found && [found.inInterface, ...[...found.out].map(([index, ttl]) => `${index}>${ttl}`)];
};

describe("a stream from LAN to LAN", () => {
  test("is tried, then the kernel's: it is left out of every LAN's socket, and counted from the kernel", () => {
    second();
    expect(outOf()).toBeUndefined(); // nobody knows its rate yet
    second();
    expect(outOf()).toEqual([11]); // counted, and sent nowhere
    expect(left.size).toBe(0);
    second();
    expect(outOf()).toEqual([11, "12>1"]);
    expect([...left.keys()]).toEqual([NORTH, SOUTH, WEST]);
    expect(left.get(NORTH)).toEqual([{ source: SOURCE, group: GROUP }]);
    second();
    second();
    expect(it.merged(flows)).toMatchObject([{ packets: 500, bytes: 50_000, lastSeen: now }]);
    expect(it.merged([])).toMatchObject([{ group: GROUP, packets: 500 }]); // nothing of it was seen here for long
    expect(it.traffic(NORTH)).toEqual({ rxPackets: 200, rxBytes: 20_000, txPackets: 0, txBytes: 0 });
    expect(it.traffic(SOUTH)).toEqual({ rxPackets: 0, rxBytes: 0, txPackets: 200, txBytes: 20_000 });
  });

  test("with a threshold: the kernel has it of IPv4, and none of IPv6", () => {
    route("239.2.0.0/16", [WEST]);
    route("ff1e::/16", [SOUTH, WEST]);
    exits = 2;
    for (let i = 0; i < 3; i++) second(100, 100, "239.2.2.2");
    expect(outOf("239.2.2.2")).toEqual([11, "12>1", "13>12"]);
    flows = [];
    for (let i = 0; i < 4; i++) second(100, 100, "ff1e::1", "2001:db8::1");
    expect(opened).toEqual([4]);
  });

  test("that the kernel does not count stays ours, and is not tried again for a minute", () => {
    for (let i = 0; i < 30; i++) second(100, 0);
    expect(outOf()).toBeUndefined();
    expect(left.size).toBe(0);
    for (let i = 0; i < 35; i++) second(100, 100);
    expect(outOf()).toEqual([11, "12>1"]);
  });

  test("that comes in by another interface in the kernel's eyes stays ours", () => {
    kernel.wrong = 1e9;
    for (let i = 0; i < 5; i++) second();
    expect(left.size).toBe(0);
  });

  test("that leaves by fewer LANs than the table says, or by one with a rate limit, stays ours", () => {
    exits = 0; // a proxy's rules keep it off
    for (let i = 0; i < 5; i++) second();
    exits = 2;
    lans.push(lan(9, 1, 1_000_000));
    route("239.1.1.0/24", [9]);
    for (let i = 0; i < 5; i++) second();
    expect(opened).toEqual([]);
  });

  test("that is slow, that a member wants too, or whose TTL is raised is not tried", () => {
    for (let i = 0; i < 5; i++) second(19);
    core.listeners(PEER, EXIT_WIRE, GROUP, ANY_SOURCE);
    core.turn();
    for (let i = 0; i < 5; i++) second();
    core.listeners(PEER, EXIT_WIRE, GROUP, undefined);
    core.turn();
    raised.add(GROUP);
    for (let i = 0; i < 5; i++) second();
    expect(opened).toEqual([]);
  });
});

describe("is taken back, its counts kept,", () => {
  beforeEach(() => {
    for (let i = 0; i < 4; i++) second();
    expect(outOf()).toEqual([11, "12>1"]);
  });

  function expectBack(): void {
    expect(outOf()).toBeUndefined();
    expect([...left.values()]).toEqual([[], [], []]);
    expect(it.merged(flows)).toMatchObject([{ packets: 400 }]);
  }

  test("at once when a member wants it too", () => {
    core.listeners(PEER, EXIT_WIRE, GROUP, ANY_SOURCE);
    core.turn();
    expectBack();
  });

  test("when its LANs are others, and when they are gone", () => {
    route("239.1.0.0/16", [WEST]);
    expectBack();
    exits = 2;
    for (let i = 0; i < 2; i++) second();
    expect(outOf()).toEqual([11, "12>1", "13>12"]);
    lans = lans.filter(({ id }) => id !== SOUTH);
    core.forwarding.removeVif(SOUTH);
    core.tableChanged();
    core.turn();
    expect(outOf()).toBeUndefined();
  });

  test("when the kernel counts nothing for three seconds", () => {
    for (let i = 0; i < 3; i++) second(0);
    expectBack();
  });

  test("when more than a tenth comes in by another interface, and stays ours for a minute", () => {
    kernel.wrong = 9;
    second();
    expect(outOf()).toEqual([11, "12>1"]);
    kernel.wrong = 29;
    second();
    expect(outOf()).toBeUndefined();
    for (let i = 0; i < 58; i++) second();
    expect(outOf()).toBeUndefined();
  });

  test("at the end", () => {
    it.close();
    expectBack();
    expect(kernel.closed).toBe(true);
  });
});

test("unused for a minute, the kernel's router is left to other programs", () => {
  for (let i = 0; i < 4; i++) second();
  for (let i = 0; i < 3; i++) second(0);
  flows = [];
  for (let i = 0; i < 60; i++) second(0);
  expect(kernel.closed).toBe(true);
});

test("another program has the kernel's router: said once, asked again a minute later, and we go on", () => {
  refuse = new Error("EADDRINUSE");
  for (let i = 0; i < 150; i++) second();
  expect(log.filter((line) => line.startsWith("info"))).toEqual([
    "info the kernel does not forward IPv4 from LAN to LAN: Castaway does it",
  ]);
  expect(left.size).toBe(0);
  refuse = undefined;
  for (let i = 0; i < 62; i++) second();
  expect(outOf()).toEqual([11, "12>1"]);
});

test("at most 64 streams at a time; no timer where nothing goes from LAN to LAN", () => {
  for (let look = 1; look < 5; look++) {
    now += 1_000;
    flows = Array.from({ length: 100 }, (_, i) => flowOf(100 * look, `239.1.2.${i}`));
    for (const key of kernel.routes.keys()) kernel.counts.set(key, 100 * look);
    it.handleTimeout(now);
  }
  expect(kernel.routes.size).toBe(64);
  expect(it.pollTimeout()).toBe(now + 1_000);
  it.close();
  for (const one of core.forwarding.staticRoutes()) core.forwarding.removeStaticRoute(one);
  expect(it.pollTimeout()).toBeUndefined();
});
