import type { AddressPlan, MemberAddresses } from "./member-addresses.ts";
import { HOST_NUMBER, highestNumber, memberAddresses } from "./member-addresses.ts";
import { membersProblem } from "./member.ts";
import type { Member, MembersState } from "./member.ts";
import { cleanName, freeName, nameKey } from "./names.ts";

/** How the host stands to a key. "removed" is refused; "stranger" may still show an invite. */
export type Standing = "member" | "pending" | "removed" | "stranger";

/** A joiner who has proved an invite's secret. */
export interface Admission {
  readonly publicKey: Uint8Array;
  readonly psk: Uint8Array;
  readonly invite: { readonly id: Uint8Array; readonly serial: number; readonly requireApproval: boolean };
  /** What the joiner calls itself; cleaned and made unique here. */
  readonly name: string;
  readonly now: number; // wall ms
}

export type Admitted =
  | { readonly ok: true; readonly member: Member; readonly isNew: boolean }
  /** removed: only an invite made after the removal brings it back. full: no address left. host: our own key. */
  | { readonly ok: false; readonly reason: "removed" | "full" | "host" };

export type MemberChange =
  | { readonly ok: true; readonly member: Member }
  | { readonly ok: false; readonly reason: "no-such-member" | "is-host" | "name-empty" | "name-taken" };

/** The host's list of members. Changes show in `state()`, which the store writes. */
export class Members {
  readonly plan: AddressPlan;
  #nextNumber: number;
  readonly #byNumber = new Map<number, Member>();
  readonly #byKey = new Map<string, number>();

  /** Throws where the state is unsound: a file is checked with `membersProblem` before. */
  constructor(plan: AddressPlan, state: MembersState) {
    const problem = membersProblem(state);
    if (problem) throw new Error(`members: ${problem}`);
    this.plan = plan;
    this.#nextNumber = state.nextNumber;
    for (const member of state.members) this.#put(member);
  }

  /** The state of a new network: its host alone. `now` is wall ms. */
  static initialState(host: { publicKey: Uint8Array; name: string; now: number }): MembersState {
    const name = cleanName(host.name) || "host";
    const member = {
      number: HOST_NUMBER,
      publicKey: host.publicKey,
      name,
      joinedAt: host.now,
      approved: true,
    };
    return { nextNumber: HOST_NUMBER + 1, members: [member] };
  }

  state(): MembersState {
    return { nextNumber: this.#nextNumber, members: [...this.#byNumber.values()] };
  }

  /** Members and those who wait for approval, by number; without the removed ones. */
  list(): Member[] {
    return [...this.#byNumber.values()].filter((member) => !member.removed);
  }

  /** Also a removed one. */
  byNumber(number: number): Member | undefined {
    return this.#byNumber.get(number);
  }

  /** Also a removed one: look at `standing` before trusting it. */
  byKey(publicKey: Uint8Array): Member | undefined {
    const number = this.#byKey.get(publicKey.toHex());
    return number === undefined ? undefined : this.#byNumber.get(number);
  }

  byName(name: string): Member | undefined {
    const key = nameKey(cleanName(name));
    return this.list().find((member) => nameKey(member.name) === key);
  }

  standing(publicKey: Uint8Array): Standing {
    const member = this.byKey(publicKey);
    if (!member) return "stranger";
    if (member.removed) return "removed";
    return member.approved ? "member" : "pending";
  }

  addresses(number: number): MemberAddresses {
    return memberAddresses(this.plan, number);
  }

  /** How many more new keys there are numbers for. */
  room(): number {
    return highestNumber(this.plan) - this.#nextNumber + 1;
  }

  /**
   * Takes in a joiner: a new key gets the next number; a known one keeps its number (and so its addresses), its
   * name and its approval, and gets the new invite's psk. A failure concerns this one join alone.
   */
  admit(admission: Admission): Admitted {
    const { publicKey, psk, invite, now } = admission;
    const known = this.byKey(publicKey);
    if (known?.number === HOST_NUMBER) return { ok: false, reason: "host" };
    if (known?.removed && invite.serial <= known.removed.lastInvite) return { ok: false, reason: "removed" };
    if (!known && this.room() <= 0) return { ok: false, reason: "full" };
    const joinedBy = { inviteId: invite.id, psk };
    if (known && !known.removed) {
      const approved = known.approved || !invite.requireApproval;
      return { ok: true, member: this.#put({ ...known, approved, joinedBy }), isNew: false };
    }
    const number = known?.number ?? this.#nextNumber++;
    const wanted = known?.name ?? (cleanName(admission.name) || `member ${number}`);
    const name = freeName(wanted, this.#takenNames());
    const approved = !invite.requireApproval;
    const member = this.#put({ number, publicKey, name, joinedAt: now, approved, joinedBy });
    return { ok: true, member, isNew: !known };
  }

  approve(number: number): MemberChange {
    const member = this.#current(number);
    if (!member) return { ok: false, reason: "no-such-member" };
    return { ok: true, member: this.#put({ ...member, approved: true }) };
  }

  rename(number: number, name: string): MemberChange {
    const member = this.#current(number);
    if (!member) return { ok: false, reason: "no-such-member" };
    const cleaned = cleanName(name);
    if (cleaned === "") return { ok: false, reason: "name-empty" };
    const holder = this.byName(cleaned);
    if (holder && holder.number !== number) return { ok: false, reason: "name-taken" };
    return { ok: true, member: this.#put({ ...member, name: cleaned }) };
  }

  /** The most that is sent to it, bits a second; undefined: no limit. */
  limit(number: number, maximumBps: number | undefined): MemberChange {
    const member = this.#current(number);
    if (!member) return { ok: false, reason: "no-such-member" };
    if (number === HOST_NUMBER) return { ok: false, reason: "is-host" };
    const { maximumBps: _, ...rest } = member;
    return {
      ok: true,
      member: this.#put({ ...rest, ...(maximumBps !== undefined && { maximumBps }) }),
    };
  }

  /**
   * Puts a member out. Its number stays retired and its key refused until an invite made after `lastInvite`.
   * `removeMember` of invite/ is the whole act: it also closes the invite the member came by.
   */
  remove(number: number, now: number, lastInvite: number): MemberChange {
    const member = this.#current(number);
    if (!member) return { ok: false, reason: "no-such-member" };
    if (number === HOST_NUMBER) return { ok: false, reason: "is-host" };
    return { ok: true, member: this.#put({ ...member, approved: false, removed: { at: now, lastInvite } }) };
  }

  #current(number: number): Member | undefined {
    const member = this.#byNumber.get(number);
    return member?.removed ? undefined : member;
  }

  #put(member: Member): Member {
    this.#byNumber.set(member.number, member);
    this.#byKey.set(member.publicKey.toHex(), member.number);
    return member;
  }

  #takenNames(): Set<string> {
    return new Set(this.list().map((member) => nameKey(member.name)));
  }
}
