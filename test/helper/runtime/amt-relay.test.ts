// This computer as an AMT relay, between a made-up fast path and made-up sockets.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SystemError } from "#edge/linux/system-error.ts";
import type { FastPathCommand } from "#ports/fast-path.ts";
import type { Link } from "#ports/links.ts";
import { Forwarding, FORWARDING_LIMITS } from "#protocol/forwarding/forwarding.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { relayAddresses } from "#runtime/amt/relay-addresses.ts";
import { RelayService } from "#runtime/amt/relay-service.ts";
import { Core } from "#runtime/core.ts";
import { DEFAULT_RELAY, type RelaySettings } from "#runtime/store/relay-settings.ts";
import { type AmtMessage, decodeAmt, encodeAmt } from "#wire/amt.ts";
import { encodeMembershipPacket } from "#wire/membership-packet.ts";

function link(name: string, addresses: readonly string[], more: Partial<Link> = {}): Link {
  return {
    index: 2,
    name,
    kind: "ethernet",
    up: true,
    running: true,
    multicast: true,
    mac: new Uint8Array(6),
    mtu: 1500,
    master: undefined,
    addresses: addresses.map((address) => ({
      address,
      prefixLength: address.includes(":") ? 64 : 24,
      scope: address.startsWith("fe80") ? "link" : "global",
    })),
    defaultRoute: false,
    ...more,
  };
}

const LAN = link("lan0", ["192.168.1.2", "fe80::1"]);
const WAN = link("wan0", ["203.0.113.5", "2001:db8::5", "2001:db8::6"], { index: 3, defaultRoute: true });
const where = (change: Partial<typeof DEFAULT_RELAY>, links: readonly Link[], current?: string): unknown =>
  relayAddresses(
    { ...DEFAULT_RELAY, ...change },
    links,
    current === undefined ? [] : [{ address: current, anycast: false }],
  );

describe("where a relay is to be reached", () => {
  const one = (address: string): unknown => ({ address, anycast: false });

  test("where this computer's own traffic leaves it; what is in use stays while it is there", () => {
    expect(where({}, [LAN, WAN])).toEqual([one("203.0.113.5"), one("2001:db8::5")]);
    expect(where({}, [LAN, WAN], "2001:db8::6")).toEqual([one("203.0.113.5"), one("2001:db8::6")]);
    expect(where({}, [LAN, WAN], "2001:db8::7")).toEqual([one("203.0.113.5"), one("2001:db8::5")]);
    expect(where({}, [LAN])).toEqual([one("192.168.1.2")]);
    expect(where({}, [{ ...LAN, up: false }])).toEqual([]);
  });

  test("on the interface that was named", () => {
    expect(where({ interface: "lan0" }, [LAN, WAN])).toEqual([one("192.168.1.2")]);
  });

  test("at addresses that were named, of which a NAT may have one; at anycast addresses beside them", () => {
    expect(where({ addresses: ["2001:db8::6"], anycast: ["192.52.193.1"] }, [LAN, WAN])).toEqual([
      one("2001:db8::6"),
      { address: "192.52.193.1", anycast: true },
    ]);
    expect(where({ addresses: ["198.51.100.1", "198.51.100.2"] }, [LAN])).toEqual([
      { address: "192.168.1.2", anycast: false, told: "198.51.100.1" },
    ]);
    expect(where({ addresses: ["2001:db8::9"] }, [LAN])).toEqual([one("2001:db8::9")]);
  });
});

describe("the relay", () => {
  const GATEWAY = { address: "198.51.100.7", port: 4000 };
  const EADDRINUSE = 98;
  let now: number;
  let commands: FastPathCommand[];
  let core: Core;
  let service: RelayService;
  let settings: RelaySettings;
  let links: Link[];
  /** Open sockets by address, with what they sent. */
  let sockets: Map<string, AmtMessage[]>;
  let busy: boolean;

  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
    [now, commands, links, sockets, busy] = [1_000, [], [LAN, WAN], new Map(), false];
    settings = { ...DEFAULT_RELAY, enabled: true };
    core = new Core({
      clock: { now: () => now, wall: () => now },
      entropy: { bytes: (length) => new Uint8Array(length).fill(7) },
      log: { write: () => {} },
      fastPath: { send: (command) => void commands.push(command), onEvent: () => {} },
      forwarding: new Forwarding({ ...FORWARDING_LIMITS, scope: scopePolicy(), lanToLan: false }),
      changed: () => {},
    });
    service = new RelayService({
      core,
      links: () => links,
      settings: () => settings,
      open: ({ address }) => {
        if (busy || sockets.has(address)) throw new SystemError("bind", EADDRINUSE);
        const sent: AmtMessage[] = [];
        sockets.set(address, sent);
        return {
          fd: 10 + sockets.size,
          send: (_to, data) => sent.push(decodeAmt(data)) > 0,
          close: () => void sockets.delete(address),
        };
      },
    });
    service.refresh();
  });
  afterEach(() => {
    core.scheduler.stop();
    vi.useRealTimers();
  });

  const of = <Type extends FastPathCommand["type"]>(type: Type): Extract<FastPathCommand, { type: Type }>[] =>
    commands.filter((command): command is Extract<FastPathCommand, { type: Type }> => command.type === type);
  const hear = (message: AmtMessage, socket = 0): void => {
    const datagrams = [{ from: GATEWAY, data: encodeAmt(message) }];
    const { vif } = of("vif-add").at(-1)!;
    service.handleDatagrams({ type: "amt-relay-datagrams", vif, socket, datagrams }, now);
    core.turn();
  };
  const join = (group: string): void => {
    hear({ kind: "request", nonce: 1, family: 4, flag: "rfc" });
    const query = sockets.get("203.0.113.5")!.at(-1)!;
    if (query.kind !== "membership-query") throw new Error(query.kind);
    const records = [{ type: "allow", group, sources: ["192.0.2.1"] }] as const;
    const packet = encodeMembershipPacket({ kind: "report", version: 3, records }, "0.0.0.0");
    hear({ kind: "membership-update", mac: query.mac, nonce: 1, packet });
  };

  test("opens its addresses, answers, and has what a gateway wants of the others; the fast path is told in order", () => {
    expect([...sockets.keys()]).toEqual(["203.0.113.5", "2001:db8::5"]);
    join("232.1.1.1");
    const told = commands.map(({ type }) => type).filter((type) => type.startsWith("amt-"));
    expect(told).toEqual(["amt-gateway-set", "amt-fan-out"]);
    expect(of("amt-gateway-set")[0]).toMatchObject({ gateway: 1, endpoint: GATEWAY, socket: 0, ecn: false });
    const { vif } = of("vif-add")[0]!;
    core.forwarding.addVif(99, { kind: "lan", upstream: true });
    expect([...core.forwarding.upstreamWants(99).keys()]).toEqual(["232.1.1.1"]);
    expect(core.forwarding.upstreamWants(vif).size).toBe(0);
    // Silence for the group membership interval.
    now += 260_000;
    service.vif!.handleTimeout(now);
    expect(core.forwarding.upstreamWants(99).size).toBe(0);
    expect(commands.at(-1)).toMatchObject({ type: "amt-gateway-gone", gateway: 1 });
  });

  test("a port that is taken is a failure that people are told of, and tried again", () => {
    settings = { ...settings, port: 2269 };
    busy = true;
    service.refresh();
    core.vifRemoved(of("vif-remove")[0]!.vif);
    expect(service).toMatchObject({ state: "failed", detail: expect.stringContaining("EADDRINUSE") });
    expect(sockets.size).toBe(0);
    busy = false;
    now = service.pollTimeout()!;
    service.handleTimeout();
    expect(service).toMatchObject({ state: "up", detail: "" });
  });

  test("another address is opened when the fast path has let go of the old sockets, and not before", () => {
    links = [LAN, { ...WAN, addresses: [{ address: "203.0.113.9", prefixLength: 24, scope: "global" }] }];
    service.refresh();
    expect(service.vif).toBeUndefined();
    expect([...sockets.keys()]).toContain("203.0.113.5");
    service.refresh(); // whatever happens meanwhile
    core.vifRemoved(of("vif-remove")[0]!.vif);
    expect([...sockets.keys()]).toEqual(["203.0.113.9"]);
    links = [];
    service.refresh();
    core.vifRemoved(of("vif-remove")[1]!.vif);
    expect(service).toMatchObject({ state: "failed", detail: expect.stringContaining("no address") });
  });

  test("more or fewer gateways, and how much each may have, disturb nobody; off is off", () => {
    join("232.1.1.1");
    expect(of("amt-gateway-rate")).toEqual([]);
    settings = { ...settings, maxGateways: 1, gatewayBitsPerSecond: 64_000 };
    service.refresh();
    service.refresh();
    settings = { ...settings, gatewayBitsPerSecond: null };
    service.refresh();
    expect(of("amt-gateway-rate").map(({ rate }) => rate)).toEqual([64_000, undefined]);
    expect(of("vif-remove")).toEqual([]);
    expect(service.vif?.relay.size).toBe(1);
    settings = { ...settings, enabled: false };
    service.refresh();
    core.vifRemoved(of("vif-remove")[0]!.vif);
    expect(service.state).toBe("off");
    expect(sockets.size).toBe(0);
  });
});
