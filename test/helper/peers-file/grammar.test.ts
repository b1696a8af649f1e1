import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keyPair } from "#noise/x25519.ts";
import { parsePeersText, type PeersStatement } from "#runtime/peers-file/grammar.ts";
import { assemble, MAX_PEERS } from "#runtime/peers-file/peers-config.ts";
import { staticAddresses } from "#protocol/addressing/static-addresses.ts";

const key = (seed: number): Uint8Array => keyPair(new Uint8Array(32).fill(seed)).publicKey;
const A = key(1).toBase64();
const B = key(2).toBase64();
const PSK = new Uint8Array(32).fill(7).toBase64();
const FILE = "/etc/castaway/peers.conf";

function parse(text: string, ownKey?: Uint8Array) {
  const { statements, problems } = parsePeersText(text, FILE);
  const { config, problems: unfit } = assemble({
    statements,
    ownKey,
    keyOf: (psk) => (psk.kind === "key" ? psk.key : undefined),
  });
  const all = [...problems, ...unfit].map(({ line, message }) => `${line}: ${message}`);
  return { statements, config, problems: all };
}
const problems = (text: string, ownKey?: Uint8Array): string[] => parse(text, ownKey).problems;
const peerOf = (text: string): PeersStatement => parse(text).statements[0]!;

test("a peer with all that it can have", () => {
  const line =
    `peer berlin key ${A} endpoint berlin.example:42268,[2001:DB8::1]:443 address 10.9.0.2,fd00:1::2 ` +
    `ranges 10.9.0.0/16 psk ${PSK} limit 1.5M hub # the office`;
  expect(peerOf(line)).toEqual({
    kind: "peer",
    at: { file: FILE, line: 1 },
    name: "berlin",
    publicKey: key(1),
    endpoints: [
      { host: "berlin.example", port: 42268 },
      { host: "2001:db8::1", port: 443 },
    ],
    addresses: ["10.9.0.2", "fd00:1::2"],
    ranges: [{ address: "10.9.0.0", length: 16 }],
    psk: { kind: "key", key: new Uint8Array(32).fill(7) },
    maximumBps: 1_500_000,
    hub: true,
  });
});

test("what stands for all of them, and what follows where nothing is said", () => {
  const { config, problems: none } = parse(
    `network studio\naddress 10.9.0.1\nshare 239.0.0.0/8 ff15::/16\npsk ${PSK}\nforward\n\npeer a key ${A}\npeer b key ${B} psk-file /etc/castaway/b.psk`,
  );
  expect(none).toEqual([]);
  expect(config).toMatchObject({
    network: "studio",
    addresses: ["10.9.0.1"],
    share: [
      { address: "239.0.0.0", length: 8 },
      { address: "ff15::", length: 16 },
    ],
    forward: true,
  });
  expect(config.peers[0]!.psk).toEqual(new Uint8Array(32).fill(7)); // the network's
  expect(parse(`peer a key ${A}`).config).toMatchObject({
    network: "static",
    share: undefined,
    forward: false,
    networkPsk: new Uint8Array(32),
    peers: [{ endpoints: [], hub: false, addresses: staticAddresses(key(1)) }],
  });
});

describe("mistakes are told with their line and what to do", () => {
  test.each([
    ["friend a", /"friend" is none of peer, network/],
    ["peer", /peer needs a name/],
    ["peer 2nd key x", /"2nd" is no name/],
    ["peer a", /peer a needs key .* castaway key show/],
    ["peer a key", /nothing follows key/],
    ["peer a key tooshort=", /the public key is not 32 bytes in base64/],
    [`peer a key ${A.slice(0, 42)}B=`, /the public key is not 32 bytes/], // bits behind the 32nd byte
    [`peer a key ${"A".repeat(43)}=`, /nothing but zeros/],
    [`peer a key ${A} key ${A}`, /key is there twice/],
    [`peer a key ${A} endpoint host`, /endpoint needs HOST:PORT.*"host".*42268/],
    [`peer a key ${A} endpoint host:0`, /endpoint needs HOST:PORT/],
    [`peer a key ${A} endpoint host:65536`, /endpoint needs HOST:PORT/],
    [`peer a key ${A} endpoint 2001:db8::1:42268`, /an IPv6 address in brackets/],
    [`peer a key ${A} endpoint -x:1`, /neither an address nor the name/],
    [`peer a key ${A} endpoint a:1,b:1,c:1,d:1,e:1`, /4 endpoints at most/],
    [`peer a key ${A} address 239.1.1.1`, /cannot be an address/],
    [`peer a key ${A} address 10.0.0.0/8`, /without a length/],
    [`peer a key ${A} address 10.0.0.1,10.0.0.2`, /one address of each family/],
    [`peer a key ${A} ranges 0.0.0.0/0`, /too wide/],
    [`peer a key ${A} ranges 10.0.0.1/8`, /bits set behind/],
    [`peer a key ${A} psk ${A.slice(1)}`, /psk is not 32 bytes/],
    [`peer a key ${A} psk ${PSK} psk-file /x`, /one psk or psk-file/],
    [`peer a key ${A} psk-file b.psk`, /a path from the root/],
    [`peer a key ${A} limit 20`, /limit takes a rate/],
    [`peer a key ${A} via b`, /"via" is none of key, endpoint/],
    ["network a b", /network takes one name/],
    ["share", /nothing follows share/],
    ["share 10.0.0.0/8", /no range of multicast/],
    ["share 224.0.0.0/24", /stays on its link/],
    ["share 0.0.0.0/0", /no range of multicast/],
    ["share 239.255.255.250", /stays on its link/],
    ["address 10.0.0.1 10.0.0.2", /one address of each family/],
    ["forward yes", /nothing follows forward/],
    ["network a\nnetwork b", /2: network stands in line 1 already/],
    ["peer \u0007", /control characters/],
    [`peer a key ${A}\npeer b key ${A}`, /2: peer b has the key of peer a in line 1/],
    [`peer a key ${A}\npeer A key ${B}`, /2: a peer is called A in line 1 already/],
    [
      `peer a key ${A} address 10.0.0.1\npeer b key ${B} address 10.0.0.1`,
      /2: peer b would have an address in 10.0.0.1\/32, as peer a has/,
    ],
    [
      `peer a key ${A} endpoint 10.9.0.7:1 ranges 10.9.0.0/16`,
      /the endpoint 10.9.0.7 of peer a lies inside of the tunnel/,
    ],
  ])("%s", (text, message) => {
    const found = problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(message);
  });

  test("this computer's own key, and its own addresses", () => {
    expect(problems(`peer a key ${A}`, key(1))[0]).toMatch(/1: peer a has this computer's own key/);
    const { address4 } = staticAddresses(key(1));
    expect(problems(`peer b key ${B} address ${address4}`, key(1))).toEqual([
      expect.stringContaining("as this computer has"),
    ]);
  });

  test("all of them at once, and more peers than there may be", () => {
    expect(problems("x\ny\nz").map((text) => text[0])).toEqual(["1", "2", "3"]);
    const many = Array.from({ length: MAX_PEERS + 1 }, (_, i) => `peer p${i} key ${key(i + 10).toBase64()}`);
    const { config, problems: told } = parse(many.join("\n"));
    expect(told).toEqual([`${MAX_PEERS + 1}: these are more than ${MAX_PEERS} peers`]);
    expect(config.peers).toHaveLength(MAX_PEERS);
  });

  test("no message repeats what may be a secret", () => {
    for (const text of [`psk ${PSK}x`, `${PSK} peer`, `peer a ${PSK}`, `peer ${PSK}`, `peer a psk ${PSK}=`])
      for (const message of problems(text)) expect(message).not.toContain(PSK.slice(0, 20));
  });
});

test("any text is either statements or mistakes with lines, and never an exception", () => {
  const word = fc.constantFrom(
    "peer",
    "key",
    A,
    B,
    PSK,
    "endpoint",
    "h:1",
    "[::1]:2",
    "address",
    "10.0.0.1",
    "psk",
    "ranges",
    "share",
    "hub",
    "limit",
    "1M",
    "fd00::/8",
    "239.0.0.0/8",
    "#",
  );
  const text = fc.array(fc.array(fc.oneof(word, fc.string({ maxLength: 12 })), { maxLength: 8 }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(text, (lines) => {
      const whole = lines.map((words) => words.join(" ")).join("\n");
      const { config, problems: told } = parse(whole, key(3));
      for (const problem of told) expect(Number.parseInt(problem, 10)).toBeGreaterThan(0);
      expect(config.peers.length).toBeLessThanOrEqual(MAX_PEERS);
    }),
  );
});

test.each(["docs/config.md", "README.md"])("the example of %s is one that can be used", (file) => {
  const text = readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");
  const block = text.split("\n\n").filter((part) => part.startsWith("    peer "));
  expect(block.length).toBeGreaterThan(0);
  const { config, problems: told } = parse(block.join("\n"));
  expect(told).toEqual([]);
  expect(config.peers.length).toBeGreaterThan(0);
});

test("addresses follow from the key alone, and two keys have none in common", () => {
  const [one, two] = [staticAddresses(key(1)), staticAddresses(key(2))];
  expect(staticAddresses(key(1))).toEqual(one);
  expect(one.address6).toMatch(/^fd[0-9a-f:]+::1$/);
  expect(one.address4).toMatch(/^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./);
  expect(one.prefixes.map(({ length }) => length)).toEqual([64, 32]);
  expect([two.address6, two.address4]).not.toContain(one.address6);
  expect(two.address4).not.toBe(one.address4);
  expect(staticAddresses(key(1), ["10.0.0.1"])).toMatchObject({
    address4: "10.0.0.1",
    address6: one.address6,
  });
});
