import type { StreamWatch, WatchStream } from "#ports/stream-watch.ts";
import type { Address } from "#wire/address.ts";
import type { Core } from "../core.ts";
import { LanVif } from "../lan-vif.ts";
import type { FastPathHandle } from "../engine-ports.ts";
import { streamKey } from "./internet-stream.ts";

/** Each costs a look at every packet of its interface. */
const MAX_WATCHES = 32;

export interface NativeStreamsOptions {
  readonly core: Core;
  readonly fastPath: Pick<FastPathHandle, "flows">;
  readonly watch: WatchStream;
}

/**
 * Does a stream come by a network that this computer is on? LANs that are shared are heard anyway; those that the
 * computer only visits are not, so that it takes a look of its own there.
 */
export class NativeStreams {
  readonly #o: NativeStreamsOptions;
  readonly #watches = new Map<string, StreamWatch[]>(); // by stream

  constructor(options: NativeStreamsOptions) {
    this.#o = options;
  }

  /** From now on, on the interfaces that there are now. */
  watch(source: Address, group: Address): void {
    this.forget(source, group);
    const opened: StreamWatch[] = [];
    for (const vif of this.#o.core.vifs.values()) {
      if (!(vif instanceof LanVif) || vif.mode === "full" || this.#count + opened.length >= MAX_WATCHES)
        continue;
      try {
        opened.push(this.#o.watch(vif.link.index, source, group));
      } catch (error) {
        this.#o.core.log.write("debug", "a stream cannot be looked for", {
          vif: vif.name,
          error: String(error),
        });
      }
    }
    if (opened.length > 0) this.#watches.set(streamKey(source, group), opened);
  }

  forget(source: Address, group: Address): void {
    for (const watch of this.#watches.get(streamKey(source, group)) ?? []) watch.close();
    this.#watches.delete(streamKey(source, group));
  }

  close(): void {
    for (const watches of this.#watches.values()) for (const watch of watches) watch.close();
    this.#watches.clear();
  }

  /** Lately, by a LAN. `withinMs`: of those that are heard anyway. */
  comes(source: Address, group: Address, withinMs: number): boolean {
    const { core, fastPath } = this.#o;
    const isSeen = (this.#watches.get(streamKey(source, group)) ?? []).map((watch) => watch.seen());
    if (isSeen.includes(true)) return true;
    return fastPath
      .flows(withinMs)
      .some(
        (flow) => flow.group === group && flow.source === source && core.vifs.get(flow.vif) instanceof LanVif,
      );
  }

  get #count(): number {
    return [...this.#watches.values()].reduce((sum, watches) => sum + watches.length, 0);
  }
}
