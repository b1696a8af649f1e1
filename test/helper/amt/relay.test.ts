import { beforeEach, describe, expect, test } from "vitest";
import type { Endpoint } from "#ports/endpoint.ts";
import { RELAY_DEFAULTS, type RelayCommand } from "#protocol/amt/relay-types.ts";
import { AmtRelay } from "#protocol/amt/relay.ts";
import { MAX_GROUPS, MAX_SOURCES } from "#protocol/amt/relay-gateway.ts";
import { SECRET_LIFETIME_MS } from "#protocol/amt/response-mac.ts";
import { type AmtMembershipQuery, type AmtMessage, decodeAmt, encodeAmt } from "#wire/amt.ts";
import type { GroupRecord } from "#wire/membership-message.ts";
import { decodeMembershipPacket, encodeMembershipPacket } from "#wire/membership-packet.ts";
import { CountingEntropy } from "./simulated-relay.ts";

const OPTIONS = { ...RELAY_DEFAULTS, addresses: { 4: "203.0.113.1", 6: "2001:db8::1" } };
const GATEWAY = { address: "198.51.100.7", port: 4000 };
const GROUP = "232.1.1.1";
const SOURCE = "192.0.2.50";
const GMI_MS = 2 * 125_000 + 10_000;

let relay: AmtRelay;
let now: number;

beforeEach(() => {
  now = 1_000_000;
  relay = new AmtRelay(OPTIONS, new CountingEntropy(), now);
});

function commands(): RelayCommand[] {
  const found: RelayCommand[] = [];
  for (let command; (command = relay.nextCommand());) found.push(command);
  return found;
}

function answers(message: AmtMessage | Uint8Array, from: Endpoint = GATEWAY): AmtMessage[] {
  relay.handleDatagram(message instanceof Uint8Array ? message : encodeAmt(message), from, now);
  return commands().flatMap((command) => (command.type === "send" ? [decodeAmt(command.datagram)] : []));
}

function ask(from: Endpoint = GATEWAY, nonce = 77, family: 4 | 6 = 4): AmtMembershipQuery {
  const [query] = answers({ kind: "request", nonce, family, flag: "rfc" }, from);
  if (query?.kind !== "membership-query") throw new Error("no Query came");
  return query;
}

function report(records: readonly GroupRecord[], family: 4 | 6 = 4): Uint8Array {
  return encodeMembershipPacket({ kind: "report", version: 3, records }, family === 4 ? "0.0.0.0" : "::");
}

const JOIN: GroupRecord = { type: "allow", group: GROUP, sources: [SOURCE] };

/** Returns the commands that are no datagrams. */
function update(
  proof: Pick<AmtMembershipQuery, "mac" | "nonce">,
  packet: Uint8Array,
  from: Endpoint = GATEWAY,
): RelayCommand[] {
  const { mac, nonce } = proof;
  relay.handleDatagram(encodeAmt({ kind: "membership-update", mac, nonce, packet }), from, now);
  return commands();
}

function pass(ms: number): RelayCommand[] {
  const end = now + ms;
  const found: RelayCommand[] = [];
  for (let at; (at = relay.pollTimeout()) <= end;) {
    now = at;
    relay.handleTimeout(now);
    found.push(...commands());
  }
  now = end;
  return found;
}

const drops = (): Record<string, number> => Object.fromEntries(relay.drops);

describe("the handshake (RFC 7450 section 5.3.3)", () => {
  test("a Discovery is answered with the address of its own family", () => {
    const discovery = { kind: "relay-discovery", nonce: 5 } as const;
    expect(answers(discovery)).toEqual([{ kind: "relay-advertisement", nonce: 5, relay: "203.0.113.1" }]);
    expect(answers(discovery, { address: "2001:db8::9", port: 1 })).toEqual([
      { kind: "relay-advertisement", nonce: 5, relay: "2001:db8::1" },
    ]);
  });

  test("Request, Query, Update; nothing is remembered before that", () => {
    const query = ask();
    expect(relay.size).toBe(0);
    expect(query).toMatchObject({ nonce: 77, full: false, gateway: undefined });
    expect(update(query, report([JOIN]))).toEqual([
      { type: "gateway", id: 1, endpoint: GATEWAY, socket: 0, ecn: false },
      { type: "listeners", id: 1, group: GROUP, filter: { mode: "include", sources: new Set([SOURCE]) } },
    ]);
    expect(relay.size).toBe(1);
  });

  test.each([4, 6] as const)("the query of family %i is general, and of the latest version", (family) => {
    const inner = decodeMembershipPacket(ask(GATEWAY, 1, family).packet);
    expect(inner).toMatchObject({
      family,
      routerAlert: true,
      message: { kind: "query", version: 3, group: undefined, robustness: 2, queryIntervalS: 125 },
    });
  });

  test("what changes is told as it changes; who wants nothing any more is forgotten", () => {
    const query = ask();
    update(query, report([JOIN]));
    const second = "192.0.2.51";
    expect(update(query, report([{ ...JOIN, sources: [second] }]))).toMatchObject([
      { type: "listeners", filter: { sources: new Set([SOURCE, second]) } },
    ]);
    expect(update(query, report([JOIN]))).toEqual([]);
    expect(update(query, report([{ type: "block", group: GROUP, sources: [SOURCE, second] }]))).toEqual([
      { type: "listeners", id: 1, group: GROUP, filter: undefined },
      { type: "gateway-gone", id: 1 },
    ]);
    expect(relay.size).toBe(0);
  });

  test("ASM, IGMPv2's reports and leaves, and both families of one gateway", () => {
    const query = ask();
    const old = encodeMembershipPacket({ kind: "report-old", version: 2, group: "239.1.1.1" }, "0.0.0.0");
    expect(update(query, old)).toMatchObject([
      { type: "gateway" },
      { group: "239.1.1.1", filter: { mode: "exclude" } },
    ]);
    const records: GroupRecord[] = [{ type: "to-exclude", group: "ff3e::1", sources: [] }];
    expect(update(query, report(records, 6))).toMatchObject([{ id: 1, group: "ff3e::1" }]);
    const leave = encodeMembershipPacket({ kind: "leave", group: "239.1.1.1" }, "0.0.0.0");
    expect(update(query, leave)).toEqual([
      { type: "listeners", id: 1, group: "239.1.1.1", filter: undefined },
    ]);
  });

  test("who is silent is gone after the group membership interval", () => {
    update(ask(), report([JOIN]));
    expect(pass(GMI_MS - 1)).toEqual([]);
    expect(pass(1)).toEqual([
      { type: "listeners", id: 1, group: GROUP, filter: undefined },
      { type: "gateway-gone", id: 1 },
    ]);
  });

  test("a Teardown from anywhere ends the tunnel of the endpoint that its MAC was made for, and no other", () => {
    const query = ask();
    update(query, report([JOIN]));
    const elsewhere = { address: "198.51.100.8", port: 9 };
    const teardown = { kind: "teardown", mac: query.mac, nonce: query.nonce, gateway: GATEWAY } as const;
    answers({ ...teardown, mac: Uint8Array.from(query.mac, (byte) => byte ^ 1) }, elsewhere);
    expect(relay.size).toBe(1);
    answers(teardown, elsewhere);
    expect(relay.size).toBe(0);
    answers(teardown, elsewhere); // as often as the robustness variable says
    expect(drops()).toEqual({ "wrong-mac": 1 });
  });

  test("an anycast address is for Discoveries: the relay's own one is asked for the rest (section 4.1.4)", () => {
    const at = { socket: 2, anycast: true };
    relay.handleDatagram(encodeAmt({ kind: "relay-discovery", nonce: 5 }), GATEWAY, now, at);
    relay.handleDatagram(encodeAmt({ kind: "request", nonce: 6, family: 4, flag: "rfc" }), GATEWAY, now, at);
    expect(commands()).toMatchObject([{ type: "send", socket: 2, to: GATEWAY }]);
    expect(drops()).toEqual({ "to-anycast": 1 });
  });

  test("who takes over congestion marks says so in its Request, and is known by its MAC (RFC 9601)", () => {
    const [query] = answers({ kind: "request", nonce: 8, family: 4, flag: "rfc", ecn: true });
    const packet = report([JOIN]);
    expect(update(query as AmtMembershipQuery, packet)).toMatchObject([
      { type: "gateway", id: 1, ecn: true },
      {},
    ]);
    // It does not any more, and writes to another socket.
    const proof = ask();
    const { mac, nonce } = proof;
    const datagram = encodeAmt({ kind: "membership-update", mac, nonce, packet });
    relay.handleDatagram(datagram, GATEWAY, now, { socket: 1, anycast: false });
    expect(commands()).toEqual([{ type: "gateway", id: 1, endpoint: GATEWAY, socket: 1, ecn: false }]);
  });

  test("G only where it was switched on, because VLC takes no query that has it", () => {
    expect(encodeAmt(ask())).toHaveLength(48);
    relay = new AmtRelay({ ...OPTIONS, tellEndpoint: true }, new CountingEntropy(), now);
    expect(ask().gateway).toEqual(GATEWAY);
  });
});

describe("what others do (and is to be put up with)", () => {
  test("Linux' place of the P flag, and VLC's ninth byte", () => {
    const linux = answers({ kind: "request", nonce: 1, family: 6, flag: "linux" });
    expect(decodeMembershipPacket((linux[0] as AmtMembershipQuery).packet)).toMatchObject({ family: 6 });
    const vlc = Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 1, 0);
    expect(answers(vlc)).toMatchObject([{ kind: "membership-query", nonce: 1 }]);
  });

  test("VLC asks once and repeats its Update for as long as it plays", () => {
    const query = ask();
    update(query, report([JOIN]));
    for (let passed = 0; passed < 4 * SECRET_LIFETIME_MS; passed += 125_000) {
      pass(125_000);
      update(query, report([JOIN]));
    }
    expect(relay.size).toBe(1);
    expect(drops()).toEqual({});
  });

  test("MLD reports under a handshake for IGMP, as amtgwd sends them", () => {
    const records: GroupRecord[] = [{ type: "is-include", group: "ff3e::7", sources: ["2001:db8::2"] }];
    expect(update(ask(), report(records, 6))).toMatchObject([{ type: "gateway" }, { group: "ff3e::7" }]);
  });

  test("a MAC made before the last rotation of the secret is good, an older one is not", () => {
    const query = ask();
    pass(SECRET_LIFETIME_MS + 1);
    expect(update(query, report([JOIN]))).toHaveLength(2);
    const old = ask({ ...GATEWAY, port: 5 });
    pass(2 * SECRET_LIFETIME_MS + 1);
    expect(update(old, report([JOIN]), { ...GATEWAY, port: 5 })).toEqual([]);
    expect(drops()).toEqual({ "wrong-mac": 1 });
  });

  test("a MAC whose last two bytes were garbled is good where that was switched on alone", () => {
    const garbled = (query: AmtMembershipQuery): AmtMembershipQuery => ({
      ...query,
      mac: Uint8Array.from(query.mac, (byte, index) => (index < 4 ? byte : 0)),
    });
    expect(update(garbled(ask()), report([JOIN]))).toEqual([]);
    relay = new AmtRelay({ ...OPTIONS, shortMac: true }, new CountingEntropy(), now);
    expect(update(garbled(ask()), report([JOIN]))).toHaveLength(2);
  });
});

describe("hostile gateways", () => {
  test.each([
    [
      "data: AMT is one-way",
      encodeAmt({ kind: "multicast-data", packet: report([JOIN]) }),
      "data-from-gateway",
    ],
    [
      "a relay's message",
      encodeAmt({ kind: "relay-advertisement", nonce: 1, relay: "192.0.2.1" }),
      "unexpected",
    ],
    ["garbage", new Uint8Array(60).fill(0xee), "malformed"],
    [
      "an Update with a MAC of its own",
      encodeAmt({ kind: "membership-update", mac: new Uint8Array(6), nonce: 77, packet: report([JOIN]) }),
      "wrong-mac",
    ],
  ])("%s is dropped and counted", (_what, datagram, reason) => {
    expect(answers(datagram)).toEqual([]);
    expect(relay.size).toBe(0);
    expect(drops()).toEqual({ [reason]: 1 });
  });

  test("a MAC is good for the address, port and nonce that it was made for", () => {
    const query = ask();
    for (const from of [
      { ...GATEWAY, port: 4001 },
      { ...GATEWAY, address: "198.51.100.8" },
    ])
      expect(update(query, report([JOIN]), from)).toEqual([]);
    expect(update({ mac: query.mac, nonce: 78 }, report([JOIN]))).toEqual([]);
    expect(drops()).toEqual({ "wrong-mac": 3 });
  });

  test("something else than a report", () => {
    update(ask(), ask().packet);
    expect(drops()).toEqual({ "no-report": 1 });
  });

  test("strangers' questions are answered at a rate; who has a tunnel is not kept from its refresh", () => {
    update(ask(), report([JOIN]));
    let answered = 0;
    for (let i = 0; i < 20_000; i++) {
      const from = { address: `192.0.2.${i % 250}`, port: 1024 + i };
      answered += answers({ kind: "request", nonce: i, family: 4, flag: "rfc" }, from).length;
    }
    expect(answered).toBeLessThanOrEqual(1_000);
    expect(drops()).toEqual({ "too-many-strangers": 20_000 - answered });
    expect(ask()).toBeDefined();
    expect(relay.size).toBe(1);
  });

  test("endless groups and sources end at the limits, and what was there stays", () => {
    const query = ask();
    const groups = Array.from({ length: 200 }, (_, i) => ({ ...JOIN, group: `232.2.0.${i}` }));
    const found = update(query, report(groups.slice(0, 100)));
    update(query, report(groups.slice(100)));
    expect(found.filter(({ type }) => type === "listeners")).toHaveLength(MAX_GROUPS);
    const sources = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`);
    const [last] = update(query, report([{ ...JOIN, group: "232.2.0.0", sources }])).slice(-1);
    expect(last?.type === "listeners" && last.filter?.sources.size).toBe(MAX_SOURCES);
    expect(relay.overLimit).toBe(200 - MAX_GROUPS + 200 - MAX_SOURCES);
    // All of them again is a refresh.
    expect(update(query, report([{ ...JOIN, group: "232.2.0.0", sources: sources.slice(0, 60) }]))).toEqual(
      [],
    );
  });

  test("more Updates than anybody needs are dropped", () => {
    const query = ask();
    for (let i = 0; i < 1_000; i++) update(query, report([JOIN]));
    expect(drops()["too-many-updates"]).toBeGreaterThan(900);
  });

  test("one address holds so many tunnels and no more; a full relay says so to newcomers alone", () => {
    const options = { ...OPTIONS, maxGateways: 5, maxGatewaysPerAddress: 3 };
    relay = new AmtRelay(options, new CountingEntropy(), now);
    const join = (from: Endpoint): number => update(ask(from), report([JOIN]), from).length;
    const ports = [1, 2, 3, 4].map((port) => join({ ...GATEWAY, port }));
    expect(ports).toEqual([2, 2, 2, 0]);
    expect(join({ address: "192.0.2.1", port: 1 }) + join({ address: "192.0.2.2", port: 1 })).toBe(4);
    expect(ask({ address: "192.0.2.3", port: 1 }).full).toBe(true);
    expect(ask({ ...GATEWAY, port: 1 }).full).toBe(false);
    expect(drops()).toEqual({ "too-many-gateways": 1 });
    // One leaves, one may come.
    relay.remove(1);
    expect(ask({ address: "192.0.2.3", port: 1 }).full).toBe(false);
  });

  test("link-local groups are nobody's business here", () => {
    expect(update(ask(), report([{ ...JOIN, group: "224.0.0.251" }]))).toEqual([
      { type: "gateway", id: 1, endpoint: GATEWAY, socket: 0, ecn: false },
      { type: "gateway-gone", id: 1 },
    ]);
  });
});
