import { describe, expect, test } from "vitest";
import { AMT_LINK_FORM, amtFaultText } from "#contract/amt-fault-text.ts";
import {
  type AmtFault,
  type AmtFields,
  amtFaults,
  amtLinkText,
  amtStreamOf,
  isAmtLink,
  isSourceSpecific,
  parseAmtLink,
  relayOf,
} from "#contract/amt-link.ts";

const NOTHING = { source: null, port: null, relay: null };
const EMPTY: AmtFields = { source: "", group: "", port: "", relay: "" };

// link, what it says, and the link of that where it is not the same one
test.each([
  ["amt://198.51.100.10@232.1.1.1:5001", { source: "198.51.100.10", group: "232.1.1.1", port: 5001 }],
  ["amt://198.51.100.10@232.1.1.1", { source: "198.51.100.10", group: "232.1.1.1" }],
  ["amt://233.252.0.1", { group: "233.252.0.1" }],
  ["amt://233.252.0.1:1234", { group: "233.252.0.1", port: 1234 }],
  ["amt://[2001:db8::10]@[ff3e::8000:1]:5001", { source: "2001:db8::10", group: "ff3e::8000:1", port: 5001 }],
  [
    "amt://2001:DB8:0::10@ff3e::8000:1",
    { source: "2001:db8::10", group: "ff3e::8000:1" },
    "amt://[2001:db8::10]@[ff3e::8000:1]",
  ],
  [
    "amt://198.51.100.10@232.1.1.1:5001?relay=relay.example.net",
    { source: "198.51.100.10", group: "232.1.1.1", port: 5001, relay: "relay.example.net" },
  ],
  [
    // As a page that lists such streams writes them.
    "amt://198.51.100.10@232.1.1.1:5001?relay=192.52.193.1&timeout=2",
    { source: "198.51.100.10", group: "232.1.1.1", port: 5001, relay: "192.52.193.1" },
    "amt://198.51.100.10@232.1.1.1:5001?relay=192.52.193.1",
  ],
  [
    "amt://[2001:db8::10]@[ff3e::8000:1]?relay=[2001:3::1]",
    { source: "2001:db8::10", group: "ff3e::8000:1", relay: "2001:3::1" },
    "amt://[2001:db8::10]@[ff3e::8000:1]?relay=2001:3::1",
  ],
  [
    " <AMT://198.51.100.10@232.1.1.1:5001/?timeout=2#top> ",
    { source: "198.51.100.10", group: "232.1.1.1", port: 5001 },
    "amt://198.51.100.10@232.1.1.1:5001",
  ],
])("%s", (link, says, again = link) => {
  const reading = parseAmtLink(link);
  expect(reading).toEqual({ ok: true, stream: { ...NOTHING, ...says } });
  if (reading.ok) expect(amtLinkText(reading.stream)).toBe(again);
  expect(isAmtLink(link)).toBe(true);
});

test.each<[string, AmtFault]>([
  ["", "not-a-link"],
  ["castaway://join/abc", "not-a-link"],
  ["https://example.org/?amt://198.51.100.10@232.1.1.1", "not-a-link"],
  ["amt:198.51.100.10@232.1.1.1", "not-a-link"],
  ["amt://198.51.100.10@232.1.1.1/path", "not-a-link"],
  ["amt://198.51.100.10@232.1.1.1 and more", "not-a-link"],
  ["amt://198.51.100.10\n@232.1.1.1", "not-a-link"],
  ["amt://", "group-missing"],
  ["amt://198.51.100.10@", "group-missing"],
  ["amt://198.51.100.10@:5001", "group-missing"],
  ["amt://198.51.100.10@streams.example", "group-not-an-address"],
  ["amt://198.51.100.10@232.1.1.01", "group-not-an-address"],
  ["amt://198.51.100.10@[ff3e::8000:1", "group-not-an-address"],
  ["amt://198.51.100.10@ff3e::1%25eth0", "group-not-an-address"],
  ["amt://198.51.100.10", "group-not-a-group"],
  ["amt://198.51.100.10@240.0.0.1", "group-not-a-group"],
  ["amt://198.51.100.10@224.0.0.251", "group-local"],
  ["amt://[2001:db8::1]@[ff02::fb]", "group-local"],
  ["amt://[2001:db8::1]@[ff31::1]", "group-local"],
  ["amt://232.1.1.1:5001", "source-missing"],
  ["amt://[ff3e::8000:1]", "source-missing"],
  ["amt://tv.example@232.1.1.1", "source-not-an-address"],
  ["amt://a@b@232.1.1.1", "source-not-an-address"],
  ["amt://232.1.1.1@232.1.1.1", "source-not-a-source"],
  ["amt://0.0.0.0@232.1.1.1", "source-not-a-source"],
  ["amt://127.0.0.1@232.1.1.1", "source-not-a-source"],
  ["amt://[::]@[ff3e::8000:1]", "source-not-a-source"],
  ["amt://[fe80::1]@[ff3e::8000:1]", "source-not-a-source"],
  ["amt://[2001:db8::10]@232.1.1.1", "source-other-family"],
  ["amt://198.51.100.10@232.1.1.1:0", "port-not-a-port"],
  ["amt://198.51.100.10@232.1.1.1:65536", "port-not-a-port"],
  ["amt://198.51.100.10@232.1.1.1:http", "port-not-a-port"],
  ["amt://198.51.100.10@232.1.1.1:1:2", "group-not-an-address"],
  ["amt://198.51.100.10@232.1.1.1?relay=;id", "relay-not-a-relay"],
  ["amt://198.51.100.10@232.1.1.1?relay=%E0%A4%A", "relay-not-a-relay"],
  ["amt://198.51.100.10@232.1.1.1?relay=192.0.2", "relay-not-a-relay"],
  ["amt://198.51.100.10@232.1.1.1?relay=224.1.1.1", "relay-not-a-relay"],
  [`amt://198.51.100.10@232.1.1.1?${"x".repeat(1_024)}`, "link-too-long"],
])("%j is refused: %s", (link, fault) => {
  expect(parseAmtLink(link)).toEqual({ ok: false, fault });
  expect(amtFaultText(fault)).toMatch(/\.$/);
});

test("the form that is shown to who gave a bad one is a good one", () => {
  const [example] = /amt:\/\/[\d.@:]+\d/.exec(AMT_LINK_FORM) ?? [];
  expect(parseAmtLink(example ?? "")).toMatchObject({ ok: true });
});

describe("fields of a form", () => {
  test("each has its own word, and an empty form misses but the group", () => {
    expect(amtFaults(EMPTY)).toEqual({ group: "group-missing", source: null, port: null, relay: null });
    expect(amtFaults({ source: "x", group: "y", port: "z", relay: "-" })).toEqual({
      group: "group-not-an-address",
      source: "source-not-an-address",
      port: "port-not-a-port",
      relay: "relay-not-a-relay",
    });
  });

  test("blanks around them do not matter, and notations become one", () => {
    const fields = {
      source: " 2001:DB8::0:10 ",
      group: "[FF3E::8000:1]",
      port: " 5001",
      relay: "Relay.Example. ",
    };
    expect(amtStreamOf(fields)).toEqual({
      ok: true,
      stream: { source: "2001:db8::10", group: "ff3e::8000:1", port: 5001, relay: "relay.example" },
    });
  });
});

test.each([
  ["232.0.0.1", true],
  ["233.0.0.1", false],
  ["239.232.0.1", false],
  ["ff3e::1", true],
  ["ff3e:0:0:1::1", true],
  ["ff3e:30:2001:db8::1", false], // RFC 3306: a group of a prefix's owner
  ["ff1e::1", false],
])("that %s is nothing without a source: %s", (group, specific) => {
  expect(isSourceSpecific(group)).toBe(specific);
});

test.each([
  ["a".repeat(63) + ".example", true],
  ["a".repeat(64) + ".example", false],
  [`${"a.".repeat(126)}a`, true],
  [`${"a.".repeat(127)}aa`, false],
  ["relay", true],
  ["-relay.example", false],
  ["relay..example", false],
  ["relay.example:2268", false],
  ["2001:3::1", true],
])("a relay called %s: %s", (name, good) => {
  expect(relayOf(name) !== undefined).toBe(good);
});
