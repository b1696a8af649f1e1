import { readdir } from "node:fs/promises";
import { basename, dirname, join, matchesGlob } from "node:path";
import type { LanSetting } from "../store/state.ts";
import type { ProxyPlan } from "../proxy/plan.ts";
import { errnoOf } from "../store/store-error.ts";
import { MAX_ADDRESSES, addressesOf } from "./address-range.ts";
import { parseRoutesText, type FileEntry, type Place, type Problem, type Statement } from "./grammar.ts";
import { proxyOfFile } from "./proxy-of-file.ts";
import { UnreadableError, readText } from "./trusted-text.ts";

export interface RoutesRead {
  readonly entries: readonly { readonly at: Place; readonly entry: FileEntry }[];
  /** What phyint says of interfaces: full or off. */
  readonly lans: readonly LanSetting[];
  /** TTL thresholds of interfaces with a phyint line. */
  readonly thresholds: ReadonlyMap<string, number>;
  /** What the phyint lines with upstream and downstream in them make. */
  readonly proxy: ProxyPlan | undefined;
  readonly problems: readonly Problem[];
  /** There is no such file. */
  readonly missing: boolean;
}

export interface ReadOptions {
  /** Whose the files may be. */
  readonly uids: readonly number[];
  /** What a file that others could have written is. */
  readonly untrusted: Problem["severity"];
}

const MAX_INCLUDES = 100;
const MAX_ENTRIES = 1024;
/** As many are told: a file that is none of routes at all has one on each line. */
const MAX_PROBLEMS = 100;

/** Reads a routes file with what it includes. Never throws for what is in the files. */
export async function readRoutes(path: string, options: ReadOptions): Promise<RoutesRead> {
  const reader = new Reader(options);
  await reader.read(path, { file: path, line: 0 }, []);
  return reader.result(path);
}

class Reader {
  readonly #options: ReadOptions;
  readonly #statements: Statement[] = [];
  readonly #problems: Problem[] = [];
  #includes = 0;
  #missing = false;

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  /** `above`: the files that are being read. */
  async read(path: string, from: Place, above: readonly string[]): Promise<void> {
    if (above.includes(path)) return this.#error(from, `${path} includes itself`);
    try {
      const { text, untrusted } = await readText(path, this.#options.uids);
      if (untrusted !== undefined) {
        const message =
          `${path} ${untrusted}, so the service does not use it: ` +
          `chown root ${path} && chmod go-w ${path}, and the same for folders that others may write`;
        this.#problems.push({ file: path, line: 0, severity: this.#options.untrusted, message });
      }
      const { statements, problems } = parseRoutesText(text, path);
      this.#problems.push(...problems.slice(0, MAX_PROBLEMS));
      for (const statement of statements)
        if (statement.kind === "include")
          await this.#include(statement.pattern, statement.at, [...above, path]);
        else this.#statements.push(statement);
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      if (error.missing && above.length === 0) this.#missing = true;
      this.#error(from, `${path} ${error.message}`);
    }
  }

  result(path: string): RoutesRead {
    const entries = this.#statements.filter((one) => one.kind === "entry");
    const phyints = this.#statements.filter((one) => one.kind === "phyint");
    const lans = new Map(phyints.map(({ name, enabled }) => [name, enabled ? "full" : "off"] as const));
    const proxy = proxyOfFile(this.#statements, path, (at, message) => this.#error(at, message));
    let joins = 0;
    for (const [index, { at, entry }] of entries.entries()) {
      if (entry.toVifs.length === 0)
        joins += addressesOf(entry.group).length * (entry.source ? addressesOf(entry.source).length : 1);
      if (index < MAX_ENTRIES && joins <= MAX_ADDRESSES) continue;
      this.#error(
        at,
        `this is more than ${MAX_ENTRIES} lines of routes, or more than ${MAX_ADDRESSES} joins`,
      );
      break;
    }
    return {
      entries,
      lans: [...lans].map(([name, mode]) => ({ name, mode })),
      thresholds: new Map(phyints.map(({ name, ttlThreshold }) => [name, ttlThreshold])),
      proxy,
      problems: this.#problems.slice(0, MAX_PROBLEMS),
      missing: this.#missing,
    };
  }

  async #include(pattern: string, at: Place, above: readonly string[]): Promise<void> {
    if (!this.#oneMore(at)) return;
    const [folder, name] = [dirname(pattern), basename(pattern)];
    if (/[*?[\]{}]/.test(folder))
      return this.#error(at, "wildcards fit into the last part of an include alone");
    if (!/[*?[\]{}]/.test(name)) return this.read(pattern, at, above);
    try {
      const names = (await readdir(folder)).filter((one) => !one.startsWith(".") && matchesGlob(one, name));
      for (const one of names.sort()) {
        if (!this.#oneMore(at)) return;
        await this.read(join(folder, one), at, above);
      }
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return; // nothing to include, as if the folder were empty
      this.#error(at, `${folder} cannot be listed: ${errnoOf(error) ?? String(error)}`);
    }
  }

  /** Files that include each other can be any number: nothing more is read once they are too many. */
  #oneMore(at: Place): boolean {
    this.#includes++;
    if (this.#includes === MAX_INCLUDES + 1) this.#error(at, `these are more than ${MAX_INCLUDES} includes`);
    return this.#includes <= MAX_INCLUDES;
  }

  #error(at: Place, message: string): void {
    this.#problems.push({ ...at, severity: "error", message });
  }
}

export function problemText({ file, line, message }: Problem): string {
  return line === 0 ? message : `${file}:${line}: ${message}`;
}
