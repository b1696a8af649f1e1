import { describe, expect, test } from "vitest";
import { GroupPurposes } from "#protocol/discovery/group-purpose.ts";
import { WELL_KNOWN_GROUPS } from "#protocol/discovery/well-known-groups.ts";
import { isMulticast, parsePrefix } from "#wire/address.ts";

test("the table holds groups, each once, with names that fit a line", () => {
  const all = WELL_KNOWN_GROUPS.map(([group]) => group);
  expect(new Set(all).size).toBe(all.length);
  for (const [group, name] of WELL_KNOWN_GROUPS) {
    expect(isMulticast(parsePrefix(group.replace("x", "5")).address), group).toBe(true);
    expect(name).toMatch(/^[\w/. -]{2,40}$/);
  }
});

describe("what a group is for", () => {
  const none = new GroupPurposes([]);
  test.each([
    ["224.0.1.1", "NTP"],
    ["ff05::101", "NTP"],
    ["ff0e::2:7ffe", "SAP announcements"],
    ["239.255.255.250", "SSDP and WS-Discovery"],
    ["239.69.1.2", "AES67 audio"],
  ])("%s: %s", (group, name) => {
    expect(none.of(group)).toMatchObject({ name, from: "well-known" });
  });

  test.each(["239.1.2.3", "ff1e::1", "232.1.1.1"])("%s is for anything", (group) => {
    expect(none.of(group)).toBeUndefined();
  });

  test("a preset that is on says more than a registry, and less than its entry for one group", () => {
    const on = new GroupPurposes(["minecraft", "ros2", "librecast", "iptv"]);
    expect(on.of("224.0.2.60")).toMatchObject({ name: "Minecraft LAN worlds", from: "preset" });
    expect(on.of("239.255.7.7")).toMatchObject({ name: "ROS 2 or DDS", from: "preset" });
    expect(on.of("239.255.0.1")).toMatchObject({ name: "DDS discovery", from: "well-known" });
    expect(on.of("ff1e::1")).toMatchObject({ name: "Librecast channel", from: "preset" });
    expect(on.of("224.3.1.1")).toBeUndefined();
  });
});
