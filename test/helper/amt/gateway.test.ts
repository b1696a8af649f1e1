import { describe, expect, test } from "vitest";
import { ANY_SOURCE, type SourceFilter } from "#protocol/membership/source-filter.ts";
import { GatewayScene, query, updates } from "./simulated-relay.ts";

const RELAY = "203.0.113.1";
const SECOND = "203.0.113.2";
const ANYCAST = "192.52.193.1";
const GROUP = "232.1.1.1";
const GROUP6 = "ff3e::1";
const from = (...sources: string[]): SourceFilter => ({ mode: "include", sources: new Set(sources) });
const kinds = (sent: readonly { readonly kind: string }[]): string[] => sent.map(({ kind }) => kind);

function active(candidates = [{ address: RELAY, discover: false }]): GatewayScene {
  const scene = new GatewayScene(candidates);
  scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
  scene.answer(scene.sent());
  scene.sent();
  scene.pass(5_000); // the first report's repetition
  scene.sent();
  return scene;
}

describe("finding a relay (RFC 7450 section 5.2.3.4)", () => {
  test("nothing is sent while nothing is wanted", () => {
    const scene = new GatewayScene([{ address: ANYCAST, discover: true }]);
    scene.pass(3_600_000);
    expect(scene.sent()).toEqual([]);
    expect(scene.gateway.state).toBe("idle");
  });

  test("the anycast address names one, by the nonce that it was asked with", () => {
    const scene = new GatewayScene([{ address: ANYCAST, discover: true }]);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    const [discovery, ...rest] = scene.sent();
    expect(discovery).toMatchObject({ kind: "relay-discovery", to: ANYCAST });
    expect(rest).toEqual([]);
    const nonce = (discovery as { nonce: number }).nonce;
    scene.receive({ kind: "relay-advertisement", nonce: nonce + 1, relay: SECOND }, ANYCAST);
    scene.receive({ kind: "relay-advertisement", nonce, relay: SECOND }, "198.51.100.66");
    expect(scene.gateway.state).toBe("discovering");
    scene.receive({ kind: "relay-advertisement", nonce, relay: RELAY }, ANYCAST);
    expect(scene.sent()).toMatchObject([{ kind: "request", family: 4, to: RELAY }]);
    expect(scene.relays).toEqual([RELAY]);
    expect(Object.fromEntries(scene.gateway.drops)).toEqual({ "wrong-nonce": 1, "not-from-relay": 1 });
  });

  test("a Discovery is repeated with its nonce, then the next candidate is asked", () => {
    const scene = new GatewayScene([
      { address: ANYCAST, discover: true },
      { address: SECOND, discover: false },
    ]);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    scene.pass(12_000);
    const sent = scene.sent();
    const discoveries = sent.filter(({ kind }) => kind === "relay-discovery");
    expect(discoveries).toHaveLength(3);
    expect(new Set(discoveries.map((message) => (message as { nonce: number }).nonce)).size).toBe(1);
    expect(sent.find(({ kind }) => kind === "request")).toMatchObject({ to: SECOND });
  });

  test.each(["0.0.0.0", "127.0.0.1", "232.1.1.1", "169.254.0.1", "::", "::1", "fe80::1", "ff3e::1"])(
    "an Advertisement that names %s names no relay",
    (relay) => {
      const scene = new GatewayScene([{ address: ANYCAST, discover: true }]);
      scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
      const { nonce } = scene.sent()[0] as { nonce: number };
      scene.receive({ kind: "relay-advertisement", nonce, relay }, ANYCAST);
      expect([scene.gateway.state, scene.sent(), scene.relays]).toEqual(["discovering", [], []]);
      expect(scene.gateway.drops.get("malformed")).toBe(1);
    },
  );

  test("when all have failed there is a pause that grows, and somebody is told", () => {
    const scene = new GatewayScene([{ address: RELAY, discover: false }]);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    scene.pass(3_600_000);
    const requests = scene.sent().filter(({ kind }) => kind === "request").length;
    expect(scene.exhausted).toBeGreaterThan(5);
    expect(scene.exhausted).toBeLessThan(25);
    expect(requests).toBe(scene.exhausted * 4);
  });
});

describe("a relay whose data has ceased", () => {
  const both = [RELAY, SECOND].map((address) => ({ address, discover: false }));

  test("is given up after two Requests without an answer", () => {
    const scene = active(both);
    const before = scene.now;
    scene.gateway.handleSilence(scene.now);
    scene.pass(4_000);
    const sent = scene.sent();
    expect(kinds(sent.filter(({ to }) => to === RELAY))).toEqual(["request", "request"]);
    expect(sent.at(-1)).toMatchObject({ kind: "request", to: SECOND });
    expect(scene.now - before).toBe(4_000);
  });

  test("and that answers has the usual patience again", () => {
    const scene = active(both);
    scene.gateway.handleSilence(scene.now);
    scene.pass(500);
    scene.answer(scene.sent());
    scene.sent();
    scene.pass(126_000 + 14_000);
    const sent = scene.sent().filter(({ kind }) => kind === "request");
    expect(sent.map(({ to }) => to)).toEqual([RELAY, RELAY, RELAY, RELAY]);
  });

  test("is not asked where it has not answered yet", () => {
    const scene = new GatewayScene(both);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    scene.sent();
    scene.gateway.handleSilence(scene.now);
    scene.pass(500);
    expect(scene.sent()).toEqual([]);
  });
});

describe("the handshake (sections 5.2.3.5 to 5.2.3.7)", () => {
  test("Request, Query, Update; the first report is repeated as often as the relay says", () => {
    const scene = new GatewayScene([{ address: RELAY, discover: false }]);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    const asked = scene.sent();
    scene.pass(40);
    scene.answer(asked);
    expect(scene.gateway).toMatchObject({ state: "active", roundTripMs: 40 });
    const sent = scene.sent();
    expect(kinds(sent)).toEqual(["membership-update"]);
    expect(sent[0]).toMatchObject({ mac: Uint8Array.of(9, 8, 7, 6, 5, 4), to: RELAY });
    expect(updates(sent)).toEqual([{ type: "is-include", group: GROUP, sources: ["198.51.100.1"] }]);
    scene.pass(10_000);
    expect(kinds(scene.sent())).toEqual(["membership-update"]);
  });

  test("the next Request has another nonce and goes when the relay's query interval is over", () => {
    const scene = active();
    scene.pass(119_000);
    expect(scene.sent()).toEqual([]);
    scene.pass(2_000);
    const again = scene.sent();
    expect(kinds(again)).toEqual(["request"]);
    scene.answer(again);
    expect(updates(scene.sent())).toEqual([{ type: "is-include", group: GROUP, sources: ["198.51.100.1"] }]);
    scene.pass(10_000);
    expect(scene.sent()).toEqual([]); // a refresh is not repeated
  });

  test("a change goes at once, with the last MAC and nonce, and takes the place of what it undoes", () => {
    const scene = active();
    scene.gateway.want(GROUP, from("198.51.100.1", "198.51.100.2"), scene.now);
    expect(updates(scene.sent())).toEqual([{ type: "allow", group: GROUP, sources: ["198.51.100.2"] }]);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    expect(updates(scene.sent())).toEqual([{ type: "block", group: GROUP, sources: ["198.51.100.2"] }]);
    scene.pass(10_000);
    expect(updates(scene.sent())).toEqual([{ type: "block", group: GROUP, sources: ["198.51.100.2"] }]);
    scene.gateway.want(GROUP, ANY_SOURCE, scene.now);
    expect(updates(scene.sent())).toEqual([{ type: "to-exclude", group: GROUP, sources: [] }]);
    scene.gateway.want(GROUP, undefined, scene.now);
    expect(updates(scene.sent())).toEqual([{ type: "to-include", group: GROUP, sources: [] }]);
  });

  test("with nothing wanted any more it falls silent, and wakes for the next wish", () => {
    const scene = active();
    scene.gateway.want(GROUP, undefined, scene.now);
    scene.pass(10_000);
    scene.sent();
    scene.pass(600_000);
    expect(scene.sent()).toEqual([]);
    scene.gateway.want(GROUP, from("198.51.100.3"), scene.now);
    scene.pass(1);
    expect(kinds(scene.sent())).toEqual(["request"]);
  });

  test("MLD has its own Request; Linux' relay is asked in its own way with the second try", () => {
    const scene = active();
    scene.gateway.want(GROUP6, from("2001:db8::1"), scene.now);
    scene.pass(1_500);
    const asked = scene.sent();
    expect(asked).toMatchObject([
      { kind: "request", family: 6, flag: "rfc", ecn: true },
      { kind: "request", family: 6, flag: "linux" },
    ]);
    expect(asked[1]).not.toHaveProperty("ecn");
    scene.answer(asked);
    expect(updates(scene.sent())).toEqual([{ type: "is-include", group: GROUP6, sources: ["2001:db8::1"] }]);
    // What it answered is asked first from now on.
    scene.pass(130_000);
    const [again] = scene.sent().filter((message) => message.kind === "request" && message.family === 6);
    expect(again).toMatchObject({ flag: "linux" });
  });

  test("an IGMP query in answer to MLD's Request does: its MAC is as good", () => {
    const scene = new GatewayScene([{ address: RELAY, discover: false }]);
    scene.gateway.want(GROUP6, from("2001:db8::1"), scene.now);
    const [request] = scene.sent();
    scene.receive(query(4, (request as { nonce: number }).nonce), RELAY);
    expect(updates(scene.sent())).toEqual([{ type: "is-include", group: GROUP6, sources: ["2001:db8::1"] }]);
  });

  test("a relay that has no answer for MLD is not left for that", () => {
    const scene = active();
    scene.gateway.want(GROUP6, from("2001:db8::1"), scene.now);
    scene.pass(60_000);
    expect(scene.relays).toEqual([RELAY]);
    expect(scene.gateway.state).toBe("active");
    scene.sent();
    scene.pass(240_000);
    expect(scene.sent().some((message) => message.kind === "request" && message.family === 6)).toBe(true);
  });
});

describe("a relay that is full, gone, or sees us elsewhere", () => {
  const both = [
    { address: RELAY, discover: false },
    { address: SECOND, discover: false },
  ];

  test("L sends a newcomer to the next one, and is nothing to who is in", () => {
    const scene = new GatewayScene(both);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    scene.answer(scene.sent(), { full: true });
    expect(scene.sent()).toMatchObject([{ kind: "request", to: SECOND }]);
    expect(scene.relays).toEqual([RELAY, undefined, SECOND]);
    const inside = active(both);
    inside.pass(125_000);
    inside.answer(inside.sent(), { full: true });
    expect(inside.relays).toEqual([RELAY]);
  });

  test("L of the only one is said until one takes us, and it is asked once a round, however it was named", () => {
    const scene = new GatewayScene([
      { address: RELAY, discover: true },
      { address: RELAY, discover: false },
    ]);
    const refuse = (): void => {
      const [discovery] = scene.sent();
      const { nonce } = discovery as { nonce: number };
      scene.receive({ kind: "relay-advertisement", nonce, relay: RELAY }, RELAY);
      scene.answer(scene.sent(), { full: true });
    };
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    refuse();
    expect(scene.sent()).toEqual([]);
    expect([scene.exhausted, scene.gateway.full]).toEqual([1, [RELAY]]);
    expect(scene.gateway.resumesAt).toBeGreaterThanOrEqual(scene.now + 5_000);
    scene.pass(7_000);
    const [again] = scene.sent();
    expect(again).toMatchObject({ kind: "relay-discovery", to: RELAY });
    const { nonce } = again as { nonce: number };
    scene.receive({ kind: "relay-advertisement", nonce, relay: RELAY }, RELAY);
    scene.answer(scene.sent());
    expect([scene.gateway.state, scene.gateway.full]).toEqual(["active", []]);
  });

  test("four Requests without an answer, and the next one is asked; it gets all that is wanted", () => {
    const scene = active(both);
    scene.pass(125_000 + 20_000);
    const sent = scene.sent();
    expect(sent.filter(({ to }) => to === RELAY)).toHaveLength(4);
    expect(scene.relays).toEqual([RELAY, undefined, SECOND]);
    scene.answer(sent);
    expect(updates(scene.sent())).toEqual([{ type: "is-include", group: GROUP, sources: ["198.51.100.1"] }]);
  });

  test("G with another endpoint: the old one is torn down, and all is reported from the new one", () => {
    const scene = new GatewayScene(both);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    const old = { address: "192.0.2.9", port: 4000 };
    scene.answer(scene.sent(), { gateway: old });
    scene.pass(125_000);
    const asked = scene.sent();
    scene.answer(asked, {
      gateway: { address: "192.0.2.9", port: 4001 },
      mac: Uint8Array.of(1, 1, 1, 1, 1, 1),
    });
    const sent = scene.sent();
    expect(kinds(sent)).toEqual(["teardown", "teardown", "membership-update"]);
    expect(sent[0]).toMatchObject({ gateway: old, mac: Uint8Array.of(9, 8, 7, 6, 5, 4) });
    expect(sent[2]).toMatchObject({ mac: Uint8Array.of(1, 1, 1, 1, 1, 1) });
  });

  test("after a change of networks it asks at once", () => {
    const scene = active();
    scene.gateway.handleNetworkChange(scene.now);
    scene.pass(1);
    expect(kinds(scene.sent())).toEqual(["request"]);
  });

  test("it takes leave: by a Teardown where it knows its endpoint, by a report where not", () => {
    const scene = active();
    scene.gateway.close();
    expect(updates(scene.sent())).toEqual([{ type: "block", group: GROUP, sources: ["198.51.100.1"] }]);
    expect(scene.gateway.pollTimeout()).toBeUndefined();
  });

  test("better candidates replace what is being tried, not what works", () => {
    const scene = active();
    scene.gateway.setCandidates([{ address: SECOND, discover: false }, ...both], scene.now);
    expect(scene.gateway.relay?.address).toBe(RELAY);
    scene.gateway.setCandidates([{ address: SECOND, discover: false }], scene.now);
    expect(scene.gateway.relay?.address).toBe(SECOND);
  });
});

describe("a hostile relay, and strangers", () => {
  test.each([
    [
      "a query from elsewhere",
      (scene: GatewayScene, nonce: number) => scene.receive(query(4, nonce), SECOND),
      "not-from-relay",
    ],
    [
      "from another port",
      (scene: GatewayScene, nonce: number) => scene.receive(query(4, nonce), RELAY, 53),
      "not-from-relay",
    ],
    [
      "with another nonce",
      (scene: GatewayScene, nonce: number) => scene.receive(query(4, nonce ^ 1), RELAY),
      "wrong-nonce",
    ],
    [
      "with something else in it",
      (scene: GatewayScene, nonce: number) =>
        scene.receive(
          { ...query(4, nonce), packet: new Uint8Array([0x45, 0, 0, 20, ...new Uint8Array(16)]) } as never,
          RELAY,
        ),
      "no-query",
    ],
    [
      "a gateway's message",
      (scene: GatewayScene, nonce: number) => scene.receive({ kind: "relay-discovery", nonce }, RELAY),
      "unexpected",
    ],
    [
      "garbage",
      (scene: GatewayScene) =>
        scene.gateway.handleDatagram(
          new Uint8Array(40).fill(0xff),
          { address: RELAY, port: 2268 },
          scene.now,
        ),
      "malformed",
    ],
  ])("%s is dropped and counted", (_what, act, reason) => {
    const scene = new GatewayScene([{ address: RELAY, discover: false }]);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    const [request] = scene.sent();
    act(scene, (request as { nonce: number }).nonce);
    expect(scene.sent()).toEqual([]);
    expect(Object.fromEntries(scene.gateway.drops)).toEqual({ [reason]: 1 });
    expect(scene.gateway.state).toBe("requesting");
  });

  test("a query interval of a second does not make us ask each second", () => {
    const scene = new GatewayScene([{ address: RELAY, discover: false }]);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    const [request] = scene.sent();
    scene.receive(query(4, (request as { nonce: number }).nonce, {}, 1), RELAY);
    scene.sent();
    scene.pass(4_900);
    expect(scene.sent().filter(({ kind }) => kind === "request")).toEqual([]);
  });

  test("the same Query again is of no use", () => {
    const scene = new GatewayScene([{ address: RELAY, discover: false }]);
    scene.gateway.want(GROUP, from("198.51.100.1"), scene.now);
    const asked = scene.sent();
    scene.answer(asked);
    scene.sent();
    scene.answer(asked);
    expect(scene.sent()).toEqual([]);
    expect(Object.fromEntries(scene.gateway.drops)).toEqual({ "wrong-nonce": 1 });
  });
});
