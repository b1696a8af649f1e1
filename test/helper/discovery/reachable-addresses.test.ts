import { expect, test } from "vitest";
import { ReachableAddresses } from "#runtime/discovery/reachable-addresses.ts";
import type { Networks } from "#runtime/networks.ts";
import { parsePrefix } from "#wire/address.ts";

const plan = { prefix6: parsePrefix("fd00:1::/48"), prefix4: parsePrefix("10.77.0.0/16") };
const own = [{ address: "10.77.0.1" }, { address: "fd00:1:0:1::1" }];
const shared = ["192.168.1.0/24", "2001:db8:1:1::/64"].map(parsePrefix);
const ways = [
  {
    prefix: parsePrefix("192.168.1.0/24"),
    mapped: parsePrefix("100.64.9.0/24"),
    via: parsePrefix("100.64.9.0/24"),
  },
  { prefix: parsePrefix("192.168.2.0/24"), mapped: undefined, via: parsePrefix("192.168.2.0/24") },
  {
    prefix: parsePrefix("2001:db8:1:1::/64"),
    mapped: parsePrefix("fd00:1:0:ff00::/64"),
    via: parsePrefix("fd00:1:0:ff00::/64"),
  },
  { prefix: parsePrefix("192.168.3.0/24"), mapped: undefined, via: undefined },
].map((way) => ({ ...way, clash: undefined }));

/** Two computers that have each other's keys in a file. */
const byFile = {
  id: "by-file",
  own: { address6: "fd00:9::1", address4: "10.99.0.1", prefixes: [parsePrefix("fd00:9::/64")] },
  config: { peers: [{ addresses: { prefixes: [parsePrefix("fd00:8::/64"), parsePrefix("10.99.0.2/32")] } }] },
};

/** A host of one network and guest of another one, and a peer by file: as much of Networks as is looked at. */
function addresses(): ReachableAddresses {
  const hosted = { id: "hosted", record: { plan }, addresses: () => ({ addresses: own }) };
  const guest = {
    id: "joined",
    record: { assigned: { plan, number: 2 } },
    addresses: () => ({ addresses: own }),
    lanWays: () => ways,
  };
  const networks = { hosted, joined: new Map([["joined", guest]]), byFile } as unknown as Networks;
  const reachable = new ReachableAddresses(networks);
  const lans = shared.map((prefix) => ({ prefix, mapped: undefined }));
  reachable.refresh(new Set(["192.168.1.10", "2001:db8:1:1::10", "fe80::10"]), lans);
  return reachable;
}

test.each([
  ["192.168.1.10", "10.77.0.1"], // this computer: by its address in the network
  ["2001:db8:1:1::10", "fd00:1:0:1::1"],
  ["192.168.1.20", "192.168.1.20"], // on a LAN that is shared
  ["2001:db8:1:1::20", "2001:db8:1:1::20"],
  ["10.77.0.5", "10.77.0.5"], // a member
  ["172.16.0.9", undefined], // on one that is not
  ["fe80::10", undefined],
  ["169.254.1.1", undefined],
  ["127.0.0.1", undefined],
])("%s is told as %s", (address, told) => {
  expect(addresses().exported("hosted", address)).toBe(told);
});

test.each([
  ["192.168.1.20", "100.64.9.20"], // the same addresses are in use here
  ["2001:db8:1:1::20", "fd00:1:0:ff00::20"],
  ["192.168.2.20", "192.168.2.20"],
  ["192.168.3.20", undefined], // there is no way to it
  ["10.77.0.5", "10.77.0.5"],
  ["8.8.8.8", undefined],
  ["fe80::20", undefined],
])("%s, as it was told, is %s here", (address, here) => {
  expect(addresses().imported("joined", address)).toBe(here);
});

test.each([
  ["192.168.1.10", "10.99.0.1"],
  ["2001:db8:1:1::10", "fd00:9::1"],
  ["10.99.0.2", "10.99.0.2"],
  ["fd00:8::5", "fd00:8::5"],
  ["192.168.1.20", undefined], // no LAN is shared with peers by file
  ["10.77.0.5", undefined], // of another network
])("to a peer by file %s is told as %s", (address, told) => {
  expect(addresses().exported("by-file", address)).toBe(told);
});

test("nothing is known of a network that is not there", () => {
  expect(addresses().exported("other", "192.168.1.10")).toBeUndefined();
  expect(addresses().imported("other", "10.77.0.5")).toBeUndefined();
});
