import type HyperDHT from "hyperdht";
import type { FrameLane } from "./frame-lane.ts";
import { MAX_CALLS } from "./messages.ts";

export interface Call {
  readonly id: number;
  readonly began: number;
  /** Of the host, where the call is ours. */
  readonly key: string | undefined;
  answered: boolean;
  stream: HyperDHT.SecretStream | undefined;
  lane: FrameLane | undefined;
  /** An incoming one waits for the daemon's answer. */
  answer: ((payload: Uint8Array | undefined) => void) | undefined;
}

/** The calls that are under way, by number: the daemon chooses odd ones for its own, those that come in get even ones. */
export class CallTable {
  readonly #calls = new Map<number, Call>();
  /** Incoming calls by the caller's key, which it makes for this call alone. */
  readonly #incoming = new Map<string, Call>();
  #nextIncoming = 2;

  get(id: number): Call | undefined {
    return this.#calls.get(id);
  }

  incoming(callerKey: string): Call | undefined {
    return this.#incoming.get(callerKey);
  }

  /** Is it still under way? */
  holds(call: Call): boolean {
    return this.#calls.get(call.id) === call;
  }

  values(): MapIterator<Call> {
    return this.#calls.values();
  }

  /** A call of ours; undefined: too many already, or the number is taken. */
  add(id: number, key: string): Call | undefined {
    return this.#calls.has(id) ? undefined : this.#add(id, key);
  }

  /** undefined: too many already. */
  addIncoming(callerKey: string): Call | undefined {
    if (this.#calls.size >= MAX_CALLS) return undefined;
    do this.#nextIncoming = this.#nextIncoming >= 65_532 ? 2 : this.#nextIncoming + 2;
    while (this.#calls.has(this.#nextIncoming));
    const call = this.#add(this.#nextIncoming, undefined);
    if (call) this.#incoming.set(callerKey, call);
    return call;
  }

  remove(call: Call): void {
    this.#calls.delete(call.id);
    for (const [key, one] of this.#incoming) if (one === call) this.#incoming.delete(key);
  }

  #add(id: number, key: string | undefined): Call | undefined {
    if (this.#calls.size >= MAX_CALLS) return undefined;
    const call: Call = {
      id,
      began: Date.now(),
      key,
      answered: false,
      stream: undefined,
      lane: undefined,
      answer: undefined,
    };
    this.#calls.set(id, call);
    return call;
  }
}
