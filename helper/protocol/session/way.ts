import type { Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import { FALLBACK_AFTER, FALLBACK_PROBING, STRANDED_AFTER } from "./constants.ts";
import { Fallback, type FallbackAction } from "./fallback.ts";
import type { Handshaker } from "./handshaker.ts";
import type { Liveness } from "./liveness.ts";
import type { SessionCommand, StreamTarget } from "./session-types.ts";

export interface WayOptions {
  readonly handshaker: Handshaker;
  readonly liveness: Liveness;
  readonly entropy: Entropy;
  readonly mayInitiate: () => boolean;
  /** Are there keys to send with? */
  readonly hasKeys: () => boolean;
  readonly push: (command: SessionCommand) => void;
}

/** Which way a session goes: to what endpoint, by UDP or a stream, and what becomes of it when its stream ends. */
export class Way {
  readonly #options: WayOptions;
  readonly #fallback = new Fallback();
  #strandedAt: number | undefined;

  constructor(options: WayOptions) {
    this.#options = options;
  }

  /** Where streams may be opened when UDP does not answer, the likeliest first. None: there is no fallback. */
  setTargets(targets: readonly StreamTarget[]): void {
    this.#fallback.setTargets(targets);
  }

  /** The session goes by that endpoint from now on. `ours`: it answered a handshake of ours. */
  goBy(endpoint: Endpoint, ours: boolean, now: number): void {
    const { handshaker, liveness } = this.#options;
    this.#strandedAt = undefined;
    handshaker.dialer.prefer(endpoint);
    liveness.setStream(endpoint.stream !== undefined, now);
    this.#take(this.#fallback.use(endpoint, ours, now), now);
  }

  /** A handshake to these, beside what else is under way. */
  call(endpoints: readonly Endpoint[], now: number): void {
    const { handshaker, push } = this.#options;
    for (const datagram of handshaker.call(endpoints, now)) push({ type: "send-datagram", ...datagram });
  }

  /** Whatever was wrong is over, or given up. */
  settle(now: number): void {
    this.#take(this.#fallback.settle(), now);
  }

  /** The session is down: nobody waits for a stream any more. */
  handleDown(): void {
    this.#strandedAt = undefined;
  }

  /** The session ends: no stream of ours stays open. */
  close(now: number): void {
    this.#take(this.#fallback.close(), now);
  }

  handleNetworkChanged(now: number): void {
    this.#take(this.#fallback.handleNetworkChanged(now), now);
  }

  /** The stream of that call is open. */
  handleStreamOpened(call: number, endpoint: Endpoint, now: number): void {
    this.#take(this.#fallback.handleOpened(call, endpoint, now), now);
  }

  handleStreamFailed(call: number, now: number): void {
    this.#fallback.handleFailed(call, now);
  }

  /** A stream has ended, perhaps one that is none of ours. */
  handleStreamClosed(stream: number, now: number): void {
    const gone = this.#fallback.handleClosed(stream);
    if (!gone) return;
    const { handshaker, liveness, hasKeys, mayInitiate } = this.#options;
    const { dialer } = handshaker;
    dialer.forget(gone);
    if (hasKeys()) liveness.suspect(now);
    if (dialer.endpoints().length === 0) {
      this.#strandedAt = now + STRANDED_AFTER; // it knows where we are, and we do not know where it is
      return;
    }
    if (!mayInitiate()) return;
    dialer.start(now);
    this.#fallback.race(now);
  }

  pollTimeout(): number | undefined {
    const times = [this.#fallback.pollTimeout(), this.#raceAt(), this.#strandedAt];
    const earliest = Math.min(...times.map((time) => time ?? Infinity));
    return earliest === Infinity ? undefined : earliest;
  }

  /** Once: the peer's stream ended, and it has not opened another one in time. */
  takeStranded(now: number): boolean {
    if (this.#strandedAt === undefined || this.#strandedAt > now) return false;
    this.#strandedAt = undefined;
    return true;
  }

  handleTimeout(now: number): void {
    const raceAt = this.#raceAt();
    if (raceAt !== undefined && raceAt <= now) this.#fallback.race(now);
    const due = this.#fallback.pollTimeout();
    if (due === undefined || due > now) return;
    const random = this.#options.entropy.bytes(1)[0]! / 256;
    this.#take(this.#fallback.handleTimeout(now, random), now);
  }

  /** When the way in use, or UDP where there is none yet, has had its time to answer. */
  #raceAt(): number | undefined {
    const { handshaker, liveness, hasKeys, mayInitiate } = this.#options;
    if (!mayInitiate() || !this.#fallback.canRace) return undefined;
    const { startedAt } = handshaker.dialer;
    if (!hasKeys()) return startedAt === undefined ? undefined : startedAt + FALLBACK_AFTER;
    const { probingSince } = liveness;
    return probingSince === undefined ? undefined : probingSince + FALLBACK_PROBING;
  }

  #take(actions: readonly FallbackAction[], now: number): void {
    const { handshaker, push } = this.#options;
    for (const action of actions)
      switch (action.type) {
        case "handshake":
          this.call([action.to], now);
          break;
        case "handshake-udp": {
          const udp = handshaker.dialer.endpoints().filter(({ stream }) => stream === undefined);
          this.call(udp, now);
          break;
        }
        default:
          push(action);
      }
  }
}
