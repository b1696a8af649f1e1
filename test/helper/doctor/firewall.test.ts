// Rules as `nft -j list ruleset` prints them, and what they do to packets that nobody sends.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ImaginedPacket } from "#runtime/doctor/firewall/packet.ts";
import { readRuleset, type Ruleset } from "#runtime/doctor/firewall/ruleset.ts";
import { verdictOn } from "#runtime/doctor/firewall/verdict.ts";

const CALL: ImaginedPacket = {
  hook: "input",
  family: 4,
  interface: "eth0",
  protocol: "udp",
  state: "new",
  destinationPort: 42268,
};
const STREAM: ImaginedPacket = {
  hook: "input",
  family: 4,
  interface: "castaway0",
  protocol: "udp",
  state: "new",
  destination: "239.1.2.3",
};
const MLD: ImaginedPacket = {
  hook: "input",
  family: 6,
  interface: "eth0",
  protocol: "icmpv6",
  state: "untracked",
  destination: "ff02::1",
  type: ["mld-listener-query", 130],
};

const meta = (key: string): object => ({ meta: { key } });
const field = (protocol: string, name: string): object => ({ payload: { protocol, field: name } });
const match = (left: object, right: unknown, op = "=="): object => ({ match: { op, left, right } });
const ACCEPT = { accept: null };
const DROP = { drop: null };

const FORWARDED: ImaginedPacket = {
  hook: "forward",
  family: 4,
  interface: "castaway0",
  leavesBy: "eth0",
  protocol: "tcp",
  state: "new",
};

interface Chains {
  readonly [name: string]: readonly (readonly object[])[];
}

/** A table whose chains "input", "output" and "forward" hang in the hooks of that name. */
function rules(policy: "accept" | "drop", chains: Chains, sets: object[] = [], family = "inet"): Ruleset {
  const place = { family, table: "filter" };
  const printed = {
    nftables: [
      { metainfo: { version: "1.0.6", json_schema_version: 1 } },
      { table: { family, name: "filter", handle: 1 } },
      ...sets.map((set) => ({ set: { ...place, ...set } })),
      ...Object.keys(chains).map((name) => ({
        chain: {
          ...place,
          name,
          handle: 1,
          ...(["input", "output", "forward"].includes(name) && {
            type: "filter",
            hook: name,
            prio: 0,
            policy,
          }),
        },
      })),
      ...Object.entries(chains).flatMap(([chain, list]) =>
        list.map((expr, i) => ({ rule: { ...place, chain, handle: i + 10, expr } })),
      ),
    ],
  };
  const read = readRuleset(printed);
  if (!read) throw new Error("not a rule set");
  return read;
}

test("no rules let everything in", () => {
  expect(verdictOn(CALL, readRuleset({ nftables: [] })!)).toEqual({ outcome: "accept" });
});

test("a policy drops what no rule lets in, and says which", () => {
  const closed = rules("drop", { input: [[match(field("tcp", "dport"), 22), ACCEPT]] });
  expect(verdictOn(CALL, closed)).toMatchObject({ outcome: "drop", where: "policy of inet filter input" });
  const open = rules("drop", { input: [[match(field("udp", "dport"), 42268), { counter: {} }, ACCEPT]] });
  expect(verdictOn(CALL, open)).toEqual({ outcome: "accept" });
});

// one rule in front of a policy that drops; does the call from outside get in?
test.each([
  ["a set of ports", match(field("udp", "dport"), { set: [67, { range: [42000, 43000] }] }), true],
  ["a range that ends before", match(field("udp", "dport"), { range: [1, 42267] }), false],
  ["another interface", match(meta("iifname"), "lo"), false],
  ["a wildcard", match(meta("iifname"), "eth*"), true],
  ["every port above", match(field("th", "dport"), 40000, ">="), true],
  ["the protocol by name", match(meta("l4proto"), { set: ["tcp", "udp"] }), true],
  ["the protocol by number", match(field("ip", "protocol"), 17), true],
  ["the other family's header", match(field("ip6", "nexthdr"), "udp"), false],
  ["what is answered alone", match({ ct: { key: "state" } }, ["established", "related"], "in"), false],
  ["what is not new", match({ ct: { key: "state" } }, "new", "!="), false],
  ["what is for this computer", match({ fib: { result: "type", flags: ["daddr"] } }, "local"), true],
])("%s", (_what, condition, passes) => {
  const outcome = passes ? "accept" : "drop";
  expect(verdictOn(CALL, rules("drop", { input: [[condition, ACCEPT]] })).outcome).toBe(outcome);
});

test("what is forwarded has two interfaces", () => {
  // As Docker leaves it.
  const docker = rules("drop", { forward: [[match(meta("oifname"), "docker0"), ACCEPT]] });
  expect(verdictOn(FORWARDED, docker)).toMatchObject({
    outcome: "drop",
    where: "policy of inet filter forward",
  });
  const both = [match(meta("iifname"), "castaway0"), match(meta("oifname"), "eth0"), ACCEPT];
  expect(verdictOn(FORWARDED, rules("drop", { forward: [both] }))).toEqual({ outcome: "accept" });
  expect(verdictOn(CALL, docker)).toEqual({ outcome: "accept" }); // another hook
});

test("TCP is not UDP", () => {
  const tcp: ImaginedPacket = { ...CALL, protocol: "tcp" };
  const one = rules("drop", { input: [[match(field("udp", "dport"), 42268), ACCEPT]] });
  expect([verdictOn(CALL, one).outcome, verdictOn(tcp, one).outcome]).toEqual(["accept", "drop"]);
  const both = rules("drop", { input: [[match(field("th", "dport"), 42268), ACCEPT]] });
  expect([verdictOn(CALL, both).outcome, verdictOn(tcp, both).outcome]).toEqual(["accept", "accept"]);
  expect(verdictOn(MLD, both).outcome).toBe("drop"); // it has no ports
});

test("what depends on something that is not known is neither let in nor kept out for certain", () => {
  const ofSome = rules("drop", { input: [[match(field("ip", "saddr"), "192.0.2.1"), ACCEPT]] });
  expect(verdictOn(CALL, ofSome).outcome).toBe("depends");
  const slowly = rules("drop", { input: [[{ limit: { rate: 5, per: "second" } }, ACCEPT]] });
  expect(verdictOn(CALL, slowly).outcome).toBe("depends");
  const old = rules("drop", { input: [[{ xt: { type: "match", name: "addrtype" } }, ACCEPT]] });
  expect(verdictOn(CALL, old).outcome).toBe("depends");
  // A block list in front is what firewalls are for.
  const blocking = rules("accept", { input: [[match(field("ip", "saddr"), "192.0.2.1"), DROP]] });
  expect(verdictOn(CALL, blocking)).toEqual({ outcome: "accept" });
});

test("rules of iptables, of which nft shows the names alone", () => {
  const xt = (name: string, type = "match"): object => ({ xt: { type, name } });
  const port = match(field("udp", "dport"), 42268);
  const usual = [
    [xt("conntrack"), { counter: {} }, ACCEPT],
    [xt("conntrack"), DROP],
  ];
  expect(verdictOn(CALL, rules("drop", { input: usual })).outcome).toBe("drop");
  expect(verdictOn({ ...CALL, state: "established" }, rules("drop", { input: usual })).outcome).toBe(
    "accept",
  );
  const open = rules("drop", { input: [...usual, [port, xt("comment"), { counter: {} }, ACCEPT]] });
  expect(verdictOn(CALL, open).outcome).toBe("accept");
  const newAlone = rules("drop", { input: [[port, xt("conntrack"), ACCEPT]] });
  expect(verdictOn(CALL, newAlone).outcome).toBe("depends");
  const rejected = rules("accept", { input: [[{ counter: {} }, xt("REJECT", "target")]] });
  expect(verdictOn(CALL, rejected)).toMatchObject({ outcome: "drop", where: "inet filter input, handle 10" });
  const logged = rules("accept", { input: [[xt("LOG", "target")]] });
  expect(verdictOn(CALL, logged)).toEqual({ outcome: "accept" });
});

test("named sets, prefixes and addresses in other spellings", () => {
  const sets = [{ name: "groups", type: "ipv4_addr", elem: [{ prefix: { addr: "239.0.0.0", len: 8 } }] }];
  const byName = rules("drop", { input: [[match(field("ip", "daddr"), "@groups"), ACCEPT]] }, sets);
  expect(verdictOn(STREAM, byName)).toEqual({ outcome: "accept" });
  const missing = rules("drop", { input: [[match(field("ip", "daddr"), "@others"), ACCEPT]] }, sets);
  expect(verdictOn(STREAM, missing).outcome).toBe("depends");
  const spelt = rules("drop", { input: [[match(field("ip6", "daddr"), "ff02:0::0001"), ACCEPT]] });
  expect(verdictOn(MLD, spelt)).toEqual({ outcome: "accept" });
});

test("MLD is known by its type, IGMP and multicast by theirs", () => {
  const types = { set: ["mld-listener-query", "nd-neighbor-solicit"] };
  const open = rules("drop", {
    input: [
      [match(field("icmpv6", "type"), types), ACCEPT],
      [match(meta("pkttype"), "multicast"), match(field("udp", "dport"), 5353, "!="), ACCEPT],
    ],
  });
  expect(verdictOn(MLD, open)).toEqual({ outcome: "accept" });
  expect(verdictOn(STREAM, open).outcome).toBe("depends"); // its port is nobody's in particular
  expect(verdictOn(CALL, open).outcome).toBe("drop");
});

describe("chains", () => {
  test("jump comes back, goto does not, return ends the chain alone", () => {
    const jumping = rules("drop", {
      input: [[{ jump: { target: "more" } }], [match(field("udp", "dport"), 42268), ACCEPT]],
      more: [[{ return: null }], [DROP]],
    });
    expect(verdictOn(CALL, jumping)).toEqual({ outcome: "accept" });
    const going = rules("drop", {
      input: [[{ goto: { target: "more" } }], [ACCEPT]],
      more: [[match(field("tcp", "dport"), 1), DROP]],
    });
    expect(verdictOn(CALL, going)).toMatchObject({ outcome: "drop", where: "policy of inet filter input" });
  });

  test("a verdict map leads to the interface's own chain", () => {
    const zones = {
      vmap: {
        key: meta("iifname"),
        data: {
          set: [
            ["castaway0", { goto: { target: "tunnel" } }],
            ["eth*", ACCEPT],
          ],
        },
      },
    };
    const mapped = rules("drop", { input: [[zones]], tunnel: [[{ reject: null }]] });
    expect(verdictOn(CALL, mapped)).toEqual({ outcome: "accept" });
    expect(verdictOn(STREAM, mapped)).toMatchObject({
      outcome: "drop",
      where: "inet filter tunnel, handle 10",
    });
  });

  test("every chain of the hook has to let it through; those of the other family are not asked", () => {
    const first = rules("accept", { input: [[ACCEPT]] });
    const second = rules("drop", { input: [] }, [], "ip");
    const both: Ruleset = { chains: new Map([...first.chains, ...second.chains]), sets: new Map() };
    expect(verdictOn(CALL, both)).toMatchObject({ outcome: "drop", where: "policy of ip filter input" });
    expect(verdictOn(MLD, both)).toEqual({ outcome: "accept" });
  });

  test("that call each other end", () => {
    const round = rules("drop", { input: [[{ jump: { target: "a" } }]], a: [[{ jump: { target: "a" } }]] });
    expect(verdictOn(CALL, round).outcome).toBe("drop");
  });
});

test.each([[undefined], ["text"], [{}], [{ nftables: [{ rule: { chain: 1 } }] }]])(
  "%j is no rule set",
  (printed) => {
    expect(readRuleset(printed)).toBeUndefined();
  },
);

test("statements of kinds that nobody knows are open, and never throw", () => {
  const odd = rules("drop", {
    input: [
      [{ match: null }, ACCEPT],
      [{ match: { left: { socket: {} }, right: { odd: 1 } } }, DROP],
      [{ vmap: { key: null, data: { set: [[1], null, [[2], { accept: null }]] } } }],
      [match(field("ip", "saddr"), { range: ["192.0.2.1", "192.0.2.9"] }), ACCEPT],
      [{ jump: { target: "nowhere" } }],
      [{ mangle: {} }],
    ],
  });
  expect(verdictOn(CALL, odd).outcome).toBe("depends");
});

test("whatever stands in a rule, there is a verdict", () => {
  const kinds = [
    "match",
    "xt",
    "vmap",
    "jump",
    "goto",
    "accept",
    "drop",
    "limit",
    "set",
    "left",
    "right",
    "op",
    "key",
  ];
  const more = [
    "payload",
    "meta",
    "ct",
    "fib",
    "protocol",
    "field",
    "target",
    "data",
    "prefix",
    "addr",
    "len",
    "range",
  ];
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom<unknown>(
        null,
        17,
        "udp",
        "dport",
        "iifname",
        "==",
        "<",
        "@nowhere",
        "input",
        "224.0.0.0",
        true,
      ),
      fc.dictionary(fc.constantFrom(...kinds, ...more), tie("tree"), { maxKeys: 4 }),
      fc.array(tie("tree"), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(fc.array(fc.array(tree, { maxLength: 4 }), { maxLength: 6 }), (list) => {
      const read = rules("drop", { input: list as object[][] });
      for (const packet of [CALL, STREAM, MLD])
        expect(["accept", "drop", "depends"]).toContain(verdictOn(packet, read).outcome);
    }),
    { numRuns: 500 },
  );
});
