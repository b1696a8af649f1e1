import { beforeEach, describe, expect, test } from "vitest";
import { Gateway } from "#runtime/gateway/gateway.ts";
import type { GatewayRecord } from "#runtime/gateway/gateway-record.ts";
import type { GatewayPlan } from "#ports/gateway.ts";
import { parsePrefix } from "#wire/address.ts";
import { FakeGateway } from "../runtime/fake-devices.ts";

const plan = (interfaceName: string): GatewayPlan => ({
  tun: "castaway0",
  members: [parsePrefix("100.70.0.0/22")],
  lans: [{ interfaceName, prefix: parsePrefix("192.168.1.0/24"), mapped: undefined }],
  subnets: [],
});
const ETH0 = "net/ipv4/conf/eth0/forwarding";
const ETH1 = "net/ipv4/conf/eth1/forwarding";
const TUN = "net/ipv4/conf/castaway0/forwarding";

let kernel: FakeGateway;
let kept: GatewayRecord | undefined;

function gateway(tun = "castaway0"): Gateway {
  return new Gateway({
    kernel,
    record: {
      load: async () => kept,
      save: async (record) => void (kept = record),
      remove: async () => void (kept = undefined),
    },
    tun,
    interfaces: () => ["castaway0", "eth0", "eth1"],
    clock: { now: () => 0, wall: () => 1_000 },
    log: { write: () => {} },
    changed: () => {},
  });
}

/** The settings that are 1. */
const on = (): string[] => [...kernel.settings].filter(([, value]) => value === 1).map(([path]) => path);

async function want(of: Gateway, wanted: GatewayPlan | undefined, again = false): Promise<void> {
  of.want(wanted, again);
  await of.settled();
}

beforeEach(() => {
  kernel = new FakeGateway();
  kept = undefined;
});

test("on and off: everything is as it was", async () => {
  kernel.settings.set(ETH1, 1); // somebody else's doing
  const one = gateway();
  await want(one, plan("eth0"));
  expect(one.applied).toEqual(plan("eth0"));
  expect(kernel.rules).toContain('oifname "eth0"');
  expect(on()).toEqual([ETH1, TUN, ETH0]);
  await want(one, undefined);
  expect(kernel.rules).toBeUndefined();
  expect(on()).toEqual([ETH1]);
  expect(kept).toBeUndefined();
});

test("nothing wanted, nothing found: the kernel is not touched, and nft need not be there", async () => {
  kernel.refuses = "no nft";
  const one = gateway();
  await want(one, undefined);
  expect(one.problem).toBeUndefined();
  expect(kernel.settings.size).toBe(0);
});

test("the same again does nothing; another interface takes the place of the one before", async () => {
  const one = gateway();
  await want(one, plan("eth0"));
  await want(one, plan("eth0"));
  expect(kernel.loads).toBe(1);
  await want(one, plan("eth1"));
  expect(on().sort()).toEqual([TUN, ETH1].sort());
  expect(kernel.rules).not.toContain("eth0");
});

test("rules that somebody has flushed are made again", async () => {
  const one = gateway();
  await one.check(); // nothing is to be there
  await want(one, plan("eth0"));
  await one.check();
  expect(kernel.loads).toBe(1);
  kernel.rules = undefined;
  await one.check();
  await one.settled();
  expect(kernel.rules).toContain('oifname "eth0"');
  await want(one, undefined);
  expect(on()).toEqual([]);
});

test("another program makes the computer a router: it is not kept from it, and it stays one", async () => {
  const one = gateway();
  await want(one, plan("eth0"));
  expect(kernel.rules).toContain('iifname "eth0" oifname != { "castaway0", "eth0" } counter drop');
  kernel.settings.set("net/ipv4/conf/all/forwarding", 1);
  await one.check();
  await one.settled();
  expect(kernel.rules).not.toContain("oifname !=");
  await want(one, undefined);
  expect(kernel.settings.get(ETH0)).toBe(1);
});

test("plans that follow each other quickly: the last one counts, and no mixture", async () => {
  const one = gateway();
  one.want(plan("eth0"));
  one.want(plan("eth1"));
  one.want(undefined);
  one.want(plan("eth1"));
  await one.settled();
  expect(one.applied).toEqual(plan("eth1"));
  expect(on().sort()).toEqual([TUN, ETH1].sort());
});

describe("nothing half done", () => {
  test("nftables refuses: no switch is touched, the remedy is told, and the next try may succeed", async () => {
    kernel.refuses = "no NAT in this kernel";
    const one = gateway();
    await want(one, plan("eth0"));
    expect(one.applied).toBeUndefined();
    expect(one.problem).toEqual({ message: "no NAT in this kernel", remedy: "mend it", since: 1_000 });
    expect(on()).toEqual([]);
    expect(kept).toBeUndefined();
    kernel.refuses = undefined;
    await want(one, plan("eth0"), true);
    expect(one.problem).toBeUndefined();
    expect(one.applied).toBeDefined();
  });

  test("a switch cannot be set: the others go back, and the rules go", async () => {
    kernel.locked.add(ETH0);
    const one = gateway();
    await want(one, plan("eth0"));
    expect(one.problem?.message).toContain("EROFS");
    expect(on()).toEqual([]);
    expect(kernel.rules).toBeUndefined();
    expect(kept).toBeUndefined();
  });

  test("it was set by hand before: nothing has to be written", async () => {
    for (const path of [ETH0, TUN]) {
      kernel.locked.add(path);
      kernel.settings.set(path, 1);
    }
    const one = gateway();
    await want(one, plan("eth0"));
    expect(one.applied).toBeDefined();
    await want(one, undefined);
    expect(on()).toEqual([ETH0, TUN]);
  });
});

describe("after a crash", () => {
  beforeEach(async () => {
    await want(gateway(), plan("eth0")); // and never heard of again
  });

  test("nothing is wanted any more: all of it is undone", async () => {
    await want(gateway(), undefined);
    expect(on()).toEqual([]);
    expect(kernel.rules).toBeUndefined();
    expect(kept).toBeUndefined();
  });

  test("the same is wanted: what was before is still known", async () => {
    const next = gateway();
    await want(next, plan("eth0"));
    expect(on().sort()).toEqual([TUN, ETH0].sort());
    await want(next, undefined);
    expect(on()).toEqual([]);
  });

  test("another TUN now: the rules of the one before go", async () => {
    const scripts: string[] = [];
    const { load } = kernel;
    kernel.load = (script) => (scripts.push(script), load.call(kernel, script));
    await want(gateway("castaway7"), undefined);
    expect(scripts.join("")).toContain("delete table inet castaway\n");
    expect(on()).toEqual([]);
  });

  test("the computer was started anew: what the record says is of no use", async () => {
    kept = { ...kept!, instance: "an earlier boot" };
    kernel.settings.set(ETH0, 1);
    kernel.settings.delete(TUN);
    await want(gateway(), undefined);
    expect(on()).toEqual([ETH0]);
    expect(kept).toBeUndefined();
  });

  test("somebody has set a switch since then: it is theirs", async () => {
    kernel.settings.set(ETH0, 0);
    kept = { ...kept!, changes: kept!.changes.map((change) => ({ ...change, before: 1, now: 1 })) };
    await want(gateway(), undefined);
    expect(kernel.settings.get(ETH0)).toBe(0);
  });
});
