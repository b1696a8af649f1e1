import { describe, expect, test } from "vitest";
import { keyPair } from "#noise/x25519.ts";
import { hostMeetKey, meetId, serverMeetKey } from "#protocol/meet/meet-keys.ts";
import { openAnswer, openCall, sealAnswer, sealCall } from "#protocol/reach/sealed-call.ts";
import { isUsablePath } from "#protocol/reach/usable-path.ts";
import { MAX_MEET_PAYLOAD } from "#wire/meet-message.ts";
import { MAX_LISTED_PATHS, type ListedPath } from "#wire/path-list.ts";

const host = keyPair(new Uint8Array(32).fill(1));
const other = keyPair(new Uint8Array(32).fill(2));
const invite = { id: new Uint8Array(8).fill(3), psk: new Uint8Array(32).fill(4) };
const ephemeral = new Uint8Array(32).fill(5);
const nonce = new Uint8Array(12).fill(6);
const PATHS: ListedPath[] = [{ kind: "observed", address: "192.0.2.1", port: 5000 }];
const ANSWER: ListedPath[] = [{ kind: "own", address: "2001:db8::1", port: 42268 }];
const pskOf = (id: Uint8Array) => (id.toHex() === invite.id.toHex() ? invite.psk : undefined);

describe("a sealed call", () => {
  test("says to its host who calls and from where, and brings the answer back", () => {
    const sealed = sealCall(host.publicKey, invite, PATHS, ephemeral);
    const opened = openCall(host, sealed.payload, pskOf)!;
    expect(opened.paths).toEqual(PATHS);
    expect(opened.inviteId).toEqual(invite.id);
    expect(opened.keys).toEqual(sealed.keys);
    expect(openAnswer(sealed.keys, sealAnswer(opened.keys, ANSWER, nonce))).toEqual(ANSWER);
  });

  test("is not for another host", () => {
    const { payload } = sealCall(host.publicKey, invite, PATHS, ephemeral);
    expect(openCall(other, payload, pskOf)).toBeUndefined();
  });

  test("by an invite that is not open, or with a guessed secret, is no call", () => {
    const { payload } = sealCall(host.publicKey, invite, PATHS, ephemeral);
    expect(openCall(host, payload, () => undefined)).toBeUndefined();
    expect(openCall(host, payload, () => new Uint8Array(32))).toBeUndefined();
  });

  test("and its answer are refused with any bit changed, or cut short", () => {
    const sealed = sealCall(host.publicKey, invite, PATHS, ephemeral);
    const answer = sealAnswer(sealed.keys, ANSWER, nonce);
    for (let at = 0; at < sealed.payload.length; at++) {
      const changed = sealed.payload.slice();
      changed[at]! ^= at === 31 ? 1 : 0x80; // the top bit of an X25519 key counts for nothing (RFC 7748 section 5)
      expect(openCall(host, changed, pskOf), `byte ${at}`).toBeUndefined();
      expect(openCall(host, sealed.payload.subarray(0, at), pskOf)).toBeUndefined();
    }
    for (let at = 0; at < answer.length; at++) {
      const changed = answer.slice();
      changed[at]! ^= 1;
      expect(openAnswer(sealed.keys, changed)).toBeUndefined();
      expect(openAnswer(sealed.keys, answer.subarray(0, at))).toBeUndefined();
    }
  });

  test("shows nothing of the invite to whoever carries it, and never repeats itself", () => {
    const first = sealCall(host.publicKey, invite, PATHS, ephemeral);
    const second = sealCall(host.publicKey, invite, PATHS, new Uint8Array(32).fill(9));
    expect(first.payload.toHex()).not.toContain(invite.id.toHex());
    expect(first.keys.punch).not.toEqual(second.keys.punch);
  });

  test("of as many paths as there may be fits", () => {
    const path: ListedPath = { kind: "own", address: "2001:db8::1", port: 1 };
    const paths = Array.from({ length: MAX_LISTED_PATHS }, () => path);
    const { payload, keys } = sealCall(host.publicKey, invite, paths, ephemeral);
    expect(payload.length).toBeLessThan(MAX_MEET_PAYLOAD);
    expect(sealAnswer(keys, paths, nonce).length).toBeLessThan(MAX_MEET_PAYLOAD);
  });
});

describe("the key of a host's place at a meeting point", () => {
  const meet = keyPair(new Uint8Array(32).fill(7));

  test("is the same for both, who know different things", () => {
    const id = meetId(host.publicKey);
    expect(serverMeetKey(meet, id)).toEqual(hostMeetKey(host, meet.publicKey));
    expect(id).not.toEqual(host.publicKey);
  });

  test("is another one for who knows the host's public key alone", () => {
    const thief = { ...other, publicKey: host.publicKey };
    expect(hostMeetKey(thief, meet.publicKey)).not.toEqual(serverMeetKey(meet, meetId(host.publicKey)));
  });
});

test.each([
  ["192.168.1.10", true],
  ["198.51.100.2", true],
  ["2001:db8::1", true],
  ["fd00::1", true],
  ["127.0.0.1", false],
  ["224.0.0.251", false],
  ["255.255.255.255", false],
  ["0.0.0.0", false],
  ["::1", false],
  ["fe80::1", false],
  ["ff02::1", false],
])("%s is worth a datagram: %s", (address, usable) => {
  expect(isUsablePath({ address })).toBe(usable);
});
