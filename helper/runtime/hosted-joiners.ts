import type { Clock } from "#ports/clock.ts";
import type { Members } from "#protocol/addressing/members.ts";
import type { Invites } from "#protocol/invite/invites.ts";
import type { Authorization, AuthorizeRequest } from "#protocol/session/acceptor.ts";
import type { HandshakeStatus } from "#wire/frame-handshake-payload.ts";

/** How long a joiner has for proving its invite. */
const JOINER_LIFETIME_MS = 10_000;

interface Joining {
  readonly publicKey: Uint8Array;
  readonly inviteId: Uint8Array;
  readonly since: number;
}

/** Who may come in to a hosted network, and those who showed an invite and have not proved it yet. */
export class Joiners {
  readonly #members: Members;
  readonly #invites: Invites;
  readonly #clock: Pick<Clock, "wall">;
  readonly #joining = new Map<string, Joining>(); // by public key, hexadecimal

  constructor(members: Members, invites: Invites, clock: Pick<Clock, "wall">) {
    this.#members = members;
    this.#invites = invites;
    this.#clock = clock;
  }

  /** undefined: a stranger, who gets no answer. */
  authorize({ publicKey, inviteId }: AuthorizeRequest): Authorization | undefined {
    const members = this.#members;
    const standing = members.standing(publicKey);
    const check = inviteId && this.#invites.check(inviteId, publicKey, this.#clock.wall());
    if (check) {
      const known = members.byKey(publicKey);
      // Who joined with an invite stays when it is revoked, and names it in its calls as long as its daemon runs.
      const stays = standing === "member" && known?.joinedBy?.inviteId.toHex() === check.id.toHex();
      let status: HandshakeStatus = "ok";
      if (check.status !== "open" && !stays) status = check.status;
      else if (known?.removed && check.serial <= known.removed.lastInvite) status = "removed";
      else if (!known && members.room() <= 0) status = "full";
      else if (standing !== "member" && check.requireApproval) status = "pending-approval";
      return { psk: check.psk, status };
    }
    const psk = members.byKey(publicKey)?.joinedBy?.psk;
    if (!psk || standing === "stranger") return undefined;
    return {
      psk,
      status: standing === "member" ? "ok" : standing === "pending" ? "pending-approval" : "removed",
    };
  }

  /** It showed an invite and was given keys: its first packet under them is the proof. */
  add(publicKey: Uint8Array, inviteId: Uint8Array, now: number): void {
    this.#joining.set(publicKey.toHex(), { publicKey, inviteId, since: now });
  }

  /** That packet is here. false: what it proved opens no door (any more). Who is no joiner has nothing to prove. */
  prove(publicKey: Uint8Array, name: string): boolean {
    const key = publicKey.toHex();
    const joining = this.#joining.get(key);
    this.#joining.delete(key);
    if (!joining) return true;
    const now = this.#clock.wall();
    const used = this.#invites.use(joining.inviteId, publicKey, now);
    if (used?.status !== "open") return this.#members.standing(publicKey) === "member";
    const { id, serial, requireApproval, psk } = used;
    return this.#members.admit({ publicKey, psk, invite: { id, serial, requireApproval }, name, now }).ok;
  }

  pollTimeout(isUp: (publicKey: Uint8Array) => boolean): number | undefined {
    let earliest = Infinity;
    for (const { publicKey, since } of this.#joining.values())
      if (!isUp(publicKey)) earliest = Math.min(earliest, since + JOINER_LIFETIME_MS);
    return earliest === Infinity ? undefined : earliest;
  }

  /** Forgets those whose time is over. Returns their keys. */
  expire(now: number, isUp: (publicKey: Uint8Array) => boolean): Uint8Array[] {
    const over: Uint8Array[] = [];
    for (const [key, { publicKey, since }] of this.#joining) {
      if (since + JOINER_LIFETIME_MS > now || isUp(publicKey)) continue;
      this.#joining.delete(key);
      over.push(publicKey);
    }
    return over;
  }
}
