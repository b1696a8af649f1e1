// Which keys are in force. A peer has up to three pairs, as WireGuard has: previous (packets still under way),
// current (what we send under), next (agreed, but the other side has not been heard using it).
import type { TransportKeys } from "#ports/fast-path.ts";
import { ReplayWindow } from "#noise/replay-window.ts";
import type { Cipher } from "./cipher.ts";
import type { Peer } from "./peer.ts";

const WORD = 0x1_0000_0000;

export class KeyPair {
  readonly peer: Peer;
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly sendContext: number;
  readonly receiveContext: number;
  readonly replay = new ReplayWindow();
  /** Of the next frame, in two halves: fields of small integers are not boxed. */
  counterHigh = 0;
  counterLow = 0;
  /** Highest counter that was authenticated, and how many packets. */
  highest = 0;
  received = 0;

  constructor(peer: Peer, keys: TransportKeys, cipher: Cipher) {
    this.peer = peer;
    this.localIndex = keys.localIndex;
    this.remoteIndex = keys.remoteIndex;
    this.sendContext = cipher.newContext(keys.cipher, keys.sendKey, "seal");
    this.receiveContext = cipher.newContext(keys.cipher, keys.receiveKey, "open");
  }

  nextCounter(): void {
    this.counterLow++;
    if (this.counterLow < WORD) return;
    this.counterLow = 0;
    this.counterHigh++;
  }
}

export class KeyRing {
  readonly #cipher: Cipher;
  /** By local index as a signed integer, which is what a Map hashes fastest. */
  readonly #byIndex = new Map<number, KeyPair>();

  constructor(cipher: Cipher) {
    this.#cipher = cipher;
  }

  /** `index` as a signed 32-bit integer. */
  find(index: number): KeyPair | undefined {
    return this.#byIndex.get(index);
  }

  install(peer: Peer, keys: TransportKeys, confirmed: boolean): void {
    const pair = new KeyPair(peer, keys, this.#cipher);
    const taken = this.#byIndex.get(pair.localIndex | 0);
    if (taken) this.#forgetPair(taken);
    this.#byIndex.set(pair.localIndex | 0, pair);
    if (!confirmed) {
      this.#release(peer.next);
      peer.next = pair;
      return;
    }
    this.#release(peer.previous);
    if (peer.next) {
      // Both sides called at once: the peer may send under the keys that we answered with, until ours reach it.
      this.#release(peer.current);
      peer.previous = peer.next;
    } else peer.previous = peer.current;
    peer.next = undefined;
    peer.current = pair;
  }

  /** The first authenticated packet under `pair` has come. True where that confirms it. */
  confirm(pair: KeyPair): boolean {
    const { peer } = pair;
    if (peer.next !== pair) return false;
    this.#release(peer.previous);
    peer.previous = peer.current;
    peer.current = pair;
    peer.next = undefined;
    return true;
  }

  clear(peer: Peer): void {
    this.#release(peer.previous);
    this.#release(peer.current);
    this.#release(peer.next);
    peer.previous = undefined;
    peer.current = undefined;
    peer.next = undefined;
  }

  #forgetPair(pair: KeyPair): void {
    const { peer } = pair;
    if (peer.previous === pair) peer.previous = undefined;
    if (peer.current === pair) peer.current = undefined;
    if (peer.next === pair) peer.next = undefined;
    this.#release(pair);
  }

  #release(pair: KeyPair | undefined): void {
    if (!pair) return;
    this.#byIndex.delete(pair.localIndex | 0);
    this.#cipher.freeContext(pair.sendContext);
    this.#cipher.freeContext(pair.receiveContext);
  }
}
