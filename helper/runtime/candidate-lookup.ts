import type { Endpoint } from "#ports/endpoint.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { canonicalAddress } from "#wire/address.ts";
import type { Core } from "./core.ts";
import type { Timed } from "./scheduler.ts";

/** While nobody answers, names are looked up again: a captive portal had its own idea of them, a host has moved. */
const AGAIN_FIRST = 5_000;
const AGAIN_LAST = 60_000;

export interface CandidateLookupOptions {
  readonly core: Pick<Core, "clock" | "scheduler">;
  readonly candidates: () => readonly Candidate[];
  /** Never rejects. */
  readonly resolve: (candidates: readonly Candidate[]) => Promise<readonly Endpoint[]>;
  /** Is somebody still being looked for? */
  readonly wanted: () => boolean;
  readonly found: (endpoints: readonly Endpoint[]) => void;
}

/** Where the candidates of a host lead: addresses at once, names as soon as they are known, and again. */
export class CandidateLookup implements Timed {
  readonly #options: CandidateLookupOptions;
  #againAt: number | undefined;
  #wait = AGAIN_FIRST;
  /** One at a time: a name that nobody answers for blocks a thread for a while. */
  #pending = false;
  #once = false;

  constructor(options: CandidateLookupOptions) {
    this.#options = options;
    options.core.scheduler.add(this);
  }

  /** Looks up now, and begins to count anew. */
  start(): void {
    this.#wait = AGAIN_FIRST;
    this.#begin();
  }

  stop(): void {
    this.#againAt = undefined;
    this.#options.core.scheduler.remove(this);
  }

  pollTimeout(): number | undefined {
    return this.#options.wanted() ? this.#againAt : undefined;
  }

  handleTimeout(): void {
    this.#wait = Math.min(2 * this.#wait, AGAIN_LAST);
    this.#begin();
  }

  #begin(): void {
    const { core, candidates, found } = this.#options;
    const all = candidates();
    const known = all.flatMap(({ host, port }) => {
      const address = canonicalAddress(host);
      return address === undefined ? [] : [{ address, port }];
    });
    if (!this.#once || known.length === all.length) found(known); // what needs no name does not wait for one
    this.#once = true;
    this.#againAt = known.length === all.length ? undefined : core.clock.now() + this.#wait;
    if (this.#againAt !== undefined && !this.#pending) void this.#resolve(all);
  }

  async #resolve(all: readonly Candidate[]): Promise<void> {
    this.#pending = true;
    const endpoints = await this.#options.resolve(all);
    this.#pending = false;
    this.#options.found(endpoints);
  }
}
