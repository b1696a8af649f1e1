import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { labelledHash } from "#protocol/addressing/network-id.ts";
import { decodeBase32, encodeBase32 } from "#protocol/invite/base32.ts";
import { isCandidateHost } from "#protocol/invite/candidate-codec.ts";
import { InviteError } from "#protocol/invite/invite-error.ts";
import { INVITE_SCHEME, decodeInvite, encodeInvite, networkName } from "#protocol/invite/invite-link.ts";
import type { Invite } from "#protocol/invite/invite-link.ts";
import { EncodeError } from "#wire/cursor.ts";

const NOW = 1_795_000_000_000;
const INVITE: Invite = {
  hostPublicKey: new Uint8Array(32).fill(0xaa),
  secret: new Uint8Array(16).fill(0xbb),
  expiresAt: NOW + 1000,
  uses: 1,
  requireApproval: false,
  candidates: [{ host: "192.0.2.1", port: 4000 }],
  networkName: "Home",
};
const LINK = encodeInvite(INVITE);
const BODY_OF_LINK =
  `0101 ${"aa".repeat(32)} ${"bb".repeat(16)} 6afd86c1 0001 00c00002010fa0 486f6d65`.replaceAll(" ", "");

/** The code that decoding fails with; fails the test where it does not fail. */
function codeOf(text: string, now = NOW): string {
  try {
    decodeInvite(text, now);
  } catch (error) {
    if (error instanceof InviteError) return error.code;
    throw error;
  }
  throw new Error("it was accepted");
}
/** A link whose checksum is right, whatever is in it. */
function linkOf(body: string | Uint8Array): string {
  const bytes = typeof body === "string" ? Uint8Array.fromHex(body) : body;
  const checksum = labelledHash("castaway invite", bytes).subarray(0, 4);
  return INVITE_SCHEME + encodeBase32(new Uint8Array([...bytes, ...checksum]));
}

describe("base32", () => {
  test.each([
    ["", ""],
    ["f", "MY"],
    ["fo", "MZXQ"],
    ["foo", "MZXW6"],
    ["foob", "MZXW6YQ"],
    ["fooba", "MZXW6YTB"],
    ["foobar", "MZXW6YTBOI"],
  ])("RFC 4648 section 10: %j is %j", (text, encoded) => {
    const bytes = new TextEncoder().encode(text);
    expect(encodeBase32(bytes)).toBe(encoded);
    expect(decodeBase32(encoded.toLowerCase())).toEqual(bytes);
  });
  test.each(["A", "MZX", "MZXW6Y", "MZ", "M1", "M=", "é"])("%j is none", (text) => {
    expect(decodeBase32(text)).toBeUndefined();
  });
});

describe("an invite's link", () => {
  test("is its fields in order, in base32, with a checksum", () => {
    expect(LINK).toBe(linkOf(BODY_OF_LINK).toLowerCase());
    expect(decodeInvite(LINK, NOW)).toEqual(INVITE);
  });
  test("with one IPv4 endpoint and a short name has 130 characters", () => {
    expect(LINK).toHaveLength(130);
  });
  test("names a meeting point, and the host's key in the DHT, where the host is found by them", () => {
    const dhtKey = new Uint8Array(32).fill(0xdd);
    const found = { ...INVITE, candidates: [], meet: { host: "meet.example", port: 4443 }, dhtKey };
    const link = encodeInvite(found);
    expect(decodeInvite(link, NOW)).toEqual(found);
    expect(encodeInvite({ ...INVITE, dhtKey })).toHaveLength(LINK.length + 51);
    expect(() => encodeInvite({ ...INVITE, dhtKey: dhtKey.subarray(1) })).toThrow(EncodeError);
  });
  test("is found in what mail and chat make of it", () => {
    const middle = 60;
    const wrapped = `${LINK.slice(0, middle)}\r\n  ${LINK.slice(middle)}`;
    for (const text of [`\n ${LINK}\t`, wrapped, `<${LINK}>`, LINK.toUpperCase(), `\u200b${LINK}\ufeff`])
      expect(decodeInvite(text, NOW)).toEqual(INVITE);
  });

  const candidate = fc.record({
    host: fc.oneof(
      fc.ipV4(),
      fc.constantFrom("2001:db8::1", "fe80::1", "::"),
      fc.domain({ size: "small" }).filter(isCandidateHost),
      fc.constantFrom("nas", "my_box.local", "a.b"),
    ),
    port: fc.integer({ min: 1, max: 65_535 }),
  });
  const invites: fc.Arbitrary<Invite> = fc.record({
    hostPublicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    secret: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    expiresAt: fc.integer({ min: NOW / 1000 + 1, max: 0xffff_ffff }).map((s) => s * 1000),
    uses: fc.integer({ min: 1, max: 1000 }),
    requireApproval: fc.boolean(),
    candidates: fc.array(candidate, { maxLength: 8 }),
    networkName: fc.string({ unit: "grapheme", maxLength: 60 }).map(networkName),
  });
  test("says again what was put in", () => {
    fc.assert(
      fc.property(invites, (invite) => {
        expect(decodeInvite(encodeInvite(invite), NOW)).toEqual(invite);
      }),
      { numRuns: 500 },
    );
  });
  test("with one character changed, lost or doubled is damaged", () => {
    fc.assert(
      fc.property(
        fc.nat(LINK.length - 17),
        fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz234567"),
        (at, other) => {
          const i = at + INVITE_SCHEME.length;
          fc.pre(LINK[i] !== other);
          const [head, tail] = [LINK.slice(0, i), LINK.slice(i + 1)];
          for (const text of [head + other + tail, head + tail, head + LINK[i] + other + tail])
            expect(codeOf(text)).toBe("damaged");
        },
      ),
      { numRuns: 500 },
    );
  });
  test("cut short anywhere behind its scheme is damaged", () => {
    for (let length = INVITE_SCHEME.length; length < LINK.length; length++)
      expect(codeOf(LINK.slice(0, length))).toBe("damaged");
  });
  test.each([
    "",
    " ",
    "hello",
    "https://castaway/join/abc",
    "castaway://leave/abc",
    LINK.slice(16),
    `x${LINK}`,
  ])("%j is no invite", (text) => {
    expect(codeOf(text)).toBe("not-an-invite");
  });
  test("is refused when too long, before any work on it", () => {
    expect(codeOf(INVITE_SCHEME + "a".repeat(2048 - 16))).toBe("damaged");
    expect(codeOf(INVITE_SCHEME + "a".repeat(2048 - 15))).toBe("too-long");
    expect(codeOf(" ".repeat(10_000_000))).toBe("too-long");
  });
  test("of a newer version says so, and only where it is whole", () => {
    const newer = linkOf("02" + "00".repeat(80));
    expect(codeOf(newer)).toBe("newer-version");
    expect(codeOf(newer.slice(0, -1))).toBe("damaged");
    expect(codeOf(linkOf("0111" + BODY_OF_LINK.slice(4)))).toBe("newer-version");
  });
  test("expires by the local clock, and names the date", () => {
    expect(decodeInvite(LINK, INVITE.expiresAt - 1)).toEqual(INVITE);
    expect(codeOf(LINK, INVITE.expiresAt)).toBe("expired");
    expect(() => decodeInvite(LINK, INVITE.expiresAt)).toThrow("expired on 2026-11-18 11:06 UTC");
  });
  test.each([
    ["no uses", BODY_OF_LINK.replace("6afd86c10001", "6afd86c10000")],
    ["1,001 uses", BODY_OF_LINK.replace("6afd86c10001", "6afd86c103e9")],
    ["nine candidates", "0109" + BODY_OF_LINK.slice(4, 112) + "00c00002010fa0".repeat(9)],
    ["port 0", BODY_OF_LINK.replace("0fa0", "0000")],
    ["a candidate cut short", BODY_OF_LINK.slice(0, 120)],
    ["a host name with a space", BODY_OF_LINK.slice(0, 112) + "046120620fa0"],
    ["a name that is no UTF-8", BODY_OF_LINK + "ff"],
    ["a host name of 254", BODY_OF_LINK.slice(0, 112) + "ff" + "61".repeat(254) + "0fa0"],
  ])("whole but made wrong is damaged: %s", (_, body) => {
    expect(codeOf(linkOf(body))).toBe("damaged");
  });
  test("whatever a stranger puts behind the checksum, the result is an invite or an InviteError", () => {
    const prefix = Uint8Array.fromHex(BODY_OF_LINK).subarray(0, 56);
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ maxLength: 120 }), (flags, rest) => {
        const body = new Uint8Array([...prefix, ...rest]);
        body[1] = flags;
        try {
          const invite = decodeInvite(linkOf(body), NOW);
          expect(decodeInvite(encodeInvite(invite), NOW)).toEqual(invite);
        } catch (error) {
          expect(error).toBeInstanceOf(InviteError);
        }
      }),
      { numRuns: 3000 },
    );
  });
  test.each([
    ["uses", { uses: 1001 }],
    ["uses", { uses: 0 }],
    ["candidates", { candidates: Array(9).fill(INVITE.candidates[0]) as Invite["candidates"] }],
    ["candidate", { candidates: [{ host: "a b", port: 1 }] }],
    ["candidate", { candidates: [{ host: "1.2.3", port: 1 }] }],
    ["candidate port", { candidates: [{ host: "a", port: 0 }] }],
    ["network name", { networkName: "x".repeat(41) }],
    ["expiry", { expiresAt: 2 ** 32 * 1000 }],
    ["key", { secret: new Uint8Array(15) }],
  ])("is not made with a wrong %s", (field, change) => {
    expect(() => encodeInvite({ ...INVITE, ...change })).toThrow(EncodeError);
    expect(() => encodeInvite({ ...INVITE, ...change })).toThrow(field);
  });
  test("is not made longer than it may be read", () => {
    const long = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;
    const four = Array.from({ length: 4 }, () => ({ host: long, port: 1 }));
    expect(decodeInvite(encodeInvite({ ...INVITE, candidates: four }), NOW).candidates).toEqual(four);
    expect(() => encodeInvite({ ...INVITE, candidates: [...four, ...four] })).toThrow(EncodeError);
  });
  test("carries names cut to whole characters in 40 bytes", () => {
    expect(networkName("📺".repeat(12))).toBe("📺".repeat(10));
    expect(networkName(`é${"x".repeat(60)}`)).toBe(`é${"x".repeat(38)}`);
  });
});
