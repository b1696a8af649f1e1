import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memberAddresses, highestNumber } from "#protocol/addressing/member-addresses.ts";
import { networkId, networkIdText, originId } from "#protocol/addressing/network-id.ts";
import {
  AddressPoolError,
  chooseIpv4Prefix,
  clashes,
  isNetworkPlan,
  prefixesOverlap,
  ulaPrefix,
} from "#protocol/addressing/prefixes.ts";
import { blake2s256 } from "#noise/hash.ts";
import { parsePrefix, prefixContains, prefixText } from "#wire/address.ts";

const KEY = new Uint8Array(32).fill(7);
const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
const shared = parsePrefix("100.64.0.0/10");

describe("network id", () => {
  test("is the first half of the labelled hash of the host's key", () => {
    const hash = blake2s256(new TextEncoder().encode("castaway network id"), KEY);
    expect(networkIdText(networkId(KEY))).toBe(hash.toHex().slice(0, 32));
  });
  test("refuses what is no key", () => {
    expect(() => networkId(new Uint8Array(31))).toThrow(/32 bytes, not 31/);
  });
  test("an origin id is the first word of the key's own labelled hash, unsigned and never 0", () => {
    expect(originId(KEY)).toBe(823938952); // computed apart from this code
    fc.assert(
      fc.property(keys, (key) => {
        const origin = originId(key);
        expect(origin >>> 0).toBe(origin);
        expect(origin).not.toBe(0);
      }),
    );
    const origins = Array.from({ length: 100 }, (_, i) => originId(new Uint8Array(32).fill(i)));
    expect(new Set(origins).size).toBe(100);
  });
});

describe("prefixes", () => {
  // Computed apart from this code; stored networks depend on these never changing.
  test("of a known key", () => {
    expect(networkIdText(networkId(KEY))).toBe("9c083a12608364a0e50fddc22acd8d33");
    expect(prefixText(ulaPrefix(KEY))).toBe("fd7c:aeac:957c::/48");
    expect(prefixText(chooseIpv4Prefix(KEY, []))).toBe("100.80.240.0/22");
  });
  test("every key has a ULA /48 and a /22 of the shared address space", () => {
    fc.assert(
      fc.property(keys, (key) => {
        const ula = ulaPrefix(key);
        expect(parsePrefix(prefixText(ula))).toEqual(ula);
        expect(prefixContains(parsePrefix("fd00::/8"), ula.address)).toBe(true);
        const ipv4 = chooseIpv4Prefix(key, []);
        expect(parsePrefix(prefixText(ipv4))).toEqual({ address: ipv4.address, length: 22 });
        expect(prefixContains(shared, ipv4.address)).toBe(true);
      }),
    );
  });
  test("those of every key can be a network's", () => {
    fc.assert(
      fc.property(keys, (key) => {
        const plan = { prefix6: ulaPrefix(key), prefix4: chooseIpv4Prefix(key, []) };
        expect(isNetworkPlan(plan)).toBe(true);
      }),
    );
  });
  test.each([
    ["2001:4860:4860::/48", "100.64.0.0/22"], // somebody's name servers
    ["fd00::/8", "100.64.0.0/22"],
    ["fd01::/48", "0.0.0.0/0"],
    ["fd01::/48", "8.8.8.0/24"],
    ["fd01::/48", "10.0.0.0/8"],
    ["fd01::/48", "192.168.1.0/24"],
  ])("not %s with %s, whatever a host says", (prefix6, prefix4) => {
    expect(isNetworkPlan({ prefix6: parsePrefix(prefix6), prefix4: parsePrefix(prefix4) })).toBe(false);
  });
  test("overlap is symmetric and knows the family", () => {
    const [wide, narrow] = [parsePrefix("10.0.0.0/8"), parsePrefix("10.1.0.0/16")];
    expect([prefixesOverlap(wide, narrow), prefixesOverlap(narrow, wide)]).toEqual([true, true]);
    expect(prefixesOverlap(narrow, parsePrefix("10.2.0.0/16"))).toBe(false);
    expect(prefixesOverlap(parsePrefix("::/0"), wide)).toBe(false);
  });
  test("a prefix in use gives another choice, the same one each time", () => {
    const first = chooseIpv4Prefix(KEY, []);
    const inUse = [parsePrefix("0.0.0.0/0"), { address: first.address, length: 32 }, parsePrefix("fd00::/8")];
    const second = chooseIpv4Prefix(KEY, inUse);
    expect(second).not.toEqual(first);
    expect(prefixContains(shared, second.address)).toBe(true);
    expect(clashes(second, inUse)).toEqual([]);
    expect(chooseIpv4Prefix(KEY, inUse)).toEqual(second);
  });
  test("the last free /22 of the pool is found", () => {
    const free = "100.77.40.0";
    const inUse = Array.from({ length: 4096 }, (_, i) => `100.${64 + (i >> 6)}.${(i & 63) * 4}.0`)
      .filter((address) => address !== free)
      .map((address) => ({ address, length: 22 }));
    expect(prefixText(chooseIpv4Prefix(KEY, inUse))).toBe(`${free}/22`);
  });
  test("a pool in use gives way to the next, and all in use is an error", () => {
    const pools = [shared, parsePrefix("172.16.0.0/12"), parsePrefix("10.0.0.0/8")];
    expect(prefixContains(pools[1]!, chooseIpv4Prefix(KEY, pools.slice(0, 1)).address)).toBe(true);
    expect(prefixContains(pools[2]!, chooseIpv4Prefix(KEY, pools.slice(0, 2)).address)).toBe(true);
    expect(() => chooseIpv4Prefix(KEY, pools)).toThrow(AddressPoolError);
  });
  test("no key is led to addresses that Tailscale and ChromeOS use", () => {
    fc.assert(
      fc.property(keys, (key) => {
        const used = [parsePrefix("100.100.100.0/24"), parsePrefix("100.115.92.0/23")];
        expect(clashes(chooseIpv4Prefix(key, []), used)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("member addresses", () => {
  const plan = { prefix6: parsePrefix("fd12:3456:789a::/48"), prefix4: parsePrefix("100.64.4.0/22") };
  test("the host is 1", () => {
    expect(memberAddresses(plan, 1)).toEqual({
      subnet6: { address: "fd12:3456:789a:1::", length: 64 },
      address6: "fd12:3456:789a:1::1",
      address4: "100.64.4.1",
    });
  });
  test("the number is the subnet, and counts on through the IPv4 octets", () => {
    expect(memberAddresses(plan, 300)).toMatchObject({
      address6: "fd12:3456:789a:12c::1",
      address4: "100.64.5.44",
    });
    expect(memberAddresses(plan, 1022).address4).toBe("100.64.7.254");
  });
  test("1,022 members have different addresses inside the prefixes", () => {
    const all = Array.from({ length: highestNumber(plan) }, (_, i) => memberAddresses(plan, i + 1));
    expect(new Set(all.map((a) => a.address4)).size).toBe(1022);
    expect(new Set(all.map((a) => a.address6)).size).toBe(1022);
    expect(all.every((a) => prefixContains(plan.prefix4, a.address4))).toBe(true);
    expect(all.every((a) => prefixContains(plan.prefix6, a.address6))).toBe(true);
  });
  test("a delegated /56 has room for 255, and keeps its own bits", () => {
    const delegated = { ...plan, prefix6: parsePrefix("2001:db8:0:aa00::/56") };
    expect(highestNumber(delegated)).toBe(255);
    expect(memberAddresses(delegated, 255).address6).toBe("2001:db8:0:aaff::1");
    expect(() => memberAddresses(delegated, 256)).toThrow(/from 1 to 255/);
  });
  test("numbers out of range are errors", () => {
    for (const number of [0, -1, 1.5, 1023])
      expect(() => memberAddresses(plan, number)).toThrow(AddressPoolError);
  });
});
