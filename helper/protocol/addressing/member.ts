/** One member as the host remembers it. Times are wall milliseconds since 1970. */
export interface Member {
  /** 1 is the host. Never given to another key, also after a removal. */
  readonly number: number;
  /** X25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly name: string;
  readonly joinedAt: number;
  /** false: joined by an invite that asks for approval, and waits for it: nothing may pass. */
  readonly approved: boolean;
  /** What it joined by; the host has none. A later invite replaces it. */
  readonly joinedBy?: JoinedBy;
  /** The most that is sent to it, bits a second. */
  readonly maximumBps?: number;
  /** Present: the member is out, and its handshakes are refused. */
  readonly removed?: Removal;
}

export interface JoinedBy {
  /** 8 bytes. */
  readonly inviteId: Uint8Array;
  /** The handshake's pre-shared key, 32 bytes. */
  readonly psk: Uint8Array;
}

export interface Removal {
  readonly at: number;
  /**
   * Serial number of the newest invite at that time. Only a later invite brings the member back: the one that it
   * joined by, and any other that was already about, do not. (Not a time: clocks of small machines jump.)
   */
  readonly lastInvite: number;
}

/** What the store keeps of the members. */
export interface MembersState {
  /** The number that the next new key gets. */
  readonly nextNumber: number;
  readonly members: readonly Member[];
}

/** What is wrong with a state read from a file, in words; undefined where it is sound. */
export function membersProblem(state: MembersState): string | undefined {
  const numbers = new Set<number>();
  const keys = new Set<string>();
  for (const member of state.members) {
    const { number } = member;
    const key = member.publicKey.toHex();
    if (number < 1 || number >= state.nextNumber)
      return `member number ${number} is not below the next number`;
    if (numbers.has(number)) return `two members have the number ${number}`;
    if (keys.has(key)) return `member ${number} has the key of another member`;
    if (number === 1 && (member.removed || !member.approved)) return "the host (member 1) is not a member";
    if (number > 1 && !member.joinedBy) return `member ${number} has no invite it joined by`;
    numbers.add(number);
    keys.add(key);
  }
  return numbers.has(1) ? undefined : "the host (member 1) is missing";
}
