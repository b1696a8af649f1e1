// What the kernel dropped because a socket was read too slowly: it counts them since the socket was opened.
import type { Counters } from "./counters.ts";
import { DROP_SOCKET_OVERFLOW } from "./drop-reasons.ts";
import type { ReceiveRing } from "./receive-ring.ts";

export class SocketLosses {
  readonly #counters: Counters;
  readonly #row: number;
  #known = 0;

  /** `row`: whose counters they go to. */
  constructor(counters: Counters, row: number) {
    this.#counters = counters;
    this.#row = row;
  }

  /** Counts those that came on since the last look; `count`: how many datagrams of the socket are in the ring, not 0. */
  look(ring: ReceiveRing, count: number): void {
    const lost = ring.overflow(count - 1);
    const more = (lost - this.#known) >>> 0;
    if (lost === 0 || more === 0) return;
    this.#known = lost;
    this.#counters.drop(this.#row, DROP_SOCKET_OVERFLOW, more);
  }
}
