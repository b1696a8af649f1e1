import { expect, describe, test } from "vitest";
import { addressesOf } from "#runtime/routes-file/address-range.ts";
import { parseRoutesText } from "#runtime/routes-file/grammar.ts";

const parse = (text: string) => parseRoutesText(text, "f");
const prefix = (address: string, length: number) => ({ address, length });

describe("a line of the grammar", () => {
  test.each([
    ["mgroup from eth0 group 225.1.2.3", prefix("225.1.2.3", 32), null, "eth0", []],
    ["  mgroup\tfrom eth+   group 225.1.2.3 # why", prefix("225.1.2.3", 32), null, "eth+", []],
    [
      "mgroup from virbr0 source 192.168.123.110 group 225.1.2.4\r",
      prefix("225.1.2.4", 32),
      prefix("192.168.123.110", 32),
      "virbr0",
      [],
    ],
    ["mgroup from eth0 group 225.0.0.0/24", prefix("225.0.0.0", 24), null, "eth0", []],
    ["mgroup group FF1E::5 from eth0", prefix("ff1e::5", 128), null, "eth0", []],
    [
      "mroute from eth0 source 0.0.0.0 group 225.1.2.3 to eth1",
      prefix("225.1.2.3", 32),
      null,
      "eth0",
      ["eth1"],
    ],
    [
      "mroute from eth0 source 10.0.0.0/8 group 225.0.0.0/24 to eth1 peer-+ castaway0 # all",
      prefix("225.0.0.0", 24),
      prefix("10.0.0.0", 8),
      "eth0",
      ["eth1", "peer-+", "castaway0"],
    ],
  ])("%s", (line, group, source, fromVif, toVifs) => {
    const { statements, problems } = parse(line);
    expect(problems).toEqual([]);
    expect(statements).toEqual([
      { kind: "entry", at: { file: "f", line: 1 }, entry: { group, source, fromVif, toVifs } },
    ]);
  });

  test.each([
    ["phyint eth0", true, 1],
    ["phyint eth0 enable ttl-threshold 11", true, 11],
    ["phyint eth0 ttl-threshold 255 disable", false, 255],
  ])("%s", (line, enabled, ttlThreshold) => {
    expect(parse(line)).toEqual({
      statements: [{ kind: "phyint", at: { file: "f", line: 1 }, name: "eth0", enabled, ttlThreshold }],
      problems: [],
    });
  });

  test.each(["", "   ", "# mgroup", "#mgroup from", "\t#"])("nothing in %j", (line) => {
    expect(parse(line)).toEqual({ statements: [], problems: [] });
  });
});

describe("a proxy's words in a phyint line, as igmpproxy has them", () => {
  test.each([
    ["phyint eth0 upstream", { role: "upstream" }],
    ["phyint eth1 downstream ratelimit 0 threshold 1", { role: "downstream", bitsPerSecond: null }],
    [
      "phyint eth0 upstream altnet 10.0.0.0/8 altnet 192.168.0.0/24 whitelist 239.0.0.0/8",
      {
        role: "upstream",
        sources: [prefix("10.0.0.0", 8), prefix("192.168.0.0", 24)],
        allowed: [prefix("239.0.0.0", 8)],
      },
    ],
    [
      "phyint eth1 blacklist ff1e::/16 blacklist 239.1.2.3 ratelimit 1.5M downstream",
      {
        role: "downstream",
        denied: [prefix("ff1e::", 16), prefix("239.1.2.3", 32)],
        bitsPerSecond: 1_500_000,
      },
    ],
  ])("%s", (line, proxy) => {
    const { statements, problems } = parse(line);
    expect(problems).toEqual([]);
    const none = { sources: [], allowed: [], denied: [], bitsPerSecond: null };
    expect(statements).toMatchObject([{ kind: "phyint", enabled: true, proxy: { ...none, ...proxy } }]);
  });

  test("an interface that is disabled, and quickleave", () => {
    expect(parse("phyint eth2 disabled\nquickleave").statements).toMatchObject([
      { kind: "phyint", name: "eth2", enabled: false },
      { kind: "quickleave", at: { file: "f", line: 2 } },
    ]);
    expect(parse("phyint eth2 threshold 9").statements).toMatchObject([{ ttlThreshold: 9 }]);
  });
});

test.each([
  ["phyint eth0 upstream downstream", "upstream or downstream, and once"],
  ["phyint eth0 disabled upstream", "cannot be upstream"],
  ["phyint eth0 altnet 10.0.0.0/8", "altnet belongs to an interface that is upstream or downstream"],
  ["phyint eth0 upstream altnet", "nothing follows altnet"],
  ["phyint eth0 upstream altnet 239.0.0.0/8", "are groups"],
  ["phyint eth0 upstream altnet 10.0.0.1/8", "bits set behind"],
  ["phyint eth0 downstream whitelist 10.0.0.0/8", "no range of groups"],
  ["phyint eth0 downstream blacklist 224.0.0.0/3", "no range of groups"],
  ["phyint eth0 downstream ratelimit 100", "with their unit"],
  ["phyint eth0 downstream ratelimit 1k", "from 64k to 100G"],
  ["phyint eth0 downstream ratelimit 20M ratelimit 30M", "ratelimit is there twice"],
  ["phyint eth0 downstream threshold 0", "threshold takes a number"],
  [`phyint eth0 downstream${" whitelist 239.1.1.1".repeat(257)}`, "more than 256"],
  ["quickleave now", "quickleave stands alone"],
  ["mgruop from eth0 group 225.1.2.3", '"mgruop" is none of'],
  ["mgroup group 225.1.2.3", "needs from"],
  ["mgroup from eth0", "needs group"],
  ["mgroup from eth0 group", "nothing follows group"],
  ["mgroup from eth0 from eth1 group 225.1.2.3", "from is there twice"],
  ["mgroup from eth0 group 225.1.2.3 to eth1", '"to" does not fit into mgroup'],
  ["mroute from eth0 group 225.1.2.3", "needs to"],
  ["mroute from eth0 group 225.1.2.3 to", "needs to"],
  ["mroute from eth0 group 225.1.2.3 to a/b", "not the name of an interface"],
  [`mroute from eth0 group 225.1.2.3 to ${"e ".repeat(33)}`, "32 interfaces"],
  ["mgroup from eth0 group 225.1.2", "not an IP address"],
  ["mgroup from eth0 group 225.1.2.3/33", "not a prefix"],
  ["mgroup from eth0 group 225.1.2.3/24", "bits set behind"],
  ["mgroup from eth0 group 10.0.0.1", "no range of groups"],
  ["mgroup from eth0 group 224.0.0.251", "stays on its link"],
  ["mgroup from eth0 group 239.255.255.248/29", "239.255.255.250 stays on its link"],
  ["mgroup from eth0 group 225.0.0.0/21", "more than 1024 joins"],
  ["mgroup from eth0 source 10.0.0.0/24 group 225.0.0.0/24", "more than 1024 joins"],
  ["mgroup from eth0 group ff1e::/16", "more than 1024 joins"],
  ["mgroup from eth0 source ff1e::1 group 225.1.2.3", "different families"],
  ["mgroup from eth0 source 127.0.0.1 group 225.1.2.3", "cannot be the source"],
  ["phyint", "names no interface"],
  ["phyint eth+", "wildcard"],
  ["phyint eth0 enable disable", "once"],
  ["phyint eth0 on", '"on" is none of'],
  ["phyint eth0 ttl-threshold", "number from 1 to 255"],
  ["phyint eth0 ttl-threshold 256", "number from 1 to 255"],
  ["phyint eth0 ttl-threshold 0", "number from 1 to 255"],
  ["include", "one path"],
  ["include a.conf", "from the root"],
  ["mgroup from eth0 group 225.1.2.3\0", "control characters"],
])("%j is told with its line", (line, message) => {
  const { statements, problems } = parse(`# first\n${line}\nphyint eth9`);
  expect(problems).toEqual([
    { file: "f", line: 2, severity: "error", message: expect.stringContaining(message) },
  ]);
  expect(statements).toHaveLength(1); // the lines beside it are looked at
});

test("mrdisc is a warning, and the line counts", () => {
  const { statements, problems } = parse("phyint eth0 enable mrdisc");
  expect(statements).toHaveLength(1);
  expect(problems).toMatchObject([{ line: 1, severity: "warning" }]);
});

test("a range's addresses are in order, and bounded", () => {
  expect(addressesOf(prefix("225.0.0.0", 30))).toEqual(["225.0.0.0", "225.0.0.1", "225.0.0.2", "225.0.0.3"]);
  expect(addressesOf(prefix("225.0.0.0", 22)).at(-1)).toBe("225.0.3.255");
  expect(addressesOf(prefix("ff1e::100", 127))).toEqual(["ff1e::100", "ff1e::101"]);
  expect(() => addressesOf(prefix("225.0.0.0", 8))).toThrow(RangeError);
});
