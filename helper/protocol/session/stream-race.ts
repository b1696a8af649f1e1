import type { Endpoint } from "#ports/endpoint.ts";
import { CANDIDATE_STAGGER, RACE_CALL_AGAIN, RACE_ROUND_FIRST, RACE_ROUND_LAST } from "./constants.ts";
import type { StreamTarget } from "./session-types.ts";

/** Targets of one round; more are not tried. */
const MAX_TARGETS = 16;

export type RaceAction =
  | { readonly type: "open-stream"; readonly call: number; readonly target: StreamTarget }
  | { readonly type: "abandon-stream"; readonly call: number }
  | { readonly type: "close-stream"; readonly stream: number }
  /** A fresh handshake to there. */
  | { readonly type: "handshake"; readonly to: Endpoint };

/**
 * Opens streams to all targets side by side, 100 ms apart, the next one at once where one fails (RFC 8305), and shakes
 * hands on each that opens; whoever sees a handshake completed ends the race. Rounds repeat after 2 s, doubling to
 * 30 s, and up to a quarter more.
 */
export class StreamRace {
  #targets: readonly StreamTarget[] = [];
  #running = false;
  #queue: readonly StreamTarget[] = [];
  #nextAt = 0;
  #round = 0;
  #lastCall = 0;
  readonly #calls = new Set<number>();
  #open: { readonly endpoint: Endpoint; againAt: number }[] = [];

  get running(): boolean {
    return this.#running;
  }

  get canStart(): boolean {
    return !this.#running && this.#targets.length > 0;
  }

  setTargets(targets: readonly StreamTarget[]): void {
    this.#targets = targets.slice(0, MAX_TARGETS);
  }

  /** Does nothing where it runs already, or there is nobody to call. */
  start(now: number): void {
    if (!this.canStart) return;
    this.#running = true;
    this.#round = 0;
    this.#queue = this.#targets;
    this.#nextAt = now;
  }

  /** `winner`: the one that stays. */
  stop(winner?: Endpoint): RaceAction[] {
    this.#running = false;
    return this.#giveUp(winner?.stream);
  }

  pollTimeout(): number | undefined {
    if (!this.#running) return undefined;
    return Math.min(this.#nextAt, ...this.#open.map(({ againAt }) => againAt));
  }

  /** `random`: 0 up to 1. */
  handleTimeout(now: number, random: number): RaceAction[] {
    if (!this.#running) return [];
    const actions: RaceAction[] = [];
    if (this.#nextAt <= now) {
      if (this.#queue.length === 0) actions.push(...this.#giveUp(undefined)); // a new round
      if (this.#queue.length === 0) this.#queue = this.#targets;
      actions.push(...this.#next(now, random));
    }
    for (const open of this.#open)
      if (open.againAt <= now) {
        open.againAt = now + RACE_CALL_AGAIN;
        actions.push({ type: "handshake", to: open.endpoint });
      }
    return actions;
  }

  handleOpened(call: number, endpoint: Endpoint, now: number): RaceAction[] {
    const { stream } = endpoint;
    if (stream === undefined) return [];
    if (!this.#calls.delete(call)) return [{ type: "close-stream", stream }]; // the race is over
    this.#open.push({ endpoint, againAt: now + RACE_CALL_AGAIN });
    return [{ type: "handshake", to: endpoint }];
  }

  handleFailed(call: number, now: number): void {
    if (this.#calls.delete(call) && this.#queue.length > 0) this.#nextAt = now;
  }

  handleClosed(stream: number): void {
    this.#open = this.#open.filter(({ endpoint }) => endpoint.stream !== stream);
  }

  #next(now: number, random: number): RaceAction[] {
    const [target, ...queue] = this.#queue;
    this.#queue = queue;
    if (queue.length > 0) this.#nextAt = now + CANDIDATE_STAGGER;
    else {
      const wait = Math.min(RACE_ROUND_FIRST * 2 ** Math.min(this.#round++, 8), RACE_ROUND_LAST);
      this.#nextAt = now + wait * (1 + random / 4);
    }
    if (!target) return []; // there were some, and now there are none
    const call = ++this.#lastCall;
    this.#calls.add(call);
    return [{ type: "open-stream", call, target }];
  }

  #giveUp(winner: number | undefined): RaceAction[] {
    const calls = [...this.#calls];
    const streams = this.#open.flatMap(({ endpoint }) => endpoint.stream ?? []);
    this.#calls.clear();
    this.#open = [];
    return [
      ...calls.map((call) => ({ type: "abandon-stream", call }) as const),
      ...streams
        .filter((stream) => stream !== winner)
        .map((stream) => ({ type: "close-stream", stream }) as const),
    ];
  }
}
