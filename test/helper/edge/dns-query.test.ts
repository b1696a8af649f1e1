import { encode } from "dns-packet";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { decodeReply, encodeQuestion, type DnsQuestion } from "#edge/portable/dns-query.ts";
import { systemLookup } from "#edge/portable/name-lookup.ts";
import { parseResolvConf } from "#edge/portable/resolv-conf.ts";

const QUESTION: DnsQuestion = { id: 0x1234, name: "7.100.51.198.in-addr.arpa", type: 260 };
const RDATA = Uint8Array.of(10, 0x81, 192, 0, 2, 91);
const ANSWER = 0x8180; // a response, recursion desired and available
const TRUNCATED = 0x0200;
const [NXDOMAIN, SERVFAIL] = [3, 2];

const record = (changes: object = {}): object => ({
  type: "UNKNOWN_260",
  class: "IN",
  name: QUESTION.name,
  ttl: 600,
  data: Buffer.from(RDATA),
  ...changes,
});
const SOA = {
  type: "SOA",
  name: "100.51.198.in-addr.arpa",
  ttl: 900,
  data: { mname: "a.example", rname: "b.example", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 120 },
};

function reply(changes: { flags?: number; id?: number; question?: object; [more: string]: unknown } = {}) {
  const { flags = ANSWER, id = QUESTION.id, question = {}, ...rest } = changes;
  return encode({
    type: "response",
    id,
    flags: flags & 0x7fff,
    questions: [{ type: "UNKNOWN_260", class: "IN", name: QUESTION.name, ...question }],
    answers: [record()],
    ...rest,
  } as never);
}

test("a question has the name, the type as a number, and wants recursion", () => {
  const bytes = Buffer.from(encodeQuestion(QUESTION));
  expect(bytes.readUInt16BE(0)).toBe(0x1234);
  expect(bytes.readUInt16BE(2)).toBe(0x0100);
  expect(bytes.subarray(-4).toString("hex")).toBe("01040001"); // 260, IN
});

describe("an answer", () => {
  test("gives its records as they were sent, and how long they hold", () => {
    const second = Buffer.of(20, 0);
    const bytes = reply({ answers: [record(), record({ ttl: 60, data: second })] });
    expect(decodeReply(bytes, QUESTION)).toEqual({
      records: [{ data: RDATA }, { data: Uint8Array.from(second) }],
      holdsMs: 60_000,
    });
  });

  test("may come by an alias (RFC 2317), and in any case of letters", () => {
    const alias = {
      type: "CNAME",
      class: "IN",
      name: QUESTION.name.toUpperCase(),
      ttl: 30,
      data: "x.example",
    };
    const bytes = reply({ answers: [alias, record({ name: "X.example" })] });
    expect(decodeReply(bytes, QUESTION)).toEqual({ records: [{ data: RDATA }], holdsMs: 30_000 });
  });

  test.each([
    [
      "aliases in a circle",
      [{ type: "CNAME", class: "IN", name: QUESTION.name, ttl: 9, data: QUESTION.name }],
    ],
    ["another name's record", [record({ name: "8.100.51.198.in-addr.arpa" })]],
    ["another type", [{ type: "A", class: "IN", name: QUESTION.name, ttl: 9, data: "192.0.2.1" }]],
    ["another class", [record({ class: "CH" })]],
  ])("%s has none", (_what, answers) => {
    expect(decodeReply(reply({ answers }), QUESTION)).toMatchObject({ records: [] });
  });

  test("that there is none holds as long as the zone says (RFC 2308)", () => {
    const bytes = reply({ flags: ANSWER | NXDOMAIN, answers: [], authorities: [SOA] });
    expect(decodeReply(bytes, QUESTION)).toEqual({ records: [], holdsMs: 120_000 });
    expect(decodeReply(reply({ answers: [] }), QUESTION)).toEqual({ records: [], holdsMs: 300_000 });
  });

  test.each([
    ["of another id", { id: 1 }],
    ["to another name", { question: { name: "8.100.51.198.in-addr.arpa" } }],
    ["to another type", { question: { type: "A" } }],
    ["that is a question", { type: "query" }],
  ])("%s is not ours", (_what, changes) => {
    expect(decodeReply(reply(changes), QUESTION)).toBe("not-ours");
  });

  test("that is cut, or says that something went wrong", () => {
    expect(decodeReply(reply({ flags: ANSWER | TRUNCATED, answers: [] }), QUESTION)).toBe("truncated");
    expect(decodeReply(reply({ flags: ANSWER | SERVFAIL, answers: [] }), QUESTION)).toBe("failed");
  });

  test("of whatever bytes never throws", () => {
    const good = reply();
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(good.length - 1),
        fc.nat(255),
        (any, at, byte) => {
          decodeReply(any, QUESTION);
          const changed = Uint8Array.from(good);
          changed[at] = byte;
          decodeReply(changed, QUESTION);
          decodeReply(good.subarray(0, at), QUESTION);
        },
      ),
    );
  });
});

test.each([
  ["", ["127.0.0.1"]],
  ["# none\nsearch example\n", ["127.0.0.1"]],
  ["nameserver 192.0.2.53\n  nameserver\t2001:DB8::53 # two\n", ["192.0.2.53", "2001:db8::53"]],
  ["nameserver fe80::1%eth0\nnameserver fe80::1%%x\nnameserver what\n", ["fe80::1%eth0"]],
  ["nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4", 3],
])("resolv.conf %j names %j", (text, expected) => {
  const servers = parseResolvConf(text);
  if (typeof expected === "number") expect(servers).toHaveLength(expected);
  else expect(servers).toEqual(expected);
});

describe("asking", () => {
  /** A name server on loopback: what it answers by UDP and by TCP. */
  async function server(
    byUdp: (question: Buffer) => readonly Uint8Array[],
    byTcp?: (question: Buffer) => Uint8Array,
  ): Promise<number> {
    const udp = createSocket("udp4");
    await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve));
    const { port } = udp.address();
    udp.on("message", (question, from) => {
      for (const answer of byUdp(question)) udp.send(answer, from.port, from.address);
    });
    const tcp = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (data: Buffer) => {
        const answer = byTcp!(data.subarray(2));
        const length = Buffer.of(answer.length >> 8, answer.length);
        socket.write(length); // in two pieces
        setImmediate(() => socket.write(answer));
      });
    });
    await new Promise<void>((resolve) => tcp.listen(port, "127.0.0.1", resolve));
    onTestFinished(() => {
      udp.close();
      tcp.close();
    });
    return port;
  }
  const idOf = (question: Buffer): number => question.readUInt16BE(0);

  test("what was forged before is passed over", async () => {
    const port = await server((question) => [
      reply({ id: idOf(question) ^ 1, answers: [record({ data: Buffer.of(0, 0) })] }),
      reply({ id: idOf(question) }),
    ]);
    const lookup = systemLookup(() => ["127.0.0.1"], port);
    expect(await lookup.records(QUESTION.name, 260)).toEqual({
      records: [{ data: RDATA }],
      holdsMs: 600_000,
    });
  });

  test("what does not fit comes by TCP", async () => {
    const port = await server(
      (question) => [reply({ id: idOf(question), flags: ANSWER | TRUNCATED, answers: [] })],
      (question) => reply({ id: idOf(question), answers: Array.from({ length: 60 }, () => record()) }),
    );
    const { records } = await systemLookup(() => ["127.0.0.1"], port).records(QUESTION.name, 260);
    expect(records).toHaveLength(60);
  });

  test("a server that fails or is not there is passed over; all of them: it rejects", async () => {
    let asked = 0;
    const port = await server((question) => {
      asked++;
      return [reply({ id: idOf(question), flags: ANSWER | SERVFAIL, answers: [] })];
    });
    const lookup = systemLookup(() => ["127.0.0.2", "127.0.0.1"], port); // nobody listens on the first one
    await expect(lookup.records(QUESTION.name, 260)).rejects.toThrow(/no name server answers/);
    expect(asked).toBe(2);
  });

  test("addresses of a name that there is not are none", async () => {
    expect(await systemLookup().addresses("localhost")).toContain("127.0.0.1");
    expect(await systemLookup().addresses("no-such-name.invalid")).toEqual([]);
  });
});
