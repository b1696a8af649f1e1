// Out by sockets that the main thread holds: packets go there as events, one each.
import type { FastPathEvent } from "#ports/fast-path.ts";
import type { Arena } from "./arena.ts";
import { Exit } from "./batch.ts";
import type { Batch } from "./batch.ts";
import { TX_BYTES, TX_PACKETS } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { DROP_MALFORMED, DROP_QUEUE_FULL } from "./drop-reasons.ts";
import type { InFlight } from "./in-flight.ts";
import { completePartial } from "./ipv4-fragments.ts";

export class SocketExit extends Exit {
  readonly #arena: Arena;
  readonly #counters: Counters;
  readonly #inFlight: InFlight;
  readonly #emit: (event: FastPathEvent) => void;

  constructor(
    vif: number,
    arena: Arena,
    counters: Counters,
    inFlight: InFlight,
    emit: (event: FastPathEvent) => void,
  ) {
    super(vif, false);
    this.#arena = arena;
    this.#counters = counters;
    this.#inFlight = inFlight;
    this.#emit = emit;
  }

  flush(batch: Batch): void {
    for (let n = 0; n < this.queued; n++) this.#send(batch, this.queue[n]!);
    this.queued = 0;
  }

  #send(batch: Batch, i: number): void {
    const length = batch.length[i]!;
    if (!completePartial(this.#arena, batch, i)) this.#counters.drop(this.vif, DROP_MALFORMED);
    else if (!this.#inFlight.begin(length)) this.#counters.drop(this.vif, DROP_QUEUE_FULL);
    else {
      const packet = this.#arena.copyOut(batch.offset[i]!, length);
      this.#emit({ type: "packet-out", vif: this.vif, packet });
      this.#counters.add(this.vif, TX_PACKETS, 1);
      this.#counters.add(this.vif, TX_BYTES, length);
    }
  }
}
