// Who has which /64, on disk: the original's JSON map of Ids to prefixes.
import * as v from "valibot";
import { Assignments } from "#protocol/sixtunnel/assignments.ts";
import { prefixText, type Prefix } from "#wire/address.ts";
import { removeUnfinished, writeAtomically } from "../store/atomic-write.ts";
import { Saver } from "../store/saver.ts";
import { StoreError } from "../store/store-error.ts";
import { readTrustedFile } from "../store/trusted-path.ts";
import { clientIdSchema, clientPrefixSchema } from "./greetings.ts";

const fileSchema = v.pipe(v.string(), v.parseJson(), v.record(clientIdSchema, clientPrefixSchema));

export interface AssignmentsFile {
  readonly assignments: Assignments;
  /** Resolves when what is given out now is on disk; rejects with StoreError. */
  save(): Promise<void>;
}

/**
 * Reads the file; where there is none, none are given out yet. Rejects with StoreError where it cannot be read or is
 * damaged: it is left as it is then, and nobody gets another one's prefix.
 */
export async function openAssignments(path: string, range: Prefix): Promise<AssignmentsFile> {
  await removeUnfinished(path).catch(() => {}); // an untidy folder is no reason not to start
  const bytes = await readTrustedFile(path);
  const assignments = bytes === undefined ? new Assignments(range) : read(path, bytes, range);
  const saver = new Saver({
    path,
    encode: () => {
      const map = Object.fromEntries([...assignments.entries()].map(([id, one]) => [id, prefixText(one)]));
      return `${JSON.stringify(map, undefined, 1)}\n`;
    },
    write: (text) => writeAtomically({ path, text, durable: true, keepPrevious: false }),
    onError: () => {}, // who waits for it is told
  });
  return { assignments, save: () => saver.saveNow() };
}

function read(path: string, bytes: Buffer | "too-long", range: Prefix): Assignments {
  if (bytes === "too-long") throw damaged(path, "it is longer than any such file");
  const result = v.safeParse(fileSchema, bytes.toString("utf8"), { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    throw damaged(path, `${v.getDotPath(issue) ?? "the file"}: ${issue.message}`.slice(0, 200));
  }
  try {
    return new Assignments(range, Object.entries(result.output));
  } catch (error) {
    if (error instanceof RangeError) throw damaged(path, error.message);
    throw error;
  }
}

function damaged(path: string, reason: string): StoreError {
  return new StoreError(
    "damaged",
    `${path} is damaged (${reason}); it was left as it is`,
    "Mend it, put a backup in its place, or take it away: then all clients get other prefixes.",
  );
}
