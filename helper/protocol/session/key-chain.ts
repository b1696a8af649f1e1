import type { DataCipher, TransportKeys } from "#ports/fast-path.ts";
import { REJECT_AFTER, REKEY_AFTER, REKEY_AFTER_RESPONDER } from "./constants.ts";

/** Crossing handshakes and retries leave several; more than this are no honest peer's. */
const MAX_KEYS = 4;

export interface KeyInfo {
  readonly cipher: DataCipher;
  readonly initiator: boolean;
  /** The handshake's status was "pending-approval". */
  readonly pending: boolean;
}

interface Entry {
  readonly localIndex: number;
  readonly info: KeyInfo;
  readonly createdAt: number;
  confirmed: boolean;
}

/** Which transport keys of a peer are alive, and when the newest has to be replaced. The keys are the fast path's. */
export class KeyChain {
  #entries: Entry[] = []; // oldest first
  readonly #release: (localIndex: number) => void;

  constructor(release: (localIndex: number) => void) {
    this.#release = release;
  }

  /** The initiator's keys are usable at once, the responder's when the peer has used them. */
  add(keys: TransportKeys, initiator: boolean, pending: boolean, now: number): KeyInfo {
    const { cipher, localIndex } = keys;
    const info = { cipher, initiator, pending };
    // The fast path keeps one pair that waits for its first packet: the newest. Old ones must not push out keys in use.
    if (!initiator) this.#dropWaiting();
    this.#entries.push({ localIndex, info, createdAt: now, confirmed: initiator });
    if (this.#entries.length > MAX_KEYS) this.#drop(this.#entries.length - MAX_KEYS);
    return info;
  }

  /** Undefined where no live key has that index, or it was confirmed before. */
  confirm(localIndex: number): KeyInfo | undefined {
    const entry = this.#entries.find((candidate) => candidate.localIndex === localIndex);
    if (!entry || entry.confirmed) return undefined;
    entry.confirmed = true;
    return entry.info;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Is there a key that we may send with? */
  get usable(): boolean {
    return this.#entries.some((entry) => entry.confirmed);
  }

  /** When the newest usable key wants a successor; the initiator's side comes first. */
  get rekeyAt(): number | undefined {
    const newest = this.#entries.findLast((entry) => entry.confirmed);
    return newest && newest.createdAt + (newest.info.initiator ? REKEY_AFTER : REKEY_AFTER_RESPONDER);
  }

  /** When the next key is worth nothing any more. */
  get pruneAt(): number | undefined {
    const oldest = this.#entries[0];
    return oldest && oldest.createdAt + REJECT_AFTER;
  }

  prune(now: number): void {
    const alive = this.#entries.findIndex((entry) => entry.createdAt + REJECT_AFTER > now);
    this.#drop(alive < 0 ? this.#entries.length : alive);
  }

  clear(): void {
    this.#drop(this.#entries.length);
  }

  #dropWaiting(): void {
    for (const entry of this.#entries) if (!entry.confirmed) this.#release(entry.localIndex);
    this.#entries = this.#entries.filter((entry) => entry.confirmed);
  }

  #drop(count: number): void {
    for (const entry of this.#entries.splice(0, count)) this.#release(entry.localIndex);
  }
}
