// What a tunnel opens (a listening socket, a device), and opens again some time after it could not.
import type { Core } from "../core.ts";
import type { Timed } from "../scheduler.ts";

/** What failed is tried again. */
export const RETRY_MS = 5_000;

export interface OpeningOptions<End> {
  readonly core: Core;
  /** Of the tunnel, for the log. */
  readonly id: string;
  readonly open: () => Promise<End>;
}

export class Opening<End extends { close(): void }> implements Timed {
  readonly #options: OpeningOptions<End>;
  #end: End | undefined;
  #retryAt: number | undefined;
  #opening = false;
  #closed = false;
  /** Why the tunnel does not work; undefined: it does. What it hears of its other end it says here too. */
  problem: string | undefined;

  constructor(options: OpeningOptions<End>) {
    this.#options = options;
    options.core.scheduler.add(this);
    void this.#open();
  }

  get end(): End | undefined {
    return this.#end;
  }

  get closed(): boolean {
    return this.#closed;
  }

  pollTimeout(): number | undefined {
    return this.#retryAt;
  }

  handleTimeout(): void {
    void this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#options.core.scheduler.remove(this);
    this.#end?.close();
  }

  async #open(): Promise<void> {
    const { core, open } = this.#options;
    this.#retryAt = undefined;
    if (this.#opening) return;
    this.#opening = true;
    try {
      this.#end = await open();
      this.problem = undefined;
      if (this.#closed) this.#end.close();
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
    }
    this.#opening = false;
    core.changed();
  }

  #failed(reason: string): void {
    const { core, id } = this.#options;
    if (this.problem !== reason) core.log.write("warn", "a tunnel does not work", { tunnel: id, reason });
    this.problem = reason;
    this.#retryAt = core.clock.now() + RETRY_MS;
    core.scheduler.arm();
  }
}
