import { encode } from "dns-packet";
import { describe, expect, test } from "vitest";
import { RELAYED_ID } from "#protocol/discovery/mdns.ts";
import { decodeMdns, encodeMdns, MAX_MDNS } from "#runtime/discovery/dns-codec.ts";
import type { ServiceRecord } from "#wire/control-services.ts";
import { dnsLabels, isDnsName, numberedName } from "#wire/dns-name.ts";
import { fuzzParsers, parser } from "#test/support/fuzz/parsers.ts";

const NAME = "Dr. Pepper's 2.0._http._tcp.local";
const RECORDS: ServiceRecord[] = [
  { name: "_http._tcp.local", ttl: 4500, data: { type: "PTR", target: NAME } },
  { name: NAME, ttl: 120, data: { type: "SRV", priority: 0, weight: 0, port: 8080, target: "box.local" } },
  {
    name: NAME,
    ttl: 4500,
    data: { type: "TXT", text: Uint8Array.from(Buffer.from("\u0004a=\u0001b\u0001c")) },
  },
  { name: "box.local", ttl: 120, data: { type: "A", address: "192.168.1.20" } },
  { name: "box.local", ttl: 120, data: { type: "AAAA", address: "2001:db8::20" } },
];
const response = { id: RELAYED_ID, response: true, questions: [], records: RECORDS };

describe("a message", () => {
  test("is read as it was written, dots in an instance's name included", () => {
    const [bytes, more] = encodeMdns(response);
    expect(more).toBeUndefined();
    const decoded = decodeMdns(bytes!)!;
    expect({ ...decoded, records: decoded.records.map(({ unique: _unique, ...record }) => record) }).toEqual(
      response,
    );
    // The instance is one label on the wire.
    const label = Buffer.from("Dr. Pepper's 2.0");
    expect(Buffer.from(bytes!).includes(Buffer.concat([Buffer.of(label.length), label]))).toBe(true);
  });

  test("of questions has no answers", () => {
    const [bytes] = encodeMdns({
      ...response,
      id: 0,
      response: false,
      questions: [{ type: "ANY", name: NAME }],
      records: [],
    });
    expect(decodeMdns(bytes!)).toEqual({
      id: 0,
      response: false,
      questions: [{ type: "ANY", name: NAME }],
      records: [],
    });
  });

  test("that is too long for a packet goes as several", () => {
    const records = Array.from({ length: 100 }, (_, i) => ({ ...RECORDS[2]!, name: `${i}._x._udp.local` }));
    const parts = encodeMdns({ ...response, records });
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) expect(part.length).toBeLessThan(1_450);
    expect(parts.flatMap((part) => decodeMdns(part)!.records)).toHaveLength(100);
  });

  test("keeps what belongs to no link, and what a proxy has no use for, to itself", () => {
    const bytes = encode({
      type: "response",
      answers: [
        { type: "A", name: "www.example.com", data: "192.0.2.1" },
        { type: "NSEC", name: "box.local", data: { nextDomain: "box.local", rrtypes: ["A"] } },
        { type: "CNAME", name: "box.local", data: "other.local" },
        { type: "A", name: "box.local", data: "192.0.2.1", class: "CH" },
        { type: "TXT", name: "box.local", data: Buffer.alloc(200) },
      ],
    });
    expect(decodeMdns(bytes)?.records.map(({ name, data }) => `${name} ${data.type}`)).toEqual([
      "box.local TXT",
    ]);
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["a header that promises 65,535 records", Buffer.from("00008400000000000000ffff", "hex")],
    ["a name that points at itself", Buffer.from("000000000001000000000000c00c00ff0001", "hex")],
    ["an update", Buffer.from("000028000000000000000000", "hex")],
    ["more than mDNS has", Buffer.alloc(MAX_MDNS + 1)],
  ])("%s is refused", (_what, bytes) => {
    expect(decodeMdns(bytes)).toBeUndefined();
  });
});

describe("names", () => {
  test.each([
    ["box.local", ["box", "local"]],
    ["Dr. P._http._tcp.local", ["Dr. P", "_http", "_tcp", "local"]],
    ["_http._tcp.local", ["_http", "_tcp", "local"]],
    ["_services._dns-sd._udp.local", ["_services", "_dns-sd", "_udp", "local"]],
    ["_printer._sub._http._tcp.local", ["_printer", "_sub", "_http", "_tcp", "local"]],
  ])("%s", (name, labels) => expect(dnsLabels(name)).toEqual(labels));

  test.each(["", ".", "a..local", "a\u0001b.local", `${"x".repeat(64)}.local`, `${"x.".repeat(127)}local`])(
    "%j is none",
    (name) => expect(isDnsName(name)).toBe(false),
  );

  test("a number tells two of the same name apart, where there is room", () => {
    expect(numberedName("box.local", 2)).toBe("box-2.local");
    expect(numberedName("Dr. P._http._tcp.local", 3)).toBe("Dr. P (3)._http._tcp.local");
    expect(numberedName(`${"x".repeat(62)}.local`, 2)).toBeUndefined();
  });
});

fuzzParsers([
  parser({
    name: "mDNS messages",
    refuses: undefined,
    corpus: [
      ...encodeMdns(response),
      ...encodeMdns({
        id: 0,
        response: false,
        questions: [{ type: "PTR", name: "_x._udp.local" }],
        records: [],
      }),
      ...encodeMdns({ ...response, records: RECORDS.slice(3) }),
    ],
    decode: decodeMdns,
    again: (message) => {
      const parts = encodeMdns(message).map((part) => decodeMdns(part)!);
      if (parts.length === 0) return message;
      // The cache-flush bit is not passed on, and questions that come with answers are those of all parts.
      const unique = message.records.map((record) => record.unique);
      return {
        ...message,
        records: parts
          .flatMap((part) => part.records)
          .map((record, i) => ({ ...record, unique: unique[i]! })),
      };
    },
  }),
]);
