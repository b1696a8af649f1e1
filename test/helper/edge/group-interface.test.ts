import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import { findGroupInterface } from "#edge/portable/group-interface.ts";

const own = (address: string, internal = false): NetworkInterfaceInfo => {
  const shared = { address, netmask: "", mac: "", internal, cidr: null };
  return address.includes(":") ? { ...shared, family: "IPv6", scopeid: 0 } : { ...shared, family: "IPv4" };
};
const list = {
  lo: [own("127.0.0.1", true), own("::1", true)],
  eth0: [own("192.0.2.7"), own("192.0.2.8"), own("2001:db8::7"), own("fe80::7")],
  tun0: [own("10.9.0.1")],
};

test.each([
  ["eth0", { name: "eth0", interface4: "192.0.2.7", interface6: "::%eth0" }],
  ["192.0.2.8", { name: "eth0", interface4: "192.0.2.8", interface6: "::%eth0" }],
  ["2001:DB8:0::7", { name: "eth0", interface4: "192.0.2.7", interface6: "::%eth0" }],
  ["tun0", { name: "tun0", interface4: "10.9.0.1" }],
  ["lo", { name: "lo", interface4: "127.0.0.1", interface6: "::%lo" }],
  ["127.3.2.1", { name: "lo", interface4: "127.3.2.1", interface6: "::%lo" }], // all of 127/8 is there
  ["eth1", undefined],
  ["192.0.2.9", undefined],
])("the interface %s", (name, expected) => {
  expect(findGroupInterface(name, list)).toEqual(expected);
});
