// When a client of mcasttunnel, or of the IPv6 tunnel, connects: at once, then some time after each end, for as long as
// it runs.

/** As the original of mcasttunnel has it. */
export const RETRY_MS = 1_000;
/** A firewall that swallows everything is given up on, and asked again. */
export const CONNECT_MS = 10_000;

export type ConnectCommand = "connect" | "give-up";

export class Connecting {
  #state: "waiting" | "connecting" | "connected" = "waiting";
  readonly #retryMs: number;
  #at: number;

  /** `now`: ms of the driver's clock, here and below. */
  constructor(now: number, retryMs = RETRY_MS) {
    this.#at = now;
    this.#retryMs = retryMs;
  }

  /** When handleTimeout wants to be called; undefined while a connection is open. */
  pollTimeout(): number | undefined {
    return this.#state === "connected" ? undefined : this.#at;
  }

  /** "connect": begin one. "give-up": end the one begun. */
  handleTimeout(now: number): ConnectCommand | undefined {
    if (this.#state === "connected" || now < this.#at) return undefined;
    if (this.#state === "connecting") {
      this.handleClosed(now);
      return "give-up";
    }
    this.#state = "connecting";
    this.#at = now + CONNECT_MS;
    return "connect";
  }

  handleConnected(): void {
    this.#state = "connected";
  }

  /** Refused, failed or ended by either side. */
  handleClosed(now: number): void {
    if (this.#state === "waiting") return; // what was given up on says so itself, too
    this.#state = "waiting";
    this.#at = now + this.#retryMs;
  }
}
