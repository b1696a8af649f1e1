import * as v from "valibot";
import { expect, test } from "vitest";
import { MAX_TUNNELS, type TunnelToAdd } from "#contract/tunnels.ts";
import { checkedTunnel, tunnelsSchema } from "#runtime/store/tunnel-settings.ts";

const MCAST = {
  kind: "mcasttunnel",
  role: "server",
  address: null,
  port: 9000,
  group: "FF1E:0::1",
  groupPort: 5004,
  ttl: 16,
} as const;
const SERVER = {
  kind: "sixtunnel",
  role: "server",
  address: null,
  port: 5000,
  range: "2001:DB8:1::/48",
  knownOnly: false,
} as const;
const CLIENT = {
  kind: "sixtunnel",
  role: "client",
  address: "home.example",
  port: 5000,
  clientId: "0A:11:22:33:44:55",
  defaultRoute: true,
} as const;

test("what is kept is in its canonical form", () => {
  expect(checkedTunnel(MCAST)).toEqual({ ...MCAST, group: "ff1e::1" });
  expect(checkedTunnel(SERVER)).toEqual({ ...SERVER, range: "2001:db8:1::/48" });
  expect(checkedTunnel(CLIENT)).toEqual({ ...CLIENT, clientId: "0a:11:22:33:44:55" });
});

test.each<[TunnelToAdd, string]>([
  [{ ...MCAST, group: "192.0.2.1" }, "no multicast group"],
  [{ ...MCAST, group: "224.0.0.251" }, "belongs to one link"],
  [{ ...MCAST, role: "client" }, "needs the server's address"],
  [{ ...MCAST, address: "a..b" }, "no address and no name"],
  [{ ...SERVER, range: "fe80::/64" }, "no prefix"],
  [{ ...SERVER, range: "2001:db8::/80" }, "no prefix"],
  [{ ...SERVER, range: "2001:db8:1::1/48" }, "no prefix"],
  [{ ...CLIENT, address: "2001:db8::1" }, "IPv6 address"],
])("%j cannot be had", (tunnel, problem) => {
  expect(checkedTunnel(tunnel)).toContain(problem);
});

test("the state's file is looked at in the same way", () => {
  const kept = [
    { ...MCAST, id: "0a1b2c3d" },
    { ...CLIENT, id: "0a1b2c3e" },
  ];
  expect(v.parse(tunnelsSchema, kept)).toMatchObject([{ group: "ff1e::1" }, { role: "client" }]);
  const bad = [
    [{ ...MCAST, id: "../x" }],
    [{ ...MCAST, id: "0a1b2c3d", group: "10.0.0.1" }],
    [{ ...MCAST, id: "0a1b2c3d", more: 1 }],
    [kept[0], kept[0]],
    Array.from({ length: MAX_TUNNELS + 1 }, (_, n) => ({ ...MCAST, id: (n + 0xaaaaaaa0).toString(16) })),
  ];
  for (const one of bad) expect(v.safeParse(tunnelsSchema, one).success).toBe(false);
});
