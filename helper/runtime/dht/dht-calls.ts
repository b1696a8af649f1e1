// The calls that are under way through the DHT, by number: ours are odd, those that come in even.
import { MAX_CALLS } from "#dht/messages.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { CallHandlers } from "#ports/rendezvous.ts";
import type { FrameStream } from "./frame-stream.ts";

interface CallBase {
  readonly id: number;
  /** The two processes are connected: a relayed path is to be had, which leads there. */
  path: Endpoint | undefined;
  /** The relayed path, while it is in use. */
  stream: FrameStream | undefined;
}

export interface OutCall extends CallBase {
  readonly direction: "out";
  /** Of the host, in the DHT. */
  readonly key: Uint8Array;
  readonly handlers: CallHandlers;
  readonly began: number;
  /** The DHT has been asked. */
  sent: boolean;
  answered: boolean;
  relayWanted: boolean;
}

export interface InCall extends CallBase {
  readonly direction: "in";
  readonly payload: string;
  readonly began: number;
  /** The network that we host was told of it. */
  told: boolean;
  /** It was authentic. */
  answered: boolean;
}

export type DhtCall = OutCall | InCall;

export class DhtCalls {
  readonly #calls = new Map<number, DhtCall>();
  #next = 1;

  get size(): number {
    return this.#calls.size;
  }

  get(id: number): DhtCall | undefined {
    return this.#calls.get(id);
  }

  all(): DhtCall[] {
    return [...this.#calls.values()];
  }

  out(): OutCall[] {
    return this.all().filter((call) => call.direction === "out");
  }

  in(): InCall[] {
    return this.all().filter((call) => call.direction === "in");
  }

  /** undefined: too many already. */
  addOut(key: Uint8Array, handlers: CallHandlers, now: number): OutCall | undefined {
    if (this.#calls.size >= MAX_CALLS) return undefined;
    while (this.#calls.has(this.#next)) this.#next = this.#next >= 65_533 ? 1 : this.#next + 2;
    const call: OutCall = {
      id: this.#next,
      direction: "out",
      key,
      handlers,
      began: now,
      sent: false,
      answered: false,
      relayWanted: false,
      path: undefined,
      stream: undefined,
    };
    // The next one gets another number: what is said of this one late must not be taken for it.
    this.#next = this.#next >= 65_533 ? 1 : this.#next + 2;
    this.#calls.set(call.id, call);
    return call;
  }

  /** undefined: too many, or the number is taken, or none that the process may choose. */
  addIn(id: number, payload: string, now: number): InCall | undefined {
    if (this.#calls.size >= MAX_CALLS || this.#calls.has(id) || id % 2 === 1) return undefined;
    const call: InCall = {
      id,
      direction: "in",
      payload,
      began: now,
      told: false,
      answered: false,
      path: undefined,
      stream: undefined,
    };
    this.#calls.set(id, call);
    return call;
  }

  remove(call: DhtCall): boolean {
    return this.#calls.get(call.id) === call && this.#calls.delete(call.id);
  }
}
