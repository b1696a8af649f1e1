// What is good to have after a restart and no harm to lose: cache.json, written without waiting for the disk.
import { join } from "node:path";
import * as v from "valibot";
import { writeAtomically } from "./atomic-write.ts";
import { DocumentError, decodeDocument, encodeDocument } from "./document.ts";
import type { DocumentFormat } from "./document.ts";
import { address, key, port, time } from "./field-schemas.ts";
import { Saver } from "./saver.ts";
import type { StoreError } from "./store-error.ts";
import { readTrustedFile } from "./trusted-path.ts";

export const MAX_CACHED_PEERS = 4096;

export interface Cache {
  readonly peers: readonly CachedPeer[];
}

/** Where a peer was last heard from. */
export interface CachedPeer {
  readonly publicKey: Uint8Array;
  readonly endpoint: { readonly address: string; readonly port: number };
  readonly seenAt: number; // wall ms
}

export const EMPTY_CACHE: Cache = { peers: [] };

export const CACHE_FORMAT: DocumentFormat<Cache> = {
  name: "castaway cache",
  version: 1,
  schema: v.strictObject({
    peers: v.pipe(
      v.array(v.strictObject({ publicKey: key, endpoint: v.strictObject({ address, port }), seenAt: time })),
      v.maxLength(MAX_CACHED_PEERS),
    ),
  }),
  migrations: new Map(),
};

/**
 * To be called after `loadState`, which checks the folder. A damaged cache, or one of another version, is an
 * empty one. Throws StoreError where somebody else could have written it, or the disk fails.
 */
export async function loadCache(folder: string): Promise<Cache> {
  const bytes = await readTrustedFile(cachePath(folder));
  if (bytes === undefined || bytes === "too-long") return EMPTY_CACHE;
  try {
    return decodeDocument(CACHE_FORMAT, bytes).value;
  } catch (error) {
    if (error instanceof DocumentError) return EMPTY_CACHE;
    throw error;
  }
}

export interface CacheSaverOptions {
  readonly folder: string;
  /** The newest MAX_CACHED_PEERS of its peers are kept. */
  readonly snapshot: () => Cache;
  readonly onError: (error: StoreError) => void;
}

export function cacheSaver({ folder, snapshot, onError }: CacheSaverOptions): Saver {
  const path = cachePath(folder);
  return new Saver({
    path,
    encode: () => encodeDocument(CACHE_FORMAT, { peers: newest(snapshot().peers) }),
    write: (text) => writeAtomically({ path, text, durable: false, keepPrevious: false }),
    onError,
  });
}

function newest(peers: readonly CachedPeer[]): CachedPeer[] {
  return peers.toSorted((a, b) => b.seenAt - a.seenAt).slice(0, MAX_CACHED_PEERS);
}

function cachePath(folder: string): string {
  return join(folder, "cache.json");
}
