import { describe, expect, test } from "vitest";
import { candidatesOf, inOrder, reverseName } from "#protocol/amt/driad.ts";
import { type AmtRelayRecord, decodeAmtRelayRecord } from "#wire/amt-relay-record.ts";
import { DecodeError } from "#wire/cursor.ts";
import { fromHex } from "../wire/round-trip.ts";

describe("an AMTRELAY record (RFC 8777 section 4.2)", () => {
  test.each([
    ["0a 01 cb007109", { precedence: 10, discoveryOptional: false, relay: { address: "203.0.113.9" } }],
    ["0a 81 cb007109", { precedence: 10, discoveryOptional: true, relay: { address: "203.0.113.9" } }],
    [
      "00 02 20010db8000000000000000000000015",
      { precedence: 0, discoveryOptional: false, relay: { address: "2001:db8::15" } },
    ],
    [
      "80 83 09 616d7472656c617973 07 6578616d706c65 03 636f6d 00",
      { precedence: 128, discoveryOptional: true, relay: { name: "amtrelays.example.com" } },
    ],
    ["0a 00", { precedence: 10, discoveryOptional: false, relay: undefined }],
  ])("%s", (hex, record) => {
    expect(decodeAmtRelayRecord(fromHex(hex))).toEqual(record);
  });

  test.each([
    ["nothing", ""],
    ["half an address", "0a 01 cb00"],
    ["more than an address", "0a 01 cb007109 00"],
    ["an unknown type", "0a 04 cb007109"],
    ["a name without an end", "0a 03 03 636f6d"],
    ["a compressed name", "0a 03 c00c"],
    ["an empty name", "0a 03 00"],
    ["a name with a dot in a label", "0a 03 03 612e62 00"],
    ["a name with a line feed", "0a 03 03 610a62 00"],
    ["a name that is too long", `0a 03 ${"3f".padEnd(128, "61").repeat(5)} 00`],
  ])("%s is refused", (_what, hex) => {
    expect(() => decodeAmtRelayRecord(fromHex(hex))).toThrow(DecodeError);
  });
});

describe("from a source to its relays (RFC 8777 section 2)", () => {
  test("the source's reverse name", () => {
    expect(reverseName("192.0.2.15")).toBe("15.2.0.192.in-addr.arpa");
    expect(reverseName("2001:db8::15")).toBe(
      "5.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
    );
  });

  const record = (precedence: number, address: string): AmtRelayRecord => ({
    precedence,
    discoveryOptional: false,
    relay: { address },
  });
  const addresses = (records: readonly AmtRelayRecord[]): (string | undefined)[] =>
    records.map(({ relay }) => (relay && "address" in relay ? relay.address : undefined));

  test("the lowest precedence first, one precedence by lot, and none where there is none", () => {
    const records = [record(20, "192.0.2.3"), record(10, "192.0.2.1"), record(10, "192.0.2.2")];
    const draws = [0.5, 0.9, 0.1];
    expect(addresses(inOrder(records, () => draws.shift()!))).toEqual([
      "192.0.2.2",
      "192.0.2.1",
      "192.0.2.3",
    ]);
    const none = [{ ...record(0, ""), relay: undefined }];
    expect(inOrder(none, () => 0)).toEqual([]);
  });

  test("an answer without end is cut", () => {
    expect(
      inOrder(
        Array.from({ length: 500 }, () => record(1, "192.0.2.1")),
        () => 0,
      ),
    ).toHaveLength(32);
  });

  test("only families that can be sent in; D says whether the relay is asked at once", () => {
    const both = ["192.0.2.1", "2001:db8::1"];
    const optional = { ...record(1, ""), discoveryOptional: true };
    expect(candidatesOf(optional, both, (of) => of === 4)).toEqual([
      { address: "192.0.2.1", discover: false },
    ]);
    expect(candidatesOf(record(1, ""), both, () => true)).toEqual([
      { address: "192.0.2.1", discover: true },
      { address: "2001:db8::1", discover: true },
    ]);
  });
});
