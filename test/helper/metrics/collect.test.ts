import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainText } from "#contract/plain-text.ts";
import type { Group, Snapshot } from "#contract/snapshot.ts";
import { collect, LISTED, type Figures } from "#runtime/metrics/collect.ts";
import { Exposition, formatOf, type ExpositionFormat } from "#runtime/metrics/exposition.ts";
import { FAMILIES, sampleName } from "#runtime/metrics/families.ts";
import { SNAPSHOT, STATS, STREAM } from "../control/sample-state.ts";
import { readExposition, type ReadFamily } from "./read-exposition.ts";

const NETWORK = SNAPSHOT.networks[0]!;
const MEMBER = NETWORK.members[1]!;
const VIF = SNAPSHOT.vifs[0]!;

function figures(change: Partial<Snapshot> = {}, more: Partial<Figures> = {}): Figures {
  const snapshot = { ...SNAPSHOT, ...change };
  return { snapshot, stats: STATS, transportDrops: { "auth-failed": 4 }, scrapes: 7, refused: 2, ...more };
}

function read(of: Figures, format: ExpositionFormat = "prometheus"): Map<string, ReadFamily> {
  return readExposition(collect(of).text(format), format);
}

/** Of the sample with these labels, whatever others it has. */
function value(
  of: Map<string, ReadFamily>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const found = of
    .get(name)
    ?.samples.filter((one) => Object.entries(labels).every(([key, text]) => one.labels[key] === text));
  if (found && found.length > 1) throw new Error(`${name}: several`);
  return found?.[0]?.value;
}

describe("the figures", () => {
  test("say what clients are shown, in Prometheus' base units", () => {
    const all = read(figures());
    const of = (name: string, labels?: Record<string, string>): number | undefined =>
      value(all, name, labels);
    expect(of("castaway_build_info", { version: "0.1.0" })).toBe(1);
    expect(of("castaway_uptime_seconds")).toBe(3_600);
    expect(of("castaway_resident_memory_bytes")).toBe(62_000_000);
    expect(of("castaway_warnings", { code: "ttl-1" })).toBe(1);
    expect(of("castaway_metrics_scrapes_total")).toBe(7);
    expect(of("castaway_metrics_refused_total")).toBe(2);
    expect(of("castaway_transport_dropped_packets_total", { reason: "auth-failed" })).toBe(4);

    expect(of("castaway_network_info", { network: NETWORK.id, name: "Home", role: "host" })).toBe(1);
    expect(of("castaway_network_connected")).toBe(1);
    expect(of("castaway_network_join_requests")).toBe(1);
    expect(of("castaway_network_members")).toBe(2);

    expect(of("castaway_member_online", { network: NETWORK.id, member: "2" })).toBe(1);
    expect(of("castaway_member_path", { member: "2", path: "direct" })).toBe(1);
    expect(of("castaway_member_rtt_seconds")).toBeCloseTo(0.02345);
    expect(of("castaway_member_receive_loss_ratio")).toBe(0);
    expect(of("castaway_member_send_loss_ratio")).toBe(0.123);
    expect(of("castaway_member_path_mtu_bytes")).toBe(1420);
    expect(of("castaway_member_breaker_tripped")).toBe(1);

    expect(of("castaway_vif_up", { vif: "eth0", kind: "lan" })).toBe(1);
    expect(of("castaway_vif_received_packets_total")).toBe(1_000);
    expect(of("castaway_vif_received_bytes_total")).toBe(1_316_000);
    expect(of("castaway_vif_sent_packets_total")).toBe(7);
    expect(of("castaway_vif_sent_bytes_total")).toBe(900);
    expect(of("castaway_vif_dropped_packets_total", { vif: "eth0", reason: "ttl-exceeded" })).toBe(12);
    expect(of("castaway_vif_queries_sent_total", { protocol: "igmp" })).toBe(2);
    expect(of("castaway_vif_reports_received_total", { protocol: "mld" })).toBe(3);
    expect(of("castaway_vif_querier", { protocol: "mld" })).toBe(1);

    expect(of("castaway_groups")).toBe(1);
    expect(of("castaway_streams")).toBe(1);
    expect(of("castaway_group_bytes_per_second", { group: "239.1.2.3" })).toBe(1_316_000);
    expect(of("castaway_group_packets_per_second")).toBe(1_000);
    expect(of("castaway_group_sources")).toBe(1);
    expect(of("castaway_group_listeners")).toBe(2);
    expect(of("castaway_group_loss_ratio")).toBe(0.012);
    expect(of("castaway_metrics_left_out", { of: "groups" })).toBe(0);
  });

  test("counters of the daemon have families of their own, and what is new is an event", () => {
    const counters = {
      "session.handshakes-accepted": 3,
      "session.handshakes-dropped-mac1": 9,
      "session.cookies-sent": 1,
      "session.unknown-frames": 5,
      "sap.known": 6,
      "sap.heard": 60,
      "forwarding.groupsNotCompiled": 2,
      "forwarding.badGroups": 8,
      "path.breakers-open": 1,
      "amt-relay.gateways": 7,
      "amt-relay.dropped-wrong-mac": 2,
      "amt-relay.refused-outOfScope": 5,
    };
    const all = read(figures({}, { stats: { ...STATS, counters } }));
    expect(value(all, "castaway_session_handshakes_accepted_total")).toBe(3);
    expect(value(all, "castaway_session_handshakes_dropped_total", { reason: "mac1" })).toBe(9);
    expect(value(all, "castaway_session_cookies_sent_total")).toBe(1);
    expect(value(all, "castaway_session_unknown_frames_total")).toBe(5);
    expect(value(all, "castaway_announced_streams")).toBe(6);
    expect(value(all, "castaway_forwarding_groups_not_compiled")).toBe(2);
    expect(value(all, "castaway_forwarding_refused_total", { reason: "badGroups" })).toBe(8);
    expect(value(all, "castaway_path_breakers", { state: "open" })).toBe(1);
    expect(value(all, "castaway_amt_relay_gateways", {})).toBe(7);
    expect(value(all, "castaway_amt_relay_dropped_messages_total", { reason: "wrong-mac" })).toBe(2);
    expect(value(all, "castaway_amt_relay_refused_total", { reason: "outOfScope" })).toBe(5);
    expect(all.get("castaway_events_total")!.samples.map(({ labels }) => labels["event"])).toEqual([
      "sap.heard",
    ]);
  });

  test("what is not known has no sample", () => {
    const member = { ...MEMBER, rttMs: null, lossRatio: null, sending: null };
    const networks = [{ ...NETWORK, members: [member] }];
    const all = read(figures({ networks, groups: [{ ...STREAM, lossRatio: null }] }));
    for (const name of [
      "member_rtt_seconds",
      "member_receive_loss_ratio",
      "member_send_loss_ratio",
      "group_loss_ratio",
    ])
      expect(all.has(`castaway_${name}`), name).toBe(false);
    expect(value(all, "castaway_member_online")).toBe(1);
  });

  test("a group is all its sources together, and its loss the worst", () => {
    const other: Group = { ...STREAM, source: "192.168.1.11", rateBps: 8, pps: 1, lossRatio: 0.5 };
    const all = read(figures({ groups: [STREAM, other] }));
    expect(value(all, "castaway_groups")).toBe(1);
    expect(value(all, "castaway_streams")).toBe(2);
    expect(value(all, "castaway_group_bytes_per_second")).toBe(1_316_001);
    expect(value(all, "castaway_group_sources")).toBe(2);
    expect(value(all, "castaway_group_listeners")).toBe(2);
    expect(value(all, "castaway_group_loss_ratio")).toBe(0.5);
  });

  test("no address of a computer is in them, and nothing of invites and requests", () => {
    for (const format of ["prometheus", "openmetrics"] as const) {
      const text = collect(figures()).text(format);
      for (const hidden of [
        "198.51.100",
        "203.0.113",
        "192.168.",
        "10.77.",
        "fd12:",
        "bob",
        "attic-nas",
        "4711",
      ])
        expect(text, hidden).not.toContain(hidden);
    }
  });

  test("are in OpenMetrics too", () => {
    const all = read(figures(), "openmetrics");
    expect([...all.keys()].sort()).toEqual([...read(figures()).keys()].sort());
    expect(all.get("castaway_build_info")!.type).toBe("info");
  });

  test("are bounded, and say what was left out", () => {
    const groups = Array.from({ length: 1_000 }, (_, i) => ({
      ...STREAM,
      group: `239.0.${i >> 8}.${i & 255}`,
      bytes: i,
    }));
    const members = Array.from({ length: 700 }, (_, i) => ({ ...MEMBER, number: i + 2 }));
    const vifs = Array.from({ length: 300 }, (_, i) => ({ ...VIF, name: `eth${i}` }));
    const counters = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x.${i}`, i]));
    const networks = [{ ...NETWORK, members }];
    const all = read(figures({ groups, networks, vifs }, { stats: { ...STATS, counters } }));
    const left = (of: string): number | undefined => value(all, "castaway_metrics_left_out", { of });
    expect(left("groups")).toBe(1_000 - LISTED.groups);
    expect(left("members")).toBe(700 - LISTED.members);
    expect(left("vifs")).toBe(300 - LISTED.vifs);
    expect(left("events")).toBe(300 - LISTED.events);
    expect(left("networks")).toBe(0);
    expect(value(all, "castaway_groups")).toBe(1_000);
    const listed = all.get("castaway_group_bytes_per_second")!.samples.map(({ labels }) => labels["group"]);
    expect(listed).toHaveLength(LISTED.groups);
    expect(listed).toContain("239.0.3.231"); // carried most
    expect(listed).not.toContain("239.0.0.0");
  });

  test("two interfaces of one name make no sample twice", () => {
    const all = read(figures({ vifs: [VIF, { ...VIF, id: 2 }] }));
    expect(all.get("castaway_vif_up")!.samples).toHaveLength(1);
    expect(value(all, "castaway_metrics_left_out", { of: "duplicates" })).toBeGreaterThan(0);
    expect(value(read(figures()), "castaway_metrics_left_out", { of: "duplicates" })).toBe(0);
  });
});

describe("names of others", () => {
  // a name, and what is left of it
  test.each([
    ['x"} 1\ncastaway_up 1', 'x"} 1 castaway_up 1'],
    ["back\\slash\\", "back\\slash\\"],
    ["\\n", "\\n"],
    ["cr\rlf\r\n\u2028\u0085", "crlf "],
    ["\u001b[2J\u202eright", "[2Jright"],
    ["\ud800half", "half"],
    ["{},=# EOF", "{},=# EOF"],
    ["", ""],
    ["😀".repeat(100), "😀".repeat(64)],
  ])("%j is a label and nothing more", (name, left) => {
    for (const format of ["prometheus", "openmetrics"] as const) {
      const all = read(
        figures({
          networks: [{ ...NETWORK, name, members: [{ ...MEMBER, name }] }],
          vifs: [{ ...VIF, name }],
        }),
        format,
      );
      expect(all.get("castaway_member_info")!.samples[0]!.labels["name"]).toBe(left);
      expect(all.get("castaway_network_info")!.samples[0]!.labels["name"]).toBe(left);
      expect(all.get("castaway_vif_up")!.samples[0]!.labels["vif"]).toBe(left);
    }
  });
});

test("whatever a name is, a reader finds what plainText leaves of it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.boolean(), (name, open) => {
      const format = open ? "openmetrics" : "prometheus";
      const all = read(figures({ networks: [{ ...NETWORK, name }], groups: [] }), format);
      const label = all.get("castaway_network_info")!.samples[0]!.labels["name"];
      expect(label).toBe([...plainText(name)].slice(0, 64).join(""));
    }),
    { numRuns: 300 },
  );
});

test("numbers are as the formats have them", () => {
  const out = new Exposition();
  for (const [version, number] of Object.entries({
    a: 1e21,
    b: 1e-7,
    c: Infinity,
    d: -Infinity,
    e: NaN,
    f: true,
  }))
    out.add("uptime", { version }, number);
  const samples = readExposition(out.text("prometheus"), "prometheus").get(
    "castaway_uptime_seconds",
  )!.samples;
  expect(samples.map((one) => one.value)).toEqual([1e21, 1e-7, Infinity, -Infinity, NaN, 1]);
});

test("names begin with castaway, and have no unit behind _total", () => {
  const names = Object.values(FAMILIES).map(sampleName);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^castaway_[a-z0-9_]*[a-z0-9]$/);
  for (const { name, type } of Object.values(FAMILIES)) {
    expect(name).not.toMatch(/_(total|info)$/);
    if (/packets$|bytes$/.test(name) && type !== "gauge") expect(type).toBe("counter");
  }
});

test.each([
  [undefined, "prometheus"],
  ["*/*", "prometheus"],
  ["text/plain;version=0.0.4", "prometheus"],
  ["application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2", "openmetrics"],
  ["text/plain, Application/OpenMetrics-Text", "openmetrics"],
  ["application/openmetrics-text;q=0", "prometheus"],
  ["application/openmetrics-text;q=0.0, */*", "prometheus"],
  ["application/openmetrics-textual", "prometheus"],
])("Accept: %s is answered in the format of %s", (accept, format) => {
  expect(formatOf(accept)).toBe(format);
});
