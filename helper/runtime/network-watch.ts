import type { Clock } from "#ports/clock.ts";
import type { LinkEvent, Links } from "#ports/links.ts";
import type { Timed } from "./scheduler.ts";

/** Changes come in flurries (a link, its addresses, its routes): they are looked at together, this long after the first. */
const SETTLE_MS = 50;

export interface NetworkWatchOptions {
  readonly links: Links;
  /** The TUN: what happens to it is our own doing. */
  readonly ownInterface: string | undefined;
  readonly clock: Clock;
  /** A deadline has come up: the timer has to be set. */
  readonly due: () => void;
  /** `routes`: the way to others may be another one now. */
  readonly changed: (routes: boolean) => void;
}

/** Follows interfaces, addresses and default routes. */
export class NetworkWatch implements Timed {
  readonly #clock: Clock;
  readonly #options: NetworkWatchOptions;
  readonly #watch: { close(): void };
  #dueAt: number | undefined;
  #routes = false;

  constructor(options: NetworkWatchOptions) {
    this.#options = options;
    this.#clock = options.clock;
    const own = options.links.list().find((link) => link.name === options.ownInterface)?.index;
    this.#watch = options.links.watch((event) => {
      if (!("index" in event) || event.index !== own) this.#note(event);
    });
  }

  close(): void {
    this.#watch.close();
    this.#dueAt = undefined;
  }

  pollTimeout(): number | undefined {
    return this.#dueAt;
  }

  handleTimeout(): void {
    const routes = this.#routes;
    this.#dueAt = undefined;
    this.#routes = false;
    this.#options.changed(routes);
  }

  #note(event: LinkEvent): void {
    if (event.type !== "link-changed") this.#routes = true;
    this.#dueAt ??= this.#clock.now() + SETTLE_MS;
    this.#options.due();
  }
}
