import { describe, expect, test } from "vitest";
import {
  Announcements,
  MAX_ANNOUNCEMENTS,
  MAX_FROM_ONE,
  SAP_GROUPS_4,
  SAP_GROUPS_6,
  STREAM_NAME_LENGTH,
} from "#protocol/discovery/announcements.ts";
import { MAX_STREAMS } from "#protocol/discovery/announced-streams.ts";
import { groupRefusal, scopePolicy } from "#protocol/forwarding/scope.ts";
import { encodeSap, SDP_TYPE } from "#wire/sap.ts";

const SENDER = "192.168.1.20";
const OTHER = "192.168.1.66";
const GROUP = "239.255.42.1";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Said {
  readonly name?: string;
  readonly session?: number;
  readonly hash?: number;
  readonly group?: string;
  readonly port?: number;
  readonly filter?: string;
  readonly deletion?: boolean;
  readonly type?: string;
  readonly lines?: readonly string[];
}

function sap(said: Said = {}): Uint8Array {
  const { name = "BBC One", session = 1, hash = session, group = GROUP, port = 5004 } = said;
  const { filter, deletion = false, type = SDP_TYPE } = said;
  const net = `IN IP${group.includes(":") ? 6 : 4}`;
  const lines = said.lines ?? [
    `c=${net} ${group}${group.includes(":") ? "" : "/16"}`,
    "t=0 0",
    ...(filter === undefined ? [] : [`a=source-filter: incl ${net} * ${filter}`]),
    `m=video ${port} RTP/AVP 33`,
  ];
  const text = ["v=0", `o=- ${session} 1 IN IP4 192.168.1.20`, `s=${name}`, ...lines, ""].join("\r\n");
  return encodeSap({
    deletion,
    hash,
    source: "192.168.1.20",
    authentication: new Uint8Array(0),
    payloadType: type,
    payload: new TextEncoder().encode(text),
  });
}

function heard(...all: readonly (readonly [Said, string?])[]): Announcements {
  const announcements = new Announcements();
  for (const [i, [said, from = SENDER]] of all.entries()) announcements.handleDatagram(sap(said), from, i);
  return announcements;
}

test("the groups that announcements come by cross by default", () => {
  for (const group of [...SAP_GROUPS_4, ...SAP_GROUPS_6])
    expect(groupRefusal(scopePolicy(), group), group).toBeUndefined();
});

describe("an announced stream", () => {
  test("has its name, and no other group has", () => {
    const announcements = heard([{}], [{ session: 2, name: "Radio", group: "ff1e::7" }]);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBe("BBC One");
    expect(announcements.nameOf(GROUP, undefined, undefined)).toBe("BBC One");
    expect(announcements.nameOf("ff1e::7", "2001:db8::1", 5004)).toBe("Radio");
    expect(announcements.nameOf("239.255.42.2", SENDER, 5004)).toBeUndefined();
  });

  test("may have a group for each of its media, and layers", () => {
    const announcements = heard([
      {
        lines: ["c=IN IP4 239.9.9.9/1", "m=video 1 udp 33", "c=IN IP4 239.1.1.254/16/3", "m=audio 3 udp 33"],
      },
    ]);
    for (const group of ["239.1.1.254", "239.1.1.255", "239.1.2.0", "239.9.9.9"])
      expect(announcements.nameOf(group, SENDER, undefined), group).toBe("BBC One");
    expect(announcements.nameOf("239.1.2.1", SENDER, undefined)).toBeUndefined();
  });

  test.each([
    ["RTP/AVP 33", [], "rtp-mpegts"],
    ["RTP/AVPF 14 96", ["a=rtpmap:96 MP2T/90000"], "rtp-mpegts"],
    ["RTP/AVP 96", ["a=rtpmap:97 MP2T/90000", "a=rtpmap:96 H264/90000"], "rtp"],
    ["udp 33", [], "mpegts"],
    ["udp mp2t", [], "mpegts"],
    ["udp wb", [], "other"],
    ["TCP/BFCP 33", [], "other"],
  ] as const)("over %s says what it carries", (media, attributes, payload) => {
    const announcements = heard([{ lines: [`c=IN IP4 ${GROUP}/1`, `m=video 5004 ${media}`, ...attributes] }]);
    expect([...announcements.streams(9, () => true).values()]).toEqual([
      { group: GROUP, port: 5004, payload },
    ]);
    expect(announcements.streams(9, (group) => group !== GROUP).size).toBe(0);
    expect(announcements.streams(0, () => true).size).toBe(0);
  });

  test("changes its name and its groups with a new version", () => {
    const announcements = heard([{}], [{ hash: 9, name: "BBC Two", group: "239.255.42.2" }]);
    expect(announcements.size).toBe(1);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBeUndefined();
    expect(announcements.nameOf("239.255.42.2", SENDER, 5004)).toBe("BBC Two");
  });

  test("is another one than that of the same sender, also where both have the same hash", () => {
    const announcements = heard([{ hash: 5 }], [{ hash: 5, session: 2, name: "Two", group: "239.255.42.2" }]);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBe("BBC One");
    expect(announcements.nameOf("239.255.42.2", SENDER, 5004)).toBe("Two");
  });

  test("says whether what is known has changed", () => {
    const announcements = new Announcements();
    const say = (said: Said): boolean => announcements.handleDatagram(sap(said), SENDER, 0);
    expect(say({})).toBe(true);
    expect(say({})).toBe(false);
    expect(say({ hash: 9, name: "Two" })).toBe(true);
    expect(say({ hash: 9, name: "Two", port: 1 })).toBe(true);
    expect(say({ hash: 9, deletion: true })).toBe(true);
    expect(say({ hash: 9, deletion: true })).toBe(false);
  });
});

describe("who says it", () => {
  test("the stream's own sender is believed before others, whoever was first", () => {
    const announcements = heard([{ name: "Mine now", filter: SENDER }, OTHER], [{}]);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBe("BBC One");
  });

  test("who names the source, then who names the port, goes before who names neither", () => {
    const announcements = heard(
      [{ name: "neither", session: 1, port: 1 }, OTHER],
      [{ name: "port", session: 2 }, OTHER],
      [{ name: "source", session: 3, filter: SENDER, port: 1 }, OTHER],
    );
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBe("source");
    expect(announcements.nameOf(GROUP, "192.168.1.9", 5004)).toBe("port");
    expect(announcements.nameOf(GROUP, "192.168.1.9", 7)).toBe("neither");
  });

  test("the first keeps the name, also when it says it anew", () => {
    const announcements = heard([{}, OTHER], [{ name: "Thief" }, "192.168.1.67"], [{ hash: 8 }, OTHER]);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBe("BBC One");
  });

  test("a stream of another source than the one it names is not called so", () => {
    const announcements = heard([{ group: "232.1.1.1", filter: SENDER }]);
    expect(announcements.nameOf("232.1.1.1", SENDER, 5004)).toBe("BBC One");
    expect(announcements.nameOf("232.1.1.1", OTHER, 5004)).toBeUndefined();
  });
});

describe("an announcement goes", () => {
  test.each<[string, Said]>([
    ["by its hash", { deletion: true }],
    ["by its origin, where it has no hash", { deletion: true, hash: 0 }],
    ["when it says that it has no name", { hash: 2, name: "-" }],
    ["when it says that it has no groups", { hash: 2, lines: [] }],
    ["when its group is none", { hash: 2, group: "192.0.2.1" }],
  ])("%s", (_how, said) => {
    const announcements = heard([{}], [said]);
    expect(announcements.size).toBe(0);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBeUndefined();
  });

  test("by its hash, where the deletion holds the origin alone; others stay", () => {
    const announcements = heard([{}], [{ session: 2, name: "Two", group: "239.255.42.2" }]);
    const origin = (hash: number, from = SENDER): boolean =>
      announcements.handleDatagram(
        encodeSap({
          ...{ deletion: true, hash, source: "192.168.1.20", authentication: new Uint8Array(0) },
          ...{ payloadType: undefined, payload: new TextEncoder().encode("o=- 1 1 IN IP4 192.168.1.20\r\n") },
        }),
        from,
        9,
      );
    expect([origin(7), origin(1, OTHER), origin(1)]).toEqual([false, false, true]);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBeUndefined();
    expect(announcements.nameOf("239.255.42.2", SENDER, 5004)).toBe("Two");
  });

  test("not because somebody else says so", () => {
    const announcements = heard([{}], [{ deletion: true }, OTHER], [{ deletion: true, hash: 0 }, OTHER]);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBe("BBC One");
  });

  test("after an hour without it", () => {
    const announcements = heard([{}]);
    expect(announcements.pollTimeout()).toBe(HOUR);
    announcements.handleTimeout(HOUR - 1);
    expect(announcements.size).toBe(1);
    announcements.handleTimeout(HOUR);
    expect(announcements.size).toBe(0);
    expect(announcements.pollTimeout()).toBeUndefined();
  });

  test("after ten periods where that is longer, and after a day at the latest", () => {
    const announcements = new Announcements();
    const at = (now: number): number => {
      announcements.handleDatagram(sap(), SENDER, now);
      return announcements.pollTimeout()! - now;
    };
    expect(at(0)).toBe(HOUR);
    expect(at(5 * MINUTE)).toBe(HOUR);
    expect(at(15 * MINUTE)).toBe(100 * MINUTE);
    expect(at(15 * MINUTE + 50 * MINUTE)).toBe(500 * MINUTE);
    expect(at(65 * MINUTE + 4 * HOUR)).toBe(24 * HOUR);
  });
});

describe("what strangers may do", () => {
  test.each<[string, Uint8Array]>([
    ["garbage", Uint8Array.of(0xff, 1, 2, 3)],
    ["another payload", sap({ type: "text/plain" })],
    ["a description that is none", sap({ lines: ["hello"] })],
    ["a deletion of what nobody announced", sap({ deletion: true, lines: ["x=1"] })],
  ])("%s is counted", (_what, payload) => {
    const announcements = new Announcements();
    expect(announcements.handleDatagram(payload, SENDER, 0)).toBe(false);
    expect(announcements.size).toBe(0);
    expect(announcements.counters).toEqual({ heard: 1, deleted: 0, malformed: 1, full: 0 });
  });

  test("a name cannot reorder, steer or flood a line", () => {
    const name = `a\u202e\u0007\u200b<b>  ${"x".repeat(300)}`;
    const announcements = heard([{ name }]);
    const shown = announcements.nameOf(GROUP, SENDER, 5004)!;
    expect(shown).toMatch(/^a<b> x+$/);
    expect(shown.length).toBe(STREAM_NAME_LENGTH);
  });

  test("one who announces too much loses its own oldest alone", () => {
    const announcements = heard([{}]);
    for (let session = 1; session <= 1_000; session++)
      announcements.handleDatagram(sap({ session, hash: session, group: "239.6.6.6" }), OTHER, session);
    expect(announcements.size).toBe(1 + MAX_FROM_ONE);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBe("BBC One");
    expect(announcements.counters.full).toBe(1_000 - MAX_FROM_ONE);
  });

  test("many who fill the table lose what they have, not those who have little", () => {
    const announcements = heard([{}]);
    for (let sender = 0; sender < 20; sender++)
      for (let session = 1; session <= MAX_FROM_ONE; session++)
        announcements.handleDatagram(
          sap({ session, hash: session, group: "239.6.6.6" }),
          `10.0.0.${sender}`,
          sender * 100 + session,
        );
    expect(announcements.size).toBe(MAX_ANNOUNCEMENTS);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBe("BBC One");
    expect(announcements.handleDatagram(sap({ name: "Late", group: "239.7.7.7" }), "10.9.9.9", 9_999)).toBe(
      true,
    );
    expect(announcements.nameOf("239.7.7.7", undefined, undefined)).toBe("Late");
  });

  test("whoever crowds a group with names, its sender's own is found", () => {
    const announcements = new Announcements();
    for (let session = 0; session < 400; session++)
      announcements.handleDatagram(sap({ name: "noise", session }), `10.0.${session >> 5}.1`, session);
    announcements.handleDatagram(sap({}), SENDER, 9_999);
    expect(announcements.nameOf(GROUP, SENDER, 5004)).toBe("BBC One");
    expect(announcements.nameOf(GROUP, "192.168.1.9", 5004)).toBe("noise");
  });

  test("a filter of many sources says nothing", () => {
    const filter = Array.from({ length: 9 }, (_, i) => `192.0.2.${i}`).join(" ");
    expect(heard([{ filter }]).nameOf(GROUP, SENDER, 5004)).toBe("BBC One");
    expect(heard([{ filter: filter.slice(10) }]).nameOf(GROUP, SENDER, 5004)).toBeUndefined();
  });

  test("an announcement of everything is cut", () => {
    const media = Array.from({ length: 32 }, (_, i) => [
      `m=video ${i + 1} udp 33`,
      `c=IN IP4 239.5.${i}.0/1/16`,
    ]);
    const announcements = heard([{ lines: media.flat() }]);
    const named = Array.from({ length: 512 }, (_, i) => `239.5.${i >> 4}.${i & 15}`).filter(
      (group) => announcements.nameOf(group, undefined, undefined) !== undefined,
    );
    expect(named).toHaveLength(MAX_STREAMS);
  });
});
