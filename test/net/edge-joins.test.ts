// Host-side joins and what the kernel shows of memberships.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openHostJoins } from "#edge/linux/host-joins.ts";
import { close } from "#edge/linux/libc.ts";
import { NO_JOINS, localMemberships } from "#edge/linux/memberships.ts";
import type { GroupFilter, HostJoins } from "#ports/memberships.ts";
import { indexOf, inside, ip, makeNamespaces } from "./edge-namespaces.ts";
import type { Namespaces } from "./edge-namespaces.ts";
import { drain, listener, sniffer } from "./edge-sockets.ts";

let net: Namespaces;
let index: number;
let joins: ReturnType<typeof openHostJoins>;
const nobody = localMemberships(NO_JOINS);
const open: number[] = [];

beforeAll(() => {
  net = makeNamespaces("join");
  index = indexOf(net.near, "lan0");
});
afterAll(() => net?.remove());
beforeEach(() => {
  joins = openHostJoins();
});
afterEach(() => {
  joins.close();
  for (const fd of open.splice(0)) close(fd);
});

const include = (...sources: string[]): GroupFilter => ({ mode: "include", sources: new Set(sources) });
const exclude = (...sources: string[]): GroupFilter => ({ mode: "exclude", sources: new Set(sources) });
const set: HostJoins["set"] = (...args) => inside(net.near, () => joins.set(...args));
/** What the kernel holds of a group, ours included. */
const kernel = (group: string): GroupFilter | undefined =>
  inside(net.near, () => nobody.read(index).get(group));
const others = (group: string): GroupFilter | undefined =>
  inside(net.near, () => localMemberships(joins).read(index).get(group));

describe.each([
  ["IPv4", "239.5.5.5", ["198.51.100.1", "198.51.100.2", "198.51.100.3"]],
  ["IPv6", "ff1e::5:5", ["2001:db8::1", "2001:db8::2", "2001:db8::3"]],
])("%s", (_name, group, [a, b, c]) => {
  test("a program's join from any source does not hide what others want of their sources", () => {
    const programs = openHostJoins();
    try {
      set(index, group, include(a!));
      inside(net.near, () =>
        programs.set(index, group === "239.5.5.5" ? "239.5.5.6" : "ff1e::5:6", exclude()),
      );
      expect(kernel(group)).toEqual(include(a!));
    } finally {
      programs.close();
    }
  });

  test("each filter is what the kernel then holds, from one to the next, and leaving ends it", () => {
    for (const filter of [
      exclude(),
      include(a!, b!),
      include(b!, c!),
      exclude(a!),
      exclude(b!, c!),
      include(c!),
      exclude(),
    ]) {
      expect(set(index, group, filter)).toBe("exact");
      expect(kernel(group)).toEqual(filter);
      expect(others(group)).toBeUndefined();
    }
    set(index, group, include());
    expect(kernel(group)).toBeUndefined();
  });

  test("more sources than a socket takes spread over several", () => {
    const many = Array.from({ length: 150 }, (_, i) =>
      group.includes(":") ? `2001:db8::${i + 1}` : `198.51.100.${i + 1}`,
    );
    expect(set(index, group, include(...many))).toBe("exact");
    expect(joins.held(index).get(group)!.length).toBeGreaterThan(1);
    const rows = ip("netns", "exec", net.near, "cat", `/proc/net/mcfilter${group.includes(":") ? "6" : ""}`);
    expect(rows.match(/ lan0 .* +1 +0\n/g)).toHaveLength(150); // on loopback there is one of our own too
    expect(others(group)).toBeUndefined();
    expect(set(index, group, include(many[149]!))).toBe("exact");
    expect(kernel(group)).toEqual(include(many[149]!));
    expect(set(index, group, exclude(...many))).toBe("wider");
    expect(kernel(group)!.mode).toBe("exclude");
  });

  test("programs' joins show beside ours, and stay when we leave", () => {
    open.push(inside(net.near, () => listener(group, { interfaceIndex: index, source: a! })));
    set(index, group, exclude());
    expect(others(group)).toEqual(include(a!));
    open.push(inside(net.near, () => listener(group, { interfaceIndex: index })));
    expect(others(group)).toEqual(exclude());
    set(index, group, include());
    expect(others(group)).toEqual(exclude());
  });
});

test("a hundred groups at once", () => {
  const groups = Array.from({ length: 100 }, (_, i) => (i % 2 ? `239.6.0.${i}` : `ff1e::6:${i}`));
  for (const group of groups) set(index, group, exclude());
  const held = inside(net.near, () => nobody.read(index));
  expect(groups.filter((group) => held.has(group))).toEqual(groups);
  joins.close();
  const left = inside(net.near, () => nobody.read(index));
  expect(groups.filter((group) => left.has(group))).toEqual([]);
});

/** Record types (RFC 9776 section 4.2.12) of all IGMPv3 reports about `group` among the frames. */
function recordTypes(frames: readonly Buffer[], group: string): number[] {
  const types: number[] = [];
  for (const frame of frames) {
    if (frame.readUInt16BE(12) !== 0x0800 || frame[23] !== 2) continue;
    const igmp = frame.subarray(14 + (frame[14]! & 15) * 4, 14 + frame.readUInt16BE(16));
    if (igmp[0] !== 0x22) continue;
    for (let at = 8; at < igmp.length; at += 8 + igmp.readUInt16BE(at + 2) * 4)
      if ([...igmp.subarray(at + 4, at + 8)].join(".") === group) types.push(igmp[at]!);
  }
  return types;
}

test("the wire sees the kernel's own reports: allow, allow, block, and no leave in between", () => {
  const wire = inside(net.far, () => sniffer(indexOf(net.far, "wire0")));
  open.push(wire);
  const group = "232.7.7.7";
  const during = (filter: GroupFilter): Set<number> => {
    set(index, group, filter);
    const frames: Buffer[] = [];
    // The kernel repeats a report within a second or two.
    for (const end = performance.now() + 2500; performance.now() < end;) frames.push(...drain(wire, 100));
    return new Set(recordTypes(frames, group));
  };
  const [ALLOW_NEW_SOURCES, BLOCK_OLD_SOURCES] = [5, 6];
  expect(during(include("198.51.100.1"))).toEqual(new Set([ALLOW_NEW_SOURCES]));
  expect(during(include("198.51.100.1", "198.51.100.2"))).toEqual(new Set([ALLOW_NEW_SOURCES]));
  expect(during(include("198.51.100.2"))).toEqual(new Set([BLOCK_OLD_SOURCES]));
});

test("an interface that is not there is an error with its name; one that has gone is none", () => {
  expect(() => set(9999, "239.1.1.1", exclude())).toThrow(/join 239\.1\.1\.1 on interface 9999: ENODEV/);
  expect(joins.held(9999).size).toBe(0);
  ip("-n", net.near, "link", "add", "gone0", "type", "veth", "peer", "name", "gone1");
  const gone = indexOf(net.near, "gone0");
  set(gone, "239.1.1.1", exclude());
  ip("-n", net.near, "link", "del", "gone0");
  joins.forget(gone);
  expect(joins.held(gone).size).toBe(0);
});
