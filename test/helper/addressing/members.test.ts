import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { membersProblem } from "#protocol/addressing/member.ts";
import type { Member } from "#protocol/addressing/member.ts";
import { Members } from "#protocol/addressing/members.ts";
import type { Admission } from "#protocol/addressing/members.ts";
import { parsePrefix } from "#wire/address.ts";

const PLAN = { prefix6: parsePrefix("fd12:3456:789a::/48"), prefix4: parsePrefix("100.64.4.0/22") };
const key = (n: number) => new Uint8Array(32).fill(n & 0xff, 0, 31).fill(n >> 8, 31);
const HOST = key(0);
const NOW = 1_800_000_000_000;

function network(): Members {
  return new Members(PLAN, Members.initialState({ publicKey: HOST, name: "home", now: NOW }));
}
function admission(n: number, serial = 1, more: Partial<Admission> = {}): Admission {
  const id = new Uint8Array(8).fill(serial);
  const invite = { id, serial, requireApproval: false };
  return {
    publicKey: key(n),
    psk: new Uint8Array(32).fill(serial),
    invite,
    name: `m${n}`,
    now: NOW,
    ...more,
  };
}
function admitted(members: Members, request: Admission): Member {
  const result = members.admit(request);
  if (!result.ok) throw new Error(result.reason);
  return result.member;
}
const reload = (members: Members) => new Members(PLAN, members.state());

describe("members", () => {
  test("a new network has its host alone, as member 1", () => {
    const members = network();
    expect(members.list().map((m) => [m.number, m.name])).toEqual([[1, "home"]]);
    expect(members.addresses(1).address4).toBe("100.64.4.1");
    expect(members.standing(HOST)).toBe("member");
    expect(members.standing(key(1))).toBe("stranger");
  });
  test("joiners get the next free numbers, and keep them over a restart", () => {
    const members = network();
    expect(admitted(members, admission(1)).number).toBe(2);
    expect(admitted(members, admission(2)).number).toBe(3);
    const again = reload(members);
    expect(again.byKey(key(2))).toEqual(members.byKey(key(2)));
    expect(admitted(again, admission(3)).number).toBe(4);
  });
  test("a retried join changes nothing but the psk, and takes no number", () => {
    const members = network();
    admitted(members, admission(1));
    const again = members.admit(admission(1, 2, { name: "other", now: NOW + 5 }));
    expect(again).toMatchObject({ ok: true, isNew: false, member: { number: 2, name: "m1", joinedAt: NOW } });
    expect(members.byKey(key(1))?.joinedBy?.psk).toEqual(new Uint8Array(32).fill(2));
    expect(members.state().nextNumber).toBe(3);
  });
  test("the numbers of removed members stay retired", () => {
    const members = network();
    admitted(members, admission(1));
    expect(members.remove(2, NOW, 1).ok).toBe(true);
    expect(members.standing(key(1))).toBe("removed");
    expect(members.list()).toHaveLength(1);
    expect(admitted(reload(members), admission(2)).number).toBe(3);
  });
  test("a removed member comes back by a later invite alone, to its old addresses", () => {
    const members = network();
    const before = admitted(members, admission(1, 1));
    members.remove(before.number, NOW, 2);
    for (const serial of [1, 2])
      expect(reload(members).admit(admission(1, serial))).toEqual({ ok: false, reason: "removed" });
    expect(members.standing(key(1))).toBe("removed");
    const result = members.admit(admission(1, 3));
    expect(result).toMatchObject({ ok: true, isNew: false, member: { number: 2, name: "m1" } });
    expect(members.standing(key(1))).toBe("member");
  });
  test("an exhausted pool fails that one join; members go on joining again", () => {
    const small = { ...PLAN, prefix6: parsePrefix("fd12:3456:789a::/62") };
    const members = new Members(small, Members.initialState({ publicKey: HOST, name: "home", now: NOW }));
    admitted(members, admission(1));
    admitted(members, admission(2));
    expect(members.admit(admission(3))).toEqual({ ok: false, reason: "full" });
    expect(members.standing(key(3))).toBe("stranger");
    expect(members.admit(admission(1)).ok).toBe(true);
    members.remove(2, NOW, 0);
    expect(members.admit(admission(3))).toEqual({ ok: false, reason: "full" });
  });
  test("an invite may ask for approval", () => {
    const members = network();
    const invite = { ...admission(1).invite, requireApproval: true };
    expect(admitted(members, admission(1, 1, { invite })).approved).toBe(false);
    expect(members.standing(key(1))).toBe("pending");
    expect(members.approve(2)).toMatchObject({ ok: true });
    expect(members.standing(key(1))).toBe("member");
    expect(admitted(members, admission(1, 1, { invite })).approved).toBe(true);
  });
  test("a later invite without approval ends the waiting", () => {
    const members = network();
    const invite = { ...admission(1).invite, requireApproval: true };
    admitted(members, admission(1, 1, { invite }));
    admitted(members, admission(1, 2));
    expect(members.standing(key(1))).toBe("member");
  });
  test("removed and brought back, approval is asked again", () => {
    const members = network();
    admitted(members, admission(1));
    members.remove(2, NOW, 1);
    expect(members.approve(2)).toEqual({ ok: false, reason: "no-such-member" });
    admitted(members, admission(1, 2, { invite: { ...admission(1, 2).invite, requireApproval: true } }));
    expect(members.standing(key(1))).toBe("pending");
  });
  test("names are unique without regard to case, cleaned, and never empty", () => {
    const members = network();
    expect(admitted(members, admission(1, 1, { name: "HOME\n" })).name).toBe("HOME 2");
    expect(admitted(members, admission(2, 1, { name: "\u0007" })).name).toBe("member 3");
    expect(members.rename(2, " den ")).toMatchObject({ ok: true, member: { name: "den" } });
    expect(members.rename(2, "DEN")).toMatchObject({ ok: true, member: { name: "DEN" } });
    expect(members.rename(3, "den")).toEqual({ ok: false, reason: "name-taken" });
    expect(members.rename(3, "\u200b")).toEqual({ ok: false, reason: "name-empty" });
    expect(members.rename(9, "x")).toEqual({ ok: false, reason: "no-such-member" });
    expect(members.byName("Den")?.number).toBe(2);
  });
  test("a name given away after a removal comes back with a number", () => {
    const members = network();
    admitted(members, admission(1, 1, { name: "tv" }));
    members.remove(2, NOW, 1);
    admitted(members, admission(2, 1, { name: "tv" }));
    expect(admitted(members, admission(1, 2)).name).toBe("tv 2");
  });
  test("the host cannot be removed, nor join itself", () => {
    const members = network();
    expect(members.remove(1, NOW, 0)).toEqual({ ok: false, reason: "is-host" });
    expect(members.admit({ ...admission(1), publicKey: HOST })).toEqual({ ok: false, reason: "host" });
  });

  const host = Members.initialState({ publicKey: HOST, name: "home", now: NOW }).members[0]!;
  const guest = { ...host, number: 2, publicKey: key(1), joinedBy: { inviteId: key(1), psk: key(1) } };
  test.each([
    ["the host (member 1) is missing", []],
    ["two members have the number 2", [host, guest, { ...guest, publicKey: key(2) }]],
    ["member 3 has the key of another member", [host, guest, { ...guest, number: 3 }]],
    ["member number 9 is not below the next number", [host, { ...guest, number: 9 }]],
    ["the host (member 1) is not a member", [{ ...host, approved: false }]],
    ["member 2 has no invite it joined by", [host, { ...host, number: 2, publicKey: key(1) }]],
  ])("an unsound state is named: %s", (problem, list) => {
    expect(membersProblem({ nextNumber: 4, members: list })).toBe(problem);
    expect(() => new Members(PLAN, { nextNumber: 4, members: list })).toThrow(problem);
  });

  test("whatever happens, no number is given to two keys and the state stays sound", () => {
    const step = fc.record({
      act: fc.constantFrom("admit", "remove", "approve", "rename"),
      n: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let members = network();
        const owner = new Map<number, string>();
        let serial = 1;
        for (const { act, n } of steps) {
          if (act === "admit") members.admit(admission(n, ++serial, { name: "same" }));
          if (act === "remove") members.remove(n, NOW, serial);
          if (act === "approve") members.approve(n);
          if (act === "rename") members.rename(n, "same");
          members = reload(members);
          for (const member of members.state().members) {
            const hex = member.publicKey.toHex();
            expect(owner.get(member.number) ?? hex).toBe(hex);
            owner.set(member.number, hex);
          }
          const names = members.list().map((m) => m.name.toLowerCase());
          expect(new Set(names).size).toBe(names.length);
        }
      }),
    );
  });
});
