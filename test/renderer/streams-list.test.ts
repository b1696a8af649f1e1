import { describe, expect, test } from "vitest";
import type { Group } from "#contract/snapshot.ts";
import { listWindow, nextIndex } from "#renderer/screens/streams/list-window.ts";
import { listenerPlaces, ownAddresses, placesOf, sourcePlace } from "#renderer/screens/streams/places.ts";
import { sparklinePath } from "#renderer/screens/streams/sparkline.ts";
import { matches, StreamOrder, streamTitle } from "#renderer/screens/streams/stream-list.ts";
import { fakePeerVif } from "#test/support/app/fake-peer-vif.ts";
import { fakeGroup, fakeNetwork } from "#test/support/app/fake-state.ts";
import { fakeVif } from "#test/support/app/fake-streams.ts";

const UNKNOWN: Partial<Group> = {
  source: null,
  name: null,
  nameFrom: null,
  sourceName: null,
  port: null,
  payload: null,
  inVif: null,
  listeners: [],
  rateBps: 0,
  pps: 0,
  lossRatio: null,
  lossOf: null,
  ttl: null,
  firstSeen: null,
  lastSeen: null,
};
const PLACES = placesOf({
  networks: [fakeNetwork()],
  vifs: [
    fakePeerVif("peer-home-0", "n1", 0),
    fakePeerVif("peer-home-9", "n1", 9),
    fakeVif("castaway0", "tun"),
    fakeVif("eth0", "lan"),
    fakeVif("amt0", "amt-gateway"),
  ],
});
const [LISTENER] = fakeGroup(0).listeners;
if (!LISTENER) throw new Error("the fake group has a listener");

describe("a place is named by", () => {
  test.each([
    ["peer-home-0", { kind: "member", network: "n1", number: 0, name: "living-room" }],
    ["peer-home-9", { kind: "site", name: "peer-home-9" }], // a member who is gone
    ["castaway0", { kind: "here" }],
    ["eth0", { kind: "lan", name: "eth0" }],
    ["amt0", { kind: "internet" }],
    ["unheard-of", { kind: "site", name: "unheard-of" }],
  ])("the vif %s: %j", (inVif, place) => {
    expect(sourcePlace(fakeGroup(0, { inVif }), PLACES, new Set())).toEqual(place);
    const listeners = [{ ...LISTENER, vif: inVif, local: false }];
    expect(listenerPlaces(fakeGroup(0, { listeners }), PLACES)).toEqual([place]);
  });

  test("its programs, on whatever interface; and each place once, this computer first", () => {
    const listeners = [
      { ...LISTENER, vif: "peer-home-0", local: false },
      { ...LISTENER, vif: "eth0", local: true },
      { ...LISTENER, vif: "castaway0", local: true },
    ];
    const kinds = listenerPlaces(fakeGroup(0, { listeners }), PLACES).map(({ kind }) => kind);
    expect(kinds).toEqual(["here", "member"]);
  });

  test("its own address, though it came in by a LAN", () => {
    const own = ownAddresses({
      networks: [],
      lans: [
        { name: "eth0", index: 2, up: true, addresses: ["192.168.1.7/24"], mode: "full", pinned: false },
      ],
    });
    const group = fakeGroup(0, { inVif: "eth0", source: "192.168.1.7" });
    expect(sourcePlace(group, PLACES, own)).toEqual({ kind: "here" });
  });

  test("nothing where nothing came", () => {
    expect(sourcePlace(fakeGroup(0, UNKNOWN), PLACES, new Set())).toBeNull();
    expect(listenerPlaces(fakeGroup(0, UNKNOWN), PLACES)).toEqual([]);
  });
});

describe("the search", () => {
  const group = fakeGroup(0, { inVif: "peer-home-0", name: "Das Erste HD", sourceName: "tv-server" });
  const toLivingRoom = { ...group, listeners: [{ ...LISTENER, vif: "peer-home-0", local: false }] };

  test.each([
    ["", true],
    ["  ", true],
    ["erste", true],
    ["ERSTE hd", true],
    ["erste bbc", false],
    ["239.1.0.1", true],
    ["tv-serv", true],
    ["5004", true],
    ["living", true],
    ["(", false],
    ["null", false],
  ])("for %j", (search, found) => {
    expect(matches(toLivingRoom, { search, onlyActive: false }, PLACES)).toBe(found);
  });

  test("finds nothing in what is not known", () => {
    const unknown = fakeGroup(0, UNKNOWN);
    expect(matches(unknown, { search: "null", onlyActive: false }, PLACES)).toBe(false);
    expect(matches(unknown, { search: unknown.group, onlyActive: false }, PLACES)).toBe(true);
    expect(matches(unknown, { search: "", onlyActive: true }, PLACES)).toBe(false);
    expect(streamTitle(unknown)).toBe(unknown.group);
  });

  test("a name that is nothing but marks is no name", () => {
    expect(streamTitle(fakeGroup(0, { name: "\u202E\u200B " }))).toBe("239.1.0.1");
  });
});

describe("the order", () => {
  const rates = (...list: number[]): Group[] => list.map((rateBps, i) => fakeGroup(i, { rateBps }));
  const names = (groups: readonly Group[]): (string | null)[] => groups.map(({ name }) => name);

  test("by rate, which stays for ten seconds", () => {
    const order = new StreamOrder();
    expect(names(order.arrange(rates(1, 3, 2), "rate", 1_000, false))).toEqual([
      "Channel 2",
      "Channel 3",
      "Channel 1",
    ]);
    const later = rates(9, 3, 2);
    expect(names(order.arrange(later, "rate", 10_999, false))[0]).toBe("Channel 2");
    expect(names(order.arrange(later, "rate", 11_000, false))[0]).toBe("Channel 1");
  });

  test("and as long as somebody is about to choose; what is new comes last", () => {
    const order = new StreamOrder();
    order.arrange(rates(1, 3), "rate", 1_000, false);
    const later = rates(9, 3, 100);
    expect(names(order.arrange(later, "rate", 60_000, true))).toEqual([
      "Channel 2",
      "Channel 1",
      "Channel 3",
    ]);
    expect(names(order.arrange(later, "rate", 61_000, false))[0]).toBe("Channel 3");
  });

  test("a clock that was set back holds nothing up", () => {
    const order = new StreamOrder();
    order.arrange(rates(1, 3), "rate", 1_000_000, false);
    expect(names(order.arrange(rates(9, 3), "rate", 1_000, false))[0]).toBe("Channel 1");
  });

  test("by name as people count, addresses alone last", () => {
    const groups = [
      fakeGroup(0, { name: null }),
      fakeGroup(1, { name: "Channel 10" }),
      fakeGroup(2, { name: "channel 9" }),
      fakeGroup(3, { name: null, group: "239.1.0.2" }),
      fakeGroup(4, { name: "Ärte" }),
    ];
    const order = new StreamOrder().arrange(groups, "name", 0, false);
    expect(order.map(streamTitle)).toEqual(["Ärte", "channel 9", "Channel 10", "239.1.0.1", "239.1.0.2"]);
  });
});

describe("of a long list", () => {
  const VIEW = { count: 500, rowHeight: 68, height: 800 };

  test.each([
    [-400, 0, 12],
    [0, 0, 18],
    [6_800, 94, 118],
    [500 * 68 - 800, 482, 500],
    [1e9, 500, 500],
  ])("at %i px exist rows %i to %i", (top, first, end) => {
    expect(listWindow({ ...VIEW, top })).toEqual({ first, end });
  });

  test("that is empty, or not measured yet, a few rows at most exist", () => {
    expect(listWindow({ ...VIEW, count: 0, top: 0 })).toEqual({ first: 0, end: 0 });
    expect(listWindow({ ...VIEW, rowHeight: 0, top: 0 })).toEqual({ first: 0, end: 6 });
  });

  test.each([
    ["ArrowDown", 0, 1],
    ["ArrowUp", 0, 0],
    ["ArrowDown", 499, 499],
    ["PageDown", 0, 10],
    ["PageUp", 5, 0],
    ["Home", 300, 0],
    ["End", 300, 499],
    ["a", 300, undefined],
  ])("%s leads from %i to %s", (key, index, next) => {
    expect(nextIndex(key, index, 500, 10)).toBe(next);
  });

  test("keys lead nowhere where there is nothing", () => {
    expect(nextIndex("End", 0, 0, 10)).toBeUndefined();
  });
});

describe("a sparkline", () => {
  const box = { width: 30, height: 10 };

  test("fills its box, and breaks where nothing is known", () => {
    expect(sparklinePath([0, 5, Number.NaN, 10], box)).toBe("M0 10L10 5M30 0");
  });

  test("is empty without values, flat for nothing", () => {
    expect(sparklinePath([], box)).toBe("");
    expect(sparklinePath([0, 0], box)).toBe("M0 10L30 10");
    expect(sparklinePath([4], box)).toBe("M0 0");
  });
});
