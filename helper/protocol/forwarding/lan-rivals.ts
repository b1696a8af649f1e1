/** Another member of a network on the same LAN. */
export interface Rival {
  readonly priority: number;
  /** Member id and interface, as one string that sorts as their bytes do. */
  readonly identity: string;
  readonly forwarding: boolean;
  readonly expiresAt: number;
}

export interface Candidate {
  readonly priority: number;
  readonly identity: string;
}

/** The lower (priority, member id, interface) forwards. */
export function isPreferred(a: Candidate, b: Candidate): boolean {
  return a.priority !== b.priority ? a.priority < b.priority : a.identity < b.identity;
}

const MAX_RIVALS = 64;
/** Sequences are remembered for longer than rivals: an old beacon must not bring one back from the dead. */
const MAX_SEQUENCES = 256;

/** The other members of one network on one LAN, as their beacons told. */
export class LanRivals {
  readonly #rivals = new Map<string, Rival>();
  readonly #sequences = new Map<string, bigint>(); // the longest silent first

  /** Returns whether the sequence is one that this sender has not used yet, and remembers it. */
  isFresh(identity: string, sequence: bigint): boolean {
    const last = this.#sequences.get(identity);
    if (last !== undefined && sequence <= last) return false;
    this.#sequences.delete(identity);
    this.#sequences.set(identity, sequence);
    if (this.#sequences.size > MAX_SEQUENCES) this.#sequences.delete(this.#sequences.keys().next().value!);
    return true;
  }

  find(identity: string): Rival | undefined {
    return this.#rivals.get(identity);
  }

  /** Returns false where there are too many. */
  set(rival: Rival): boolean {
    if (!this.#rivals.has(rival.identity) && this.#rivals.size >= MAX_RIVALS) return false;
    this.#rivals.set(rival.identity, rival);
    return true;
  }

  delete(identity: string): void {
    this.#rivals.delete(identity);
  }

  expire(now: number): void {
    for (const [identity, { expiresAt }] of this.#rivals) if (expiresAt <= now) this.#rivals.delete(identity);
  }

  nextExpiry(): number {
    let next = Infinity;
    for (const { expiresAt } of this.#rivals.values()) next = Math.min(next, expiresAt);
    return next;
  }

  preferredTo(own: Candidate): Rival[] {
    return [...this.#rivals.values()].filter((rival) => isPreferred(rival, own));
  }

  all(): Rival[] {
    return [...this.#rivals.values()];
  }
}
