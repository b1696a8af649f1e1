/** One invite as the host remembers it; the secret is in the link alone. Times are wall milliseconds. */
export interface InviteRecord {
  /** 8 bytes, from the secret. */
  readonly id: Uint8Array;
  /** 32 bytes, from the secret. */
  readonly psk: Uint8Array;
  /** Counts up: a removed member comes back by an invite with a serial above the one of its removal alone. */
  readonly serial: number;
  /** The host's own note, "for Anna's laptop". */
  readonly label: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly uses: number;
  readonly requireApproval: boolean;
  /** Public keys that joined by it, 32 bytes each: their number is the number of uses so far. */
  readonly usedBy: readonly Uint8Array[];
  readonly lastUsedAt?: number;
  readonly revokedAt?: number;
}

/** What the store keeps of the invites. */
export interface InvitesState {
  readonly nextSerial: number;
  readonly invites: readonly InviteRecord[];
}

export type InviteStatus = "open" | "expired" | "used-up" | "revoked";

export function inviteStatus(invite: InviteRecord, now: number): InviteStatus {
  if (invite.revokedAt !== undefined) return "revoked";
  if (invite.usedBy.length >= invite.uses) return "used-up";
  return invite.expiresAt <= now ? "expired" : "open";
}

/** When it stopped being open; only asked of one that did. */
export function inviteEndedAt(invite: InviteRecord): number {
  const usedUpAt = invite.usedBy.length >= invite.uses ? invite.lastUsedAt : undefined;
  return Math.min(invite.expiresAt, invite.revokedAt ?? Infinity, usedUpAt ?? Infinity);
}

/** What is wrong with a state read from a file, in words; undefined where it is sound. */
export function invitesProblem(state: InvitesState): string | undefined {
  const ids = new Set<string>();
  const serials = new Set<number>();
  for (const invite of state.invites) {
    const id = invite.id.toHex();
    if (ids.has(id)) return `two invites have the id ${id}`;
    if (invite.serial >= state.nextSerial) return `invite ${id} has a serial that is not below the next one`;
    if (serials.has(invite.serial)) return `two invites have the serial ${invite.serial}`;
    if (invite.usedBy.length > invite.uses) return `invite ${id} was used more often than it may be`;
    ids.add(id);
    serials.add(invite.serial);
  }
  return undefined;
}
