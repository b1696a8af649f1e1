// The switch: what was set, and whether somebody can ask.
import { ControlError } from "#contract/errors.ts";
import type { Metrics as MetricsView, MetricsChange } from "#contract/metrics.ts";
import type { Clock } from "#ports/clock.ts";
import type { Log } from "#ports/log.ts";
import type { Engine } from "../engine.ts";
import type { StateKeeper } from "../state-keeper.ts";
import type { SnapshotBuilder } from "../view/snapshot-builder.ts";
import { collect } from "./collect.ts";
import type { ExpositionFormat } from "./exposition.ts";
import { listenText, parseListenPlace } from "./listen-place.ts";
import { MetricsServer } from "./metrics-server.ts";

export interface MetricsParts {
  readonly engine: Engine;
  readonly keeper: StateKeeper;
  readonly snapshots: SnapshotBuilder;
  readonly clock: Clock;
  readonly log: Log;
  /** Beside it a socket may be made. */
  readonly controlSocket: string;
}

export class Metrics {
  readonly #parts: MetricsParts;
  readonly #counters = { scrapes: 0, refused: 0 };
  #server: { readonly at: string; readonly server: MetricsServer } | undefined;
  #problem = "";
  /** One change after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: MetricsParts) {
    this.#parts = parts;
  }

  /** Opens it where it is on. That it cannot be opened keeps nothing else from working. */
  async start(): Promise<void> {
    const { keeper, log } = this.#parts;
    const { on, listen } = keeper.state.settings.metrics;
    if (!on) return;
    await this.#inTurn(() => this.#open(listen)).catch((error: unknown) => {
      this.#problem = error instanceof ControlError ? error.message : String(error);
      log.write("warn", "the metrics cannot be asked for", { listen, error: this.#problem });
    });
  }

  view(): MetricsView {
    const { on, listen } = this.#parts.keeper.state.settings.metrics;
    const at = this.#server?.at;
    const detail =
      at !== undefined
        ? at.startsWith("/")
          ? `GET /metrics is answered on the socket ${at}.`
          : `They are at http://${at}/metrics, for this computer alone.`
        : on
          ? `Nobody can ask for them: ${this.#problem}`
          : "Nothing listens.";
    return {
      on,
      listen,
      state: at !== undefined ? "listening" : on ? "failed" : "off",
      detail,
      ...this.#counters,
    };
  }

  /** Throws ControlError, and then everything is as it was. Resolves before it is saved. */
  set({ on, listen }: MetricsChange): Promise<void> {
    return this.#inTurn(async () => {
      const { keeper, controlSocket } = this.#parts;
      const wanted = listen ?? keeper.state.settings.metrics.listen;
      const at = listenText(parseListenPlace(wanted, controlSocket));
      if (on) await this.#open(at);
      else await this.#shut();
      keeper.setSettings({ metrics: { on, listen: at } });
    });
  }

  /** At the daemon's end; what was set stays. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#shut());
  }

  /** The one that was open goes on until the other one is. */
  async #open(listen: string): Promise<void> {
    const { clock, log, controlSocket } = this.#parts;
    const place = parseListenPlace(listen, controlSocket);
    const at = listenText(place);
    if (this.#server?.at === at) return;
    const text = (format: ExpositionFormat): string => this.#text(format);
    const server = await MetricsServer.open(place, { text, counters: this.#counters, clock, log });
    await this.#shut();
    this.#server = { at, server };
    log.write("info", "metrics are handed out", { listen: at });
  }

  async #shut(): Promise<void> {
    const open = this.#server;
    this.#server = undefined;
    this.#problem = "";
    await open?.server.close();
  }

  #text(format: ExpositionFormat): string {
    const { engine, snapshots } = this.#parts;
    const { drops: transportDrops } = engine.fastPath.transportCounters();
    const snapshot = snapshots.snapshot(); // not a look: no announcement is listened for because of a scrape
    return collect({ snapshot, stats: snapshots.stats(), transportDrops, ...this.#counters }).text(format);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}
