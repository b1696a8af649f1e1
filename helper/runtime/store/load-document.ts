import { constants } from "node:fs";
import { copyFile, lstat, readdir, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { removeUnfinished, writeAtomically } from "./atomic-write.ts";
import { DocumentError, decodeDocument, encodeDocument } from "./document.ts";
import type { Decoded, DocumentFormat } from "./document.ts";
import { StoreError, errnoOf, storeErrorOf } from "./store-error.ts";
import { ensureTrustedFolder, readTrustedFile, syncFolder } from "./trusted-path.ts";

export interface LoadOptions<T> {
  readonly path: string;
  readonly format: DocumentFormat<T>;
  /** The value of the very first start. On disk before it is returned. */
  readonly initial: () => T;
  /** `--new-state`: where what was saved cannot be used, keep it aside and begin anew. A good file is used. */
  readonly newState: boolean;
  /** Wall ms, for the names of what is set aside. */
  readonly now: number;
}

export interface Loaded<T> {
  readonly value: T;
  readonly isNew: boolean;
  /** For people: what was set aside or brought up to date. */
  readonly notes: readonly string[];
}

/**
 * Reads the document, or makes the first one. An identity is never replaced silently: a damaged file is set aside
 * under another name and is an error, and so is a missing one where traces of it are left. Nothing is overwritten.
 * `.previous` is never read by itself: it may bring back a removed member or give a number a second time.
 * Throws StoreError.
 */
export async function loadDocument<T>(options: LoadOptions<T>): Promise<Loaded<T>> {
  const { path, format, newState } = options;
  await ensureTrustedFolder(dirname(path));
  try {
    await removeUnfinished(path);
    const bytes = await readTrustedFile(path);
    if (bytes === undefined) return await startAnew(options, []);
    const decoded = decode(format, bytes);
    if (!(decoded instanceof DocumentError)) return await useDecoded(options, decoded);
    if (decoded.code === "newer-version") throw newerVersion(path, decoded);
    const aside = await setAside(path, "damaged", options.now);
    if (newState)
      return await startAnew(options, [`${path} was damaged (${decoded.message}): kept as ${aside}`]);
    throw new StoreError(
      "damaged",
      `${path} is damaged (${decoded.message}); it was set aside as ${aside}`,
      await recovery(path, aside),
    );
  } catch (error) {
    throw errnoOf(error) === undefined ? error : storeErrorOf(error, "read", path);
  }
}

function decode<T>(format: DocumentFormat<T>, bytes: Buffer | "too-long"): Decoded<T> | DocumentError {
  if (bytes === "too-long") return new DocumentError("damaged", "it is longer than any state");
  try {
    return decodeDocument(format, bytes);
  } catch (error) {
    if (error instanceof DocumentError) return error;
    throw error;
  }
}

async function useDecoded<T>({ path, format }: LoadOptions<T>, decoded: Decoded<T>): Promise<Loaded<T>> {
  const { value, migratedFrom } = decoded;
  if (migratedFrom === undefined) return { value, isNew: false, notes: [] };
  const kept = `${path}.version-${migratedFrom}`;
  await copyFile(path, kept, constants.COPYFILE_EXCL).catch((error: unknown) => {
    if (errnoOf(error) !== "EEXIST") throw error; // an earlier start was killed right here
  });
  await write(path, encodeDocument(format, value));
  return { value, isNew: false, notes: [`${path} was brought up to date; the old one is ${kept}`] };
}

async function startAnew<T>(options: LoadOptions<T>, notes: readonly string[]): Promise<Loaded<T>> {
  const { path, format, newState, now } = options;
  const traces = await tracesOf(path);
  if (traces.length > 0 && !newState)
    throw new StoreError(
      "missing",
      `${path} is missing, but there was one: ${traces.join(", ")}`,
      await recovery(path, undefined),
    );
  const previous = `${path}.previous`;
  const hasPrevious = traces.includes(basename(previous));
  const more = hasPrevious ? [`${previous} is kept as ${await setAside(previous, "kept", now)}`] : [];
  const value = options.initial();
  await write(path, encodeDocument(format, value));
  return { value, isNew: true, notes: [...notes, ...more] };
}

function write(path: string, text: string): Promise<void> {
  return writeAtomically({ path, text, durable: true, keepPrevious: false });
}

/** Names of files that say that a document was here. */
async function tracesOf(path: string): Promise<string[]> {
  const names = await readdir(dirname(path));
  const file = basename(path);
  const isTrace = (name: string) => name === `${file}.previous` || name.startsWith(`${file}.damaged-`);
  return names.filter(isTrace).sort();
}

/** Renames to `<path>.<what>-<time>`, to a name that is free. Returns it. */
async function setAside(path: string, what: string, now: number): Promise<string> {
  const time = new Date(now).toISOString().slice(0, 19).replaceAll(":", "-");
  let aside = `${path}.${what}-${time}Z`;
  for (let n = 2; await exists(aside); n++) aside = `${path}.${what}-${time}Z-${n}`;
  await rename(path, aside);
  await syncFolder(dirname(path));
  return join(dirname(path), basename(aside));
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

async function recovery(path: string, aside: string | undefined): Promise<string> {
  const previous = `${path}.previous`;
  const ways = [`put a backup in place of ${path}`];
  if (await exists(previous)) ways.push(`take the state before the last change: cp -p ${previous} ${path}`);
  if (aside !== undefined) ways.push(`mend ${aside} and rename it`);
  ways.push("begin anew, which cuts off every member and network: castaway daemon --new-state");
  return `One of these: ${ways.join("; ")}.`;
}

function newerVersion(path: string, error: DocumentError): StoreError {
  return new StoreError(
    "newer-version",
    `${path} was written by a newer Castaway (${error.message})`,
    "Install that version again, or put the file of the older version back.",
  );
}
