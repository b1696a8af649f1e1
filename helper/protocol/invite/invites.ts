import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { cleanName } from "#protocol/addressing/names.ts";
import { encodeInvite } from "./invite-link.ts";
import { inviteEndedAt, inviteStatus, invitesProblem } from "./invite-record.ts";
import type { InviteRecord, InvitesState, InviteStatus } from "./invite-record.ts";
import { inviteKeys } from "./invite-secret.ts";

export const DEFAULT_EXPIRES_IN_S = 7 * 24 * 3600;
const KEEP_ENDED_MS = 90 * 24 * 3600 * 1000;
/** Open and ended ones together; the longest ended make room. */
export const MAX_INVITES = 1000;

export interface InviteRequest {
  readonly now: number; // wall ms
  /** 16 random bytes. */
  readonly secret: Uint8Array;
  readonly hostPublicKey: Uint8Array;
  readonly networkName: string;
  readonly candidates: readonly Candidate[];
  readonly meet?: Candidate | undefined;
  readonly dhtKey?: Uint8Array | undefined;
  /** Seconds; 7 days where it is not said. */
  readonly expiresInS?: number;
  /** For how many computers, 1 to 1,000; 1 where it is not said. */
  readonly uses?: number;
  readonly requireApproval?: boolean;
  readonly label?: string;
}

/** What people and programs may see of an invite: neither secret nor psk. */
export interface InviteSummary {
  readonly id: string; // 16 hexadecimal digits
  readonly label: string;
  readonly status: InviteStatus;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly uses: number;
  readonly used: number;
  readonly requireApproval: boolean;
}

/** What the handshake needs of an invite. The psk is there for an ended one too, so that the host can say why. */
export interface InviteCheck {
  readonly status: InviteStatus;
  readonly id: Uint8Array;
  readonly psk: Uint8Array;
  readonly serial: number;
  readonly requireApproval: boolean;
}

/** The host's invites. Changes show in `state()`, which the store writes. */
export class Invites {
  #nextSerial: number;
  readonly #byId = new Map<string, InviteRecord>();

  /** Throws where the state is unsound: a file is checked with `invitesProblem` before. */
  constructor(state: InvitesState) {
    const problem = invitesProblem(state);
    if (problem) throw new Error(`invites: ${problem}`);
    this.#nextSerial = state.nextSerial;
    for (const invite of state.invites) this.#byId.set(invite.id.toHex(), invite);
  }

  static readonly initialState: InvitesState = { nextSerial: 1, invites: [] };

  state(): InvitesState {
    return { nextSerial: this.#nextSerial, invites: [...this.#byId.values()] };
  }

  /** The serial of the newest invite, 0 before the first: what `Members.remove` notes. */
  get lastSerial(): number {
    return this.#nextSerial - 1;
  }

  /**
   * A new invite and its link, which is not kept: it can be shown this once. Throws EncodeError where a value is
   * out of range, and RangeError where 1,000 open invites exist.
   */
  create(request: InviteRequest): { readonly invite: InviteSummary; readonly link: string } {
    const { now, secret, hostPublicKey, networkName, candidates, meet, dhtKey } = request;
    const { expiresInS = DEFAULT_EXPIRES_IN_S, uses = 1, requireApproval = false, label = "" } = request;
    const expiresAt = (Math.floor(now / 1000) + expiresInS) * 1000;
    const link = encodeInvite({
      hostPublicKey,
      secret,
      expiresAt,
      uses,
      requireApproval,
      candidates,
      ...(meet && { meet }),
      ...(dhtKey && { dhtKey }),
      networkName,
    });
    this.#makeRoom(now);
    const { id, psk } = inviteKeys(hostPublicKey, secret);
    const serial = this.#nextSerial++;
    const details = { label: cleanName(label), createdAt: now, expiresAt, uses, requireApproval, usedBy: [] };
    const invite = { id, psk, serial, ...details };
    this.#byId.set(id.toHex(), invite);
    return { invite: summary(invite, now), link };
  }

  /** 1,000 invites are open: `create` would throw. */
  isFull(now: number): boolean {
    if (this.#byId.size < MAX_INVITES) return false;
    return [...this.#byId.values()].every((invite) => inviteStatus(invite, now) === "open");
  }

  list(now: number): InviteSummary[] {
    return [...this.#byId.values()].map((invite) => summary(invite, now));
  }

  /** `id` in hexadecimal. false: there is no such invite. An ended one stays as it ended. */
  revoke(id: string, now: number): boolean {
    const invite = this.#byId.get(id);
    if (!invite) return false;
    if (inviteStatus(invite, now) === "open") this.#byId.set(id, { ...invite, revokedAt: now });
    return true;
  }

  /** The secret's psk, of an open one. */
  openPsk(id: Uint8Array, now: number): Uint8Array | undefined {
    const invite = this.#byId.get(id.toHex());
    return invite && inviteStatus(invite, now) === "open" ? invite.psk : undefined;
  }

  /**
   * How an invite stands to this key; undefined: never heard of, so its bearer is a stranger. A key that has used
   * it already finds a used-up or expired one open, because its answer may have been lost.
   */
  check(id: Uint8Array, memberKey: Uint8Array, now: number): InviteCheck | undefined {
    const invite = this.#byId.get(id.toHex());
    if (!invite) return undefined;
    const status = inviteStatus(invite, now);
    const again = status !== "revoked" && hasUsed(invite, memberKey);
    const { psk, serial, requireApproval } = invite;
    return { status: again ? "open" : status, id: invite.id, psk, serial, requireApproval };
  }

  /**
   * Counts a use. To be called once the joiner has proved the secret, that is when its first packet under the
   * handshake's keys is there: a guessed id must not use an invite up. Counts each key once.
   */
  use(id: Uint8Array, memberKey: Uint8Array, now: number): InviteCheck | undefined {
    const check = this.check(id, memberKey, now);
    const invite = this.#byId.get(id.toHex());
    if (!invite || check?.status !== "open" || hasUsed(invite, memberKey)) return check;
    this.#byId.set(id.toHex(), { ...invite, usedBy: [...invite.usedBy, memberKey], lastUsedAt: now });
    return check;
  }

  /** Forgets what ended more than 90 days ago. Returns how many. */
  purge(now: number): number {
    const before = this.#byId.size;
    for (const [id, invite] of this.#byId) {
      if (inviteStatus(invite, now) !== "open" && inviteEndedAt(invite) <= now - KEEP_ENDED_MS) {
        this.#byId.delete(id);
      }
    }
    return before - this.#byId.size;
  }

  #makeRoom(now: number): void {
    if (this.#byId.size < MAX_INVITES) return;
    const ended = [...this.#byId].filter(([, invite]) => inviteStatus(invite, now) !== "open");
    if (ended.length === 0) throw new RangeError(`there are ${MAX_INVITES} open invites: revoke some first`);
    const oldest = ended.reduce((a, b) => (inviteEndedAt(a[1]) <= inviteEndedAt(b[1]) ? a : b));
    this.#byId.delete(oldest[0]);
  }
}

function hasUsed(invite: InviteRecord, memberKey: Uint8Array): boolean {
  const key = memberKey.toHex();
  return invite.usedBy.some((used) => used.toHex() === key);
}

function summary(invite: InviteRecord, now: number): InviteSummary {
  const { label, createdAt, expiresAt, uses, usedBy, requireApproval } = invite;
  const id = invite.id.toHex();
  const status = inviteStatus(invite, now);
  return { id, label, status, createdAt, expiresAt, uses, used: usedBy.length, requireApproval };
}
