import { ControlError } from "#contract/errors.ts";
import type { Warning } from "#contract/snapshot.ts";
import type { Log } from "#ports/log.ts";
import type { ProxyPlan } from "../proxy/plan.ts";
import type { LanSetting } from "../store/state.ts";
import type { StaticEntry } from "../store/static-entry.ts";
import { problemText, readRoutes, type RoutesRead } from "./read-routes.ts";

/** A static entry that stands in a file. */
export interface EntryOfFile extends StaticEntry {
  /** "/etc/castaway/routes.conf:12" */
  readonly origin: string;
}

export interface RoutesFileOptions {
  readonly path: string;
  /** It is no mistake where there is none. */
  readonly optional: boolean;
  readonly log: Log;
  readonly wall: () => number;
}

/** What the routes file says, as it was when it was last without a mistake. */
export class RoutesFile {
  readonly path: string;
  readonly #options: RoutesFileOptions;
  #entries: readonly EntryOfFile[] = [];
  #lans: readonly LanSetting[] = [];
  #thresholds: ReadonlyMap<string, number> = new Map();
  #proxy: ProxyPlan | undefined;
  #fault: Pick<Warning, "message" | "since"> | undefined;

  constructor(options: RoutesFileOptions) {
    this.path = options.path;
    this.#options = options;
  }

  get entries(): readonly EntryOfFile[] {
    return this.#entries;
  }

  get lans(): readonly LanSetting[] {
    return this.#lans;
  }

  /** By interface; 1 where there is none. */
  get thresholds(): ReadonlyMap<string, number> {
    return this.#thresholds;
  }

  /** The proxy that it makes. */
  get proxy(): ProxyPlan | undefined {
    return this.#proxy;
  }

  /** Why the file as it is now is not in use. */
  get fault(): Pick<Warning, "message" | "since"> | undefined {
    return this.#fault;
  }

  /** Reads it anew. Throws ControlError where it has a mistake: what was in force stays so. */
  async load(): Promise<void> {
    const { log, optional, wall } = this.#options;
    const own = process.geteuid?.() ?? 0;
    const read = await readRoutes(this.path, { uids: [...new Set([0, own])], untrusted: "error" });
    if (read.missing && optional) return this.#use({ ...read, problems: [] });
    for (const problem of read.problems)
      log.write(problem.severity === "error" ? "error" : "warn", problemText(problem));
    const errors = read.problems.filter(({ severity }) => severity === "error");
    if (errors.length === 0) return this.#use(read);
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
    const message = `${problemText(errors[0]!)}${more}`;
    this.#fault = { message, since: wall() };
    throw new ControlError("bad-request", message, `See them all: castaway check-config ${this.path}`);
  }

  #use({ entries, lans, thresholds, proxy }: RoutesRead): void {
    this.#entries = entries.map(({ at, entry }, index) => ({
      ...entry,
      id: `file-${index + 1}`,
      origin: `${at.file}:${at.line}`,
    }));
    this.#lans = lans;
    this.#thresholds = thresholds;
    this.#proxy = proxy;
    this.#fault = undefined;
  }
}
