import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import { STREAM_LINGER, UDP_RETRY_FIRST, UDP_RETRY_LAST } from "./constants.ts";
import type { StreamTarget } from "./session-types.ts";
import { StreamRace, type RaceAction } from "./stream-race.ts";

export type FallbackAction =
  | RaceAction
  /** A fresh handshake to every UDP endpoint there is: who answers it has a way back. */
  | { readonly type: "handshake-udp" };

/** Streams that were left and may still bring something. */
const MAX_LINGERING = 4;

/**
 * Which way a session takes where UDP is not the only one. UDP is tried first and a stream is the fallback: while on
 * one, UDP is tried again with a handshake (so that it has to answer, and new keys come with the new way: what is still
 * in the stream opens under the old ones, whose window it cannot fall out of), after 1 s, doubling to 6 s. A stream
 * that is left stays open for a while, for what is in it.
 */
export class Fallback {
  readonly #race = new StreamRace();
  #current: Endpoint | undefined;
  /** Streams of ours, which are ours to close. */
  readonly #own = new Set<number>();
  #lingering: { readonly stream: number; readonly until: number }[] = [];
  #udpAt = Infinity;
  #udpTries = 0;

  setTargets(targets: readonly StreamTarget[]): void {
    this.#race.setTargets(targets);
  }

  /** Is there a stream that could be opened and is not? */
  get canRace(): boolean {
    return this.#race.canStart;
  }

  get onStream(): boolean {
    return this.#current?.stream !== undefined;
  }

  /** UDP does not answer. */
  race(now: number): void {
    this.#race.start(now);
  }

  /** Whatever was wrong is over. */
  settle(): RaceAction[] {
    return this.#race.running ? this.#left(this.#race.stop(this.#current)) : [];
  }

  /** The session goes by that endpoint from now on. `ours`: it answered a handshake of ours. */
  use(endpoint: Endpoint, ours: boolean, now: number): FallbackAction[] {
    const actions = this.#left(this.#race.stop(endpoint));
    if (this.#current && sameEndpoint(this.#current, endpoint)) return actions;
    const before = this.#current?.stream;
    this.#current = endpoint;
    this.#lingering = this.#lingering.filter(({ stream }) => stream !== endpoint.stream);
    if (before !== undefined && this.#own.has(before))
      this.#lingering.push({ stream: before, until: now + STREAM_LINGER });
    const tooMany = this.#lingering.splice(0, Math.max(0, this.#lingering.length - MAX_LINGERING));
    actions.push(...this.#left(tooMany.map(({ stream }) => ({ type: "close-stream", stream }))));
    this.#udpTries = 0;
    this.#udpAt = endpoint.stream !== undefined && ours ? now + UDP_RETRY_FIRST : Infinity;
    return actions;
  }

  /** Another network may let UDP through: it is asked at once. */
  handleNetworkChanged(now: number): RaceAction[] {
    if (this.#udpAt !== Infinity) {
      this.#udpTries = 0;
      this.#udpAt = now;
    }
    return this.#race.running ? this.#left(this.#race.stop(this.#current)) : [];
  }

  handleOpened(call: number, endpoint: Endpoint, now: number): RaceAction[] {
    if (endpoint.stream !== undefined) this.#own.add(endpoint.stream);
    return this.#left(this.#race.handleOpened(call, endpoint, now));
  }

  handleFailed(call: number, now: number): void {
    this.#race.handleFailed(call, now);
  }

  /** Returns the endpoint where the session went by that stream. */
  handleClosed(stream: number): Endpoint | undefined {
    this.#own.delete(stream);
    this.#race.handleClosed(stream);
    this.#lingering = this.#lingering.filter((left) => left.stream !== stream);
    const current = this.#current;
    if (current?.stream !== stream) return undefined;
    this.#current = undefined;
    this.#udpAt = Infinity;
    return current;
  }

  /** The session ends: nothing stays open. */
  close(): RaceAction[] {
    const actions = this.#race.stop().filter(({ type }) => type === "abandon-stream");
    const streams = [...this.#own].map((stream) => ({ type: "close-stream", stream }) as const);
    this.#own.clear();
    this.#lingering = [];
    this.#current = undefined;
    this.#udpAt = Infinity;
    return [...actions, ...streams];
  }

  pollTimeout(): number | undefined {
    const lingering = this.#lingering.map(({ until }) => until);
    const earliest = Math.min(this.#race.pollTimeout() ?? Infinity, this.#udpAt, ...lingering);
    return earliest === Infinity ? undefined : earliest;
  }

  /** `random`: 0 up to 1. */
  handleTimeout(now: number, random: number): FallbackAction[] {
    const actions: FallbackAction[] = this.#left(this.#race.handleTimeout(now, random));
    if (this.#udpAt <= now) {
      const wait = Math.min(UDP_RETRY_FIRST * 2 ** Math.min(++this.#udpTries, 8), UDP_RETRY_LAST);
      this.#udpAt = now + wait * (1 + random / 4);
      actions.push({ type: "handshake-udp" });
    }
    const over = this.#lingering.filter(({ until }) => until <= now);
    this.#lingering = this.#lingering.filter(({ until }) => until > now);
    actions.push(...this.#left(over.map(({ stream }) => ({ type: "close-stream", stream }))));
    return actions;
  }

  #left(actions: RaceAction[]): RaceAction[] {
    for (const action of actions) if (action.type === "close-stream") this.#own.delete(action.stream);
    return actions;
  }
}
