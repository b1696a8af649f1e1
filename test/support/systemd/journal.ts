// A journal of a little computer's own (systemd.ts): the computer's own units for it, and what it has.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Systemd } from "../systemd.ts";

export interface JournalEntry {
  readonly PRIORITY: string;
  readonly MESSAGE: string;
  readonly _SYSTEMD_UNIT: string;
  readonly _TRANSPORT: string;
}

const FOLDER = "/lib/systemd/system";
const JOURNAL = "systemd-journald.service";

/** Why there can be none; undefined where there can. */
export function missingForJournal(): string | undefined {
  return existsSync(join(FOLDER, JOURNAL)) ? undefined : "needs systemd-journald";
}

/** By file name, for `Systemd.boot`. */
export function journalUnits(): Record<string, string> {
  const names = [JOURNAL, "systemd-journald.socket"];
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(FOLDER, name), "utf8")]));
}

/** What the unit's processes have said, the oldest first. `words`: journalctl's, to choose by. */
export async function journalOf(
  systemd: Systemd,
  unit: string,
  ...words: readonly string[]
): Promise<JournalEntry[]> {
  await systemd.output("journalctl", "--sync");
  const { stdout } = await systemd.run("journalctl", "-u", unit, "--output=json", ...words);
  const entries = stdout.split("\n").filter((line) => line !== "");
  // What systemd itself says of the unit is in there too.
  return entries
    .map((line) => JSON.parse(line) as JournalEntry)
    .filter(({ _TRANSPORT }) => _TRANSPORT === "stdout");
}
