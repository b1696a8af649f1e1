import { describe, expect, test } from "vitest";
import type { GatewayPlan } from "#ports/gateway.ts";
import { forwardingSettings, guards, isTaken, SETTING_PATH } from "#protocol/gateway/forwarding-settings.ts";
import { gatewayRules, isPlainName, noRules, tableName } from "#protocol/gateway/rules.ts";
import { parsePrefix } from "#wire/address.ts";

const PLAN: GatewayPlan = {
  tun: "castaway0",
  members: [parsePrefix("100.70.0.0/22"), parsePrefix("fd12:3456:789a::/48")],
  lans: [
    { interfaceName: "eth0", prefix: parsePrefix("192.168.1.0/24"), mapped: parsePrefix("100.67.1.0/24") },
    { interfaceName: "eth0", prefix: parsePrefix("2001:db8:1:1::/64"), mapped: undefined },
  ],
  subnets: [],
};

test("members reach the LANs and nothing else, and the whole is one transaction", () => {
  expect(gatewayRules(PLAN)).toBe(`add table inet castaway
delete table inet castaway
table inet castaway {
  chain mapped {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "castaway0" dnat ip prefix to ip daddr map { 100.67.1.0/24 : 192.168.1.0/24 }
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "castaway0" jump from_tunnel
    oifname "castaway0" jump to_tunnel
  }
  chain from_tunnel {
    tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
    ct state established,related accept
    oifname "eth0" ip saddr 100.70.0.0/22 ip daddr 192.168.1.0/24 accept
    oifname "eth0" ip6 saddr fd12:3456:789a::/48 ip6 daddr 2001:db8:1:1::/64 accept
    counter drop
  }
  chain to_tunnel {
    tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
    ct state established,related accept
    counter drop
  }
  chain leaving {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "eth0" ip saddr 100.70.0.0/22 ip daddr 192.168.1.0/24 masquerade
    oifname "eth0" ip6 saddr fd12:3456:789a::/48 ip6 daddr 2001:db8:1:1::/64 masquerade
  }
}
`);
});

test("a subnet of our own is routed, not translated, to where its hosts may go", () => {
  const subnet = parsePrefix("fd12:3456:789a:2::/64");
  const rules = gatewayRules({
    tun: "castaway0",
    members: [],
    lans: [],
    subnets: [{ interfaceName: "eth1", subnet, reach: [parsePrefix("fd12:3456:789a::/48")] }],
  });
  expect(rules).toContain('oifname "eth1" ip6 daddr fd12:3456:789a:2::/64 accept');
  expect(rules).toContain(
    'iifname "eth1" ip6 saddr fd12:3456:789a:2::/64 ip6 daddr fd12:3456:789a::/48 accept',
  );
  expect(rules).not.toContain("masquerade");
});

test("each TUN has a table of its own, and another's is never named", () => {
  expect(tableName("castaway0")).toBe("castaway");
  expect(noRules("filter")).toBe("add table inet castaway-filter\ndelete table inet castaway-filter\n");
});

test.each(['e"th', "eth 0", "eth{", "", "x".repeat(16), "eth0;drop"])(
  "an interface called %j is in no rule",
  (name) => {
    expect(isPlainName(name)).toBe(false);
    const lans = [{ ...PLAN.lans[0]!, interfaceName: name }];
    expect(() => gatewayRules({ ...PLAN, lans })).toThrow("rules cannot name");
  },
);

const ALL = "net/ipv6/conf/all/forwarding";
const reader = (settings: Record<string, number>) => (path: string) => settings[path];

test("a kernel with a switch for each interface: those two alone", () => {
  const read = (path: string) => (path === ALL || path.includes("force_forwarding") ? 0 : undefined);
  expect(forwardingSettings(PLAN, ["eth0", "wlan0"], read)).toEqual([
    { path: "net/ipv4/conf/castaway0/forwarding", value: 1 },
    { path: "net/ipv4/conf/eth0/forwarding", value: 1 },
    { path: "net/ipv6/conf/castaway0/force_forwarding", value: 1 },
    { path: "net/ipv6/conf/eth0/force_forwarding", value: 1 },
  ]);
});

test("one with a switch for all of IPv6: routers are listened to as before", () => {
  const read = reader({
    [ALL]: 0,
    "net/ipv6/conf/eth0/accept_ra": 1,
    "net/ipv6/conf/wlan0/accept_ra": 1,
    "net/ipv6/conf/eth1/accept_ra": 0,
  });
  const settings = forwardingSettings(PLAN, ["eth0", "wlan0", "eth1"], read);
  expect(settings.slice(2)).toEqual([
    { path: "net/ipv6/conf/eth0/accept_ra", value: 2 },
    { path: "net/ipv6/conf/wlan0/accept_ra", value: 2 },
    { path: ALL, value: 1 },
  ]);
});

test("one that forwards IPv6 anyway, and a LAN without IPv6: nothing to do", () => {
  expect(forwardingSettings(PLAN, [], reader({ [ALL]: 1 }))).toHaveLength(2);
  expect(forwardingSettings({ ...PLAN, lans: [PLAN.lans[0]!] }, [], reader({ [ALL]: 0 }))).toHaveLength(2);
});

describe("what forwards for our sake alone goes from there to the tunnel and nowhere else", () => {
  const switched = (settings: Record<string, number>) =>
    forwardingSettings(PLAN, ["eth0", "wlan0"], reader(settings)).map(({ path }) => path);
  const FORCED = { "net/ipv6/conf/eth0/force_forwarding": 0, "net/ipv6/conf/castaway0/force_forwarding": 0 };
  const INTERFACES = ["castaway0", "lo", "eth0", "wlan0"];

  test("interface by interface, where the kernel has such switches", () => {
    const of = guards(PLAN, switched({ ...FORCED, [ALL]: 0 }), INTERFACES, reader({ [ALL]: 0 }));
    expect(of).toEqual([
      { family: 4, interfaceName: "eth0" },
      { family: 6, interfaceName: "eth0" },
    ]);
    const rules = gatewayRules(PLAN, of);
    expect(rules).toContain(
      'meta nfproto ipv4 iifname "eth0" oifname != { "castaway0", "eth0" } counter drop',
    );
    expect(rules).toContain(
      'meta nfproto ipv6 iifname "eth0" oifname != { "castaway0", "eth0" } counter drop',
    );
  });

  test("all of them, where IPv6 has one switch", () => {
    const of = guards(PLAN, switched({ [ALL]: 0 }), INTERFACES, reader({ [ALL]: 1 }));
    expect(of.filter(({ family }) => family === 6).map(({ interfaceName }) => interfaceName)).toEqual([
      "eth0",
      "wlan0",
    ]);
  });

  test("not where the computer forwards for somebody else, and that is not put back either", () => {
    const router = reader({ [ALL]: 1, "net/ipv4/conf/all/forwarding": 1 });
    expect(guards(PLAN, switched({ ...FORCED, [ALL]: 0 }), INTERFACES, router)).toEqual([]);
    expect(isTaken("net/ipv4/conf/eth0/forwarding", router)).toBe(true);
    expect(isTaken("net/ipv6/conf/eth0/force_forwarding", router)).toBe(false);
    expect(isTaken("net/ipv4/conf/eth0/forwarding", reader({}))).toBe(false);
  });

  test("what forwarded before us is not ours", () => {
    expect(guards(PLAN, [], INTERFACES, reader({}))).toEqual([]);
  });
});

test("every setting is one that a record may hold; others are not", () => {
  for (const { path } of forwardingSettings(PLAN, ["eth0"], reader({ "net/ipv6/conf/eth0/accept_ra": 1 })))
    expect(path).toMatch(SETTING_PATH);
  for (const path of [
    "kernel/core_pattern",
    "net/ipv4/conf/a/b/forwarding",
    "net/ipv4/ip_forward",
    ALL + "x",
  ])
    expect(path).not.toMatch(SETTING_PATH);
});
