import { ControlError } from "#contract/errors.ts";
import type { Datagrams } from "#ports/datagrams.ts";
import type { StreamSockets } from "#ports/stream-sockets.ts";
import type { Log } from "#ports/log.ts";
import type { StateKeeper } from "./state-keeper.ts";

/** Port of the transport where nobody chose another: AMT's, 2268, with a 4 in front. */
export const DEFAULT_PORT = 42268;

export interface PortChoiceOptions {
  readonly keeper: StateKeeper;
  readonly log: Log;
  /** Of the command line: it goes before what is set. */
  readonly commandLine: number | undefined;
  /** Throws SystemError. */
  readonly openDatagrams: (port: number) => Datagrams;
  readonly streamSockets: Pick<StreamSockets, "listen">;
}

/**
 * The UDP and TCP port of the transport. It is bound once, at the start: a host that moved while guests are connected
 * would be lost to all whose routers let in what they called alone.
 */
export class PortChoice {
  readonly #options: PortChoiceOptions;
  #bound: number | undefined;

  constructor(options: PortChoiceOptions) {
    this.#options = options;
  }

  /** What is set; null: the daemon's own choice. */
  get setting(): number | null {
    return this.#options.keeper.state.settings.port;
  }

  /** What is set holds from the next start on. */
  get pending(): boolean {
    const { commandLine } = this.#options;
    return commandLine === undefined && this.#bound !== (this.setting ?? DEFAULT_PORT);
  }

  /** The transport's socket. Throws SystemError. */
  open(): Datagrams {
    const { commandLine, openDatagrams, log } = this.#options;
    const datagrams = ((): Datagrams => {
      if (commandLine !== undefined) return openDatagrams(commandLine);
      if (this.setting === null) return openDatagrams(DEFAULT_PORT);
      try {
        return openDatagrams(this.setting);
      } catch (error) {
        // It could be had when it was set. Without a daemon nobody could set another one.
        log.write("warn", "the port that is set cannot be had", {
          port: this.setting,
          error: error instanceof Error ? error.message : String(error),
        });
        return openDatagrams(DEFAULT_PORT);
      }
    })();
    this.#bound = datagrams.port;
    return datagrams;
  }

  /** null: the daemon's own choice. Throws ControlError "conflict" where the port cannot be had: what was set stays. */
  set(port: number | null): void {
    const { commandLine, keeper } = this.#options;
    if (commandLine !== undefined)
      throw new ControlError(
        "conflict",
        `this daemon was started with the port ${commandLine}`,
        "Start it without --port, then set one: castaway reach --port",
      );
    if (port !== null && port !== this.#bound) this.#try(port);
    keeper.setSettings({ port });
  }

  #try(port: number): void {
    const { openDatagrams, streamSockets } = this.#options;
    try {
      openDatagrams(port).close();
      streamSockets.listen(port, () => {}).close();
    } catch (error) {
      throw new ControlError(
        "conflict",
        `port ${port} cannot be had: ${error instanceof Error ? error.message : String(error)}`,
        `Choose another port, or look what has this one: sudo ss -lntup 'sport = :${port}'`,
      );
    }
  }
}
