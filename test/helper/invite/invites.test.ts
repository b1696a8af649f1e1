import { describe, expect, test } from "vitest";
import { Members } from "#protocol/addressing/members.ts";
import { encodeBase32 } from "#protocol/invite/base32.ts";
import { InviteError, expiredError, refusalByte, refusalOfByte } from "#protocol/invite/invite-error.ts";
import { decodeInvite } from "#protocol/invite/invite-link.ts";
import { inviteKeys } from "#protocol/invite/invite-secret.ts";
import { Invites, MAX_INVITES } from "#protocol/invite/invites.ts";
import type { InviteRequest } from "#protocol/invite/invites.ts";
import { removeMember } from "#protocol/invite/remove-member.ts";
import { parsePrefix } from "#wire/address.ts";

const NOW = 1_795_000_000_500;
const DAY = 24 * 3600 * 1000;
const HOST = new Uint8Array(32).fill(1);
const [ANNA, BERT, CARL] = [2, 3, 4].map((n) => new Uint8Array(32).fill(n)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
let secrets = 0;

function request(more: Partial<InviteRequest> = {}): InviteRequest {
  const secret = new Uint8Array(16);
  new DataView(secret.buffer).setUint32(0, ++secrets);
  return { now: NOW, secret, hostPublicKey: HOST, networkName: "Home", candidates: [], ...more };
}
/** Makes an invite as the host and reads its link as the guest. */
function invited(invites: Invites, more: Partial<InviteRequest> = {}) {
  const { invite, link } = invites.create(request(more));
  const { secret } = decodeInvite(link, NOW);
  return { ...inviteKeys(HOST, secret), text: invite.id, link, secret };
}
const reload = (invites: Invites) => new Invites(structuredClone(invites.state()));

describe("invites", () => {
  test("both ends make the same id and psk of the secret; another host's key makes others", () => {
    const invites = new Invites(Invites.initialState);
    const guest = invited(invites);
    expect(invites.check(guest.id, ANNA, NOW)).toMatchObject({ status: "open", psk: guest.psk, serial: 1 });
    const other = inviteKeys(ANNA, guest.secret);
    expect(other.psk).not.toEqual(guest.psk);
    expect(other.id).not.toEqual(guest.id);
    expect(guest.psk.subarray(0, 8)).not.toEqual(guest.id);
  });
  test("are for one computer and seven days where nothing is said", () => {
    const invites = new Invites(Invites.initialState);
    const { link } = invited(invites);
    expect(decodeInvite(link, NOW)).toMatchObject({ uses: 1, expiresAt: NOW - 500 + 7 * DAY });
    expect(invites.list(NOW)).toMatchObject([{ status: "open", uses: 1, used: 0, requireApproval: false }]);
  });
  test("an id that was never given out is a stranger's", () => {
    const invites = new Invites(Invites.initialState);
    expect(invites.check(new Uint8Array(8), ANNA, NOW)).toBeUndefined();
    expect(invites.use(new Uint8Array(8), ANNA, NOW)).toBeUndefined();
  });
  test("a retry by the same key takes no second use, another key finds it used up", () => {
    const invites = new Invites(Invites.initialState);
    const { id } = invited(invites);
    expect(invites.check(id, ANNA, NOW)?.status).toBe("open");
    expect(invites.list(NOW)[0]!.used).toBe(0); // a look takes no use
    for (let i = 0; i < 3; i++) expect(invites.use(id, ANNA, NOW)?.status).toBe("open");
    expect(reload(invites).check(id, ANNA, NOW)?.status).toBe("open");
    expect(reload(invites).check(id, BERT, NOW)?.status).toBe("used-up");
    expect(invites.use(id, BERT, NOW)?.status).toBe("used-up");
    expect(invites.list(NOW)[0]).toMatchObject({ used: 1, status: "used-up" });
  });
  test("with two uses lets two computers in", () => {
    const invites = new Invites(Invites.initialState);
    const { id } = invited(invites, { uses: 2 });
    expect([ANNA, BERT, CARL].map((key) => invites.use(id, key, NOW)?.status)).toEqual([
      "open",
      "open",
      "used-up",
    ]);
  });
  test("expire on the second, but not for a joiner whose answer was lost", () => {
    const invites = new Invites(Invites.initialState);
    const { id } = invited(invites, { expiresInS: 60, uses: 2 });
    expect(invites.check(id, ANNA, NOW - 500 + 59_999)?.status).toBe("open");
    invites.use(id, ANNA, NOW);
    expect(invites.check(id, ANNA, NOW + 60_000)?.status).toBe("open");
    expect(invites.use(id, BERT, NOW + 60_000)?.status).toBe("expired");
    expect(invites.list(NOW + 60_000)[0]!.used).toBe(1);
  });
  test("revoked are closed to everybody, and still know the psk to say so", () => {
    const invites = new Invites(Invites.initialState);
    const { id, psk, text } = invited(invites, { uses: 2 });
    invites.use(id, ANNA, NOW);
    expect(invites.revoke(text, NOW)).toBe(true);
    expect(reload(invites).check(id, ANNA, NOW)).toMatchObject({ status: "revoked", psk });
    expect(invites.use(id, BERT, NOW)?.status).toBe("revoked");
    expect(invites.revoke("0000000000000000", NOW)).toBe(false);
  });
  test("a used-up or expired one is not called revoked by a late revocation", () => {
    const invites = new Invites(Invites.initialState);
    const { id, text } = invited(invites);
    invites.use(id, ANNA, NOW);
    expect(invites.revoke(text, NOW)).toBe(true);
    expect(invites.list(NOW)[0]!.status).toBe("used-up");
  });
  test("are forgotten 90 days after they ended", () => {
    const invites = new Invites(Invites.initialState);
    const used = invited(invites);
    invites.use(used.id, ANNA, NOW);
    invites.revoke(invited(invites, { expiresInS: 3600 * 24 * 365 }).text, NOW + DAY);
    invited(invites); // expires after 7 days
    const open = invited(invites, { expiresInS: 3600 * 24 * 365 });
    expect(invites.purge(NOW + 90 * DAY - 1)).toBe(0);
    expect(invites.purge(NOW + 90 * DAY)).toBe(1);
    expect(invites.purge(NOW + 91 * DAY)).toBe(1);
    expect(invites.purge(NOW + 97 * DAY)).toBe(1);
    expect(invites.list(NOW).map((i) => i.id)).toEqual([open.text]);
    expect(invited(reload(invites)).text).not.toBe(open.text);
    expect(invites.lastSerial).toBe(4);
  });
  test("are bounded: the longest ended makes room, open ones do not", () => {
    const invites = new Invites(Invites.initialState);
    for (let i = 0; i < MAX_INVITES; i++) invites.create(request());
    expect(() => invites.create(request())).toThrow(/1000 open invites/);
    const [first, second] = invites.list(NOW);
    invites.revoke(second!.id, NOW + 1);
    invites.revoke(first!.id, NOW + 2);
    invites.create(request({ now: NOW + 3 }));
    expect(invites.list(NOW)).toHaveLength(MAX_INVITES);
    expect(invites.list(NOW).some((i) => i.id === second!.id)).toBe(false);
  });
  test("a list shows neither secret nor psk, in no spelling; the state has no secret", () => {
    const invites = new Invites(Invites.initialState);
    const { secret, psk } = invited(invites, { secret: Uint8Array.from({ length: 16 }, (_, i) => 200 + i) });
    const spellings = (bytes: Uint8Array) => [
      bytes.toHex(),
      bytes.toBase64().replace(/=+$/, ""),
      encodeBase32(bytes).toLowerCase(),
      JSON.stringify([...bytes]).slice(1, -1),
    ];
    const seen = [
      JSON.stringify(invites.list(NOW)),
      JSON.stringify(invites),
      String(Object.values(invites)),
    ].join();
    for (const spelling of [...spellings(secret), ...spellings(psk)]) expect(seen).not.toContain(spelling);
    const state = JSON.stringify(invites.state(), (_, value: unknown) =>
      value instanceof Uint8Array ? spellings(value) : value,
    );
    expect(state).toContain(spellings(psk)[0]);
    for (const spelling of spellings(secret).slice(0, 3)) expect(state).not.toContain(spelling);
  });
  test("an unsound state is refused", () => {
    const invites = new Invites(Invites.initialState);
    invited(invites);
    const { invites: list } = invites.state();
    expect(() => new Invites({ nextSerial: 2, invites: [...list, ...list] })).toThrow(/two invites/);
    expect(() => new Invites({ nextSerial: 1, invites: list })).toThrow(/serial/);
    expect(() => new Invites({ nextSerial: 2, invites: [{ ...list[0]!, usedBy: [ANNA, BERT] }] })).toThrow(
      /more often/,
    );
  });
});

describe("a removed member", () => {
  const plan = { prefix6: parsePrefix("fd12:3456:789a::/48"), prefix4: parsePrefix("100.64.4.0/22") };
  function join(members: Members, invites: Invites, id: Uint8Array, publicKey: Uint8Array) {
    const check = invites.use(id, publicKey, NOW);
    if (check?.status !== "open") return check?.status;
    const result = members.admit({ publicKey, psk: check.psk, invite: check, name: "laptop", now: NOW });
    return result.ok ? result.member.number : result.reason;
  }
  test("finds the invite that it came by closed, also with a fresh key; others go on", () => {
    const members = new Members(plan, Members.initialState({ publicKey: HOST, name: "home", now: NOW }));
    const invites = new Invites(Invites.initialState);
    const shared = invited(invites, { uses: 10 });
    const other = invited(invites, { uses: 10 });
    expect(join(members, invites, shared.id, ANNA)).toBe(2);
    expect(removeMember(members, invites, 2, NOW).ok).toBe(true);
    expect(join(members, invites, shared.id, ANNA)).toBe("revoked");
    expect(join(members, invites, shared.id, BERT)).toBe("revoked");
    expect(join(members, invites, other.id, ANNA)).toBe("removed");
    expect(join(members, invites, other.id, CARL)).toBe(3);
    expect(join(members, invites, invited(invites).id, ANNA)).toBe(2);
  });
  test("removing what is no member closes nothing", () => {
    const members = new Members(plan, Members.initialState({ publicKey: HOST, name: "home", now: NOW }));
    const invites = new Invites(Invites.initialState);
    invited(invites);
    expect(removeMember(members, invites, 1, NOW)).toEqual({ ok: false, reason: "is-host" });
    expect(removeMember(members, invites, 7, NOW)).toEqual({ ok: false, reason: "no-such-member" });
    expect(invites.list(NOW)[0]!.status).toBe("open");
  });
});

describe("invite errors", () => {
  test("each code has its own sentence that says what to do", () => {
    const codes = [
      "not-an-invite",
      "too-long",
      "damaged",
      "newer-version",
      "expired",
      "used-up",
      "revoked",
    ] as const;
    const more = ["pending-approval", "removed", "full", "own-network"] as const;
    const sentences = [...codes, ...more].map((code) => new InviteError(code).message);
    expect(new Set(sentences).size).toBe(11);
    for (const sentence of sentences) expect(sentence).toMatch(/ask|copy|update|open/i);
    expect(expiredError(0).message).toContain("1970-01-01 00:00 UTC");
  });
  test("refusals have fixed bytes on the wire", () => {
    const names = [
      "expired",
      "used-up",
      "revoked",
      "pending-approval",
      "removed",
      "full",
      "own-network",
    ] as const;
    expect(names.map(refusalByte)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect([1, 2, 3, 4, 5, 6, 7].map(refusalOfByte)).toEqual(names);
    expect([0, 8, 255].map(refusalOfByte)).toEqual([undefined, undefined, undefined]);
  });
});
