import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import {
  CANDIDATE_STAGGER,
  MAX_ENDPOINTS,
  RETRY_DENSE,
  RETRY_DENSE_FOR,
  RETRY_FIRST,
  RETRY_LAST,
} from "./constants.ts";

/** What to send now: a fresh initiation to the first endpoint of an attempt, the same one to the next ones. */
export interface Dial {
  readonly fresh: boolean;
  readonly to: Endpoint;
}

/**
 * When to send initiations where. Each attempt tries all candidates, 100 ms apart, what worked last first; attempts
 * repeat from 250 ms, for 20 s at least once a second, then down to one in 24 to 30 s: a random quarter is on top of all, so
 * that members do not come back in step.
 */
export class Dialer {
  #candidates: readonly Endpoint[];
  #preferred: Endpoint | undefined;
  #startedAt: number | undefined;
  #queue: { readonly dial: Dial; readonly at: number }[] = [];
  #attempts = 0;
  #sparse = 0;
  #nextAttemptAt = 0;

  constructor(candidates: readonly Endpoint[]) {
    this.#candidates = candidates;
  }

  get dialing(): boolean {
    return this.#startedAt !== undefined;
  }

  get startedAt(): number | undefined {
    return this.#startedAt;
  }

  /** The last endpoint that worked, or that the peer was seen at. */
  get preferred(): Endpoint | undefined {
    return this.#preferred;
  }

  prefer(endpoint: Endpoint): void {
    this.#preferred = endpoint;
  }

  /** It leads nowhere any more. */
  forget(endpoint: Endpoint): void {
    if (this.#preferred && sameEndpoint(this.#preferred, endpoint)) this.#preferred = undefined;
    this.#queue = this.#queue.filter(({ dial }) => !sameEndpoint(dial.to, endpoint));
  }

  setCandidates(candidates: readonly Endpoint[]): void {
    this.#candidates = candidates;
  }

  /** In the order in which they are tried. */
  endpoints(): readonly Endpoint[] {
    const all: Endpoint[] = [];
    for (const endpoint of [...(this.#preferred ? [this.#preferred] : []), ...this.#candidates])
      if (!all.some((known) => sameEndpoint(known, endpoint))) all.push(endpoint);
    return all.slice(0, MAX_ENDPOINTS);
  }

  /** The first attempt begins at `at`. Goes on where it is dialing already. */
  start(now: number, at = now): void {
    if (this.#startedAt !== undefined) return;
    this.restart(now, at);
  }

  /** As if dialing began now: after the network has changed. */
  restart(now: number, at = now): void {
    this.#startedAt = now;
    this.#attempts = 0;
    this.#sparse = 0;
    this.#queue = [];
    this.#nextAttemptAt = at;
  }

  stop(): void {
    this.#startedAt = undefined;
    this.#queue = [];
  }

  pollTimeout(): number | undefined {
    if (this.#startedAt === undefined || this.endpoints().length === 0) return undefined;
    return Math.min(this.#queue[0]?.at ?? Infinity, this.#nextAttemptAt);
  }

  /** What is due. `random`: 0 up to 1. `rtt`: ms, as far as it is known. */
  handleTimeout(now: number, random: number, rtt: number): Dial[] {
    if (this.#startedAt === undefined) return [];
    if (now >= this.#nextAttemptAt) this.#beginAttempt(now, random, rtt);
    const due = this.#queue.filter((entry) => entry.at <= now);
    this.#queue = this.#queue.filter((entry) => entry.at > now);
    return due.map((entry) => entry.dial);
  }

  #beginAttempt(now: number, random: number, rtt: number): void {
    const endpoints = this.endpoints();
    this.#queue = endpoints.map((to, i) => ({
      dial: { fresh: i === 0, to },
      at: now + i * CANDIDATE_STAGGER,
    }));
    const dense = now - this.#startedAt! < RETRY_DENSE_FOR;
    const wait = dense
      ? Math.min(RETRY_FIRST * 2 ** Math.min(this.#attempts++, 8), RETRY_DENSE)
      : Math.min(RETRY_DENSE * 2 ** Math.min(++this.#sparse, 8), RETRY_LAST);
    const allTried = (endpoints.length - 1) * CANDIDATE_STAGGER + RETRY_FIRST;
    this.#nextAttemptAt = now + Math.max(wait, allTried, 1.5 * rtt) * (1 + random / 4);
  }
}
