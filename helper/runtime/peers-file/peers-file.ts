import { ControlError } from "#contract/errors.ts";
import type { Warning } from "#contract/snapshot.ts";
import type { Log } from "#ports/log.ts";
import { problemText } from "../routes-file/read-routes.ts";
import type { PeersConfig } from "./peers-config.ts";
import { readPeers } from "./read-peers.ts";

export interface PeersFileOptions {
  readonly path: string;
  /** It is no mistake where there is none. */
  readonly optional: boolean;
  readonly ownKey: Uint8Array;
  readonly log: Log;
  readonly wall: () => number;
}

/** What the peers file says, as it was when it was last without a mistake. */
export class PeersFile {
  readonly path: string;
  readonly #options: PeersFileOptions;
  #config: PeersConfig | undefined;
  #fault: Pick<Warning, "message" | "since"> | undefined;

  constructor(options: PeersFileOptions) {
    this.path = options.path;
    this.#options = options;
  }

  /** Undefined: there is no file, or none that was ever without a mistake. */
  get config(): PeersConfig | undefined {
    return this.#config;
  }

  /** Why the file as it is now is not in use. */
  get fault(): Pick<Warning, "message" | "since"> | undefined {
    return this.#fault;
  }

  /** Reads it anew. Throws ControlError where it has a mistake: what was in force stays so. */
  async load(): Promise<void> {
    const { log, optional, ownKey, wall } = this.#options;
    const own = process.geteuid?.() ?? 0;
    const uids = [...new Set([0, own])];
    const read = await readPeers(this.path, { uids, untrusted: "error", ownKey });
    if (read.missing && optional) {
      this.#config = undefined;
      this.#fault = undefined;
      return;
    }
    for (const problem of read.problems)
      log.write(problem.severity === "error" ? "error" : "warn", problemText(problem));
    const errors = read.problems.filter(({ severity }) => severity === "error");
    if (errors.length === 0) {
      this.#config = read.config;
      this.#fault = undefined;
      return;
    }
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
    const message = `${problemText(errors[0]!)}${more}`;
    this.#fault = { message, since: wall() };
    throw new ControlError(
      "bad-request",
      message,
      `See them all: castaway check-config --peers ${this.path}`,
    );
  }
}
