// Where one end of a session may be reached, as both ends tell each other before they punch: sealed in a call and in
// its answer. A version, then as many endpoints as the count says.
import { DecodeError, EncodeError, Reader, Writer } from "./cursor.ts";
import { readPlace, writePlace } from "./meet.ts";
import type { Place } from "./meet-message.ts";

/** own: an address of an interface. mapped: a port that the router opened. observed: as others see the socket. */
export type ListedKind = "own" | "mapped" | "observed";
const KINDS: readonly ListedKind[] = ["own", "mapped", "observed"];

export interface ListedPath extends Place {
  readonly kind: ListedKind;
}

export const MAX_LISTED_PATHS = 12;
const VERSION = 1;
const LONGEST = 2 + MAX_LISTED_PATHS * (1 + 1 + 16 + 2);

/** Throws EncodeError. */
export function encodePathList(paths: readonly ListedPath[]): Uint8Array {
  if (paths.length > MAX_LISTED_PATHS) throw new EncodeError("paths", paths.length, MAX_LISTED_PATHS);
  const writer = new Writer(LONGEST).u8(VERSION, "version").u8(paths.length, "paths");
  for (const path of paths) writePlace(writer.u8(KINDS.indexOf(path.kind), "kind"), path);
  return writer.done();
}

/** A later version may say more behind what we know, and name kinds that we do not: those count as own. */
export function decodePathList(bytes: Uint8Array): ListedPath[] {
  const reader = new Reader(bytes);
  const version = reader.u8("version");
  if (version < VERSION) throw new DecodeError("version", version, VERSION);
  const count = reader.u8("paths");
  if (count > MAX_LISTED_PATHS) throw new DecodeError("paths", count, MAX_LISTED_PATHS);
  return Array.from({ length: count }, () => {
    const kind = KINDS[reader.u8("kind")] ?? "own";
    return { kind, ...readPlace(reader) };
  });
}
