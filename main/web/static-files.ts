// The interface's files, in memory: what is not in this map does not exist, so no path leads anywhere else.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { getAssetKeys, getRawAsset, isSea } from "node:sea";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

export interface StaticFile {
  readonly type: string;
  readonly etag: string;
  /** Its name changes with its content. */
  readonly immutable: boolean;
  encoded(encoding: Encoding): Uint8Array;
}
export type Encoding = "br" | "gzip" | "identity";

/** The executable carries them under this: RENDERER_ASSETS of helper/runtime/resources.ts. */
const ASSETS = "renderer/";
const ENCODINGS: readonly Encoding[] = ["br", "gzip"];
/** Compressed at the first request: this much costs some milliseconds, and a tunnel over ssh is glad of it. */
const BROTLI_QUALITY = 5;
const HASHED_NAMES = /^\/assets\//;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};
const COMPRESSIBLE = /^(text\/|application\/json|image\/svg)/;

/** By path, "/index.html" as "/" too. Throws where there is none. */
export type StaticFiles = ReadonlyMap<string, StaticFile>;

/** Out of the executable, or from the folder that the build made. */
export function rendererFiles(folder: string): StaticFiles {
  if (!isSea()) return filesIn(folder);
  const names = getAssetKeys().filter((name) => name.startsWith(ASSETS));
  return toFiles(
    names.map((name) => [name.slice(ASSETS.length), new Uint8Array(getRawAsset(name))] as const),
  );
}

export function filesIn(folder: string): StaticFiles {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  } catch {
    names = [];
  }
  return toFiles(names.map((name) => [name, readFileSync(join(folder, name))] as const));
}

export class NoRendererError extends Error {
  override name = "NoRendererError";
  readonly remedy = "Build it first: npm run build:renderer";
}

function toFiles(contents: readonly (readonly [string, Uint8Array])[]): StaticFiles {
  const files = new Map(
    contents.map(([name, bytes]) => {
      const path = `/${name.replaceAll("\\", "/")}`;
      return [path, staticFile(path, bytes)] as const;
    }),
  );
  const index = files.get("/index.html");
  if (!index) throw new NoRendererError("the interface has not been built");
  return files.set("/", index);
}

function staticFile(path: string, bytes: Uint8Array): StaticFile {
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  const made = new Map<Encoding, Uint8Array>([["identity", bytes]]);
  return {
    type,
    etag: createHash("sha256").update(bytes).digest("base64url").slice(0, 22),
    immutable: HASHED_NAMES.test(path),
    encoded: (wanted) => {
      const encoding = COMPRESSIBLE.test(type) ? wanted : "identity";
      const known = made.get(encoding);
      if (known) return known;
      const compressed = encoding === "br" ? brotli(bytes) : gzipSync(bytes);
      made.set(encoding, compressed);
      return compressed;
    },
  };
}

function brotli(bytes: Uint8Array): Uint8Array {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } });
}

/** The best that the header allows and the file is worth. */
export function encodingFor(file: StaticFile, acceptEncoding: string | undefined): Encoding {
  if (!COMPRESSIBLE.test(file.type)) return "identity";
  const accepted = new Set(
    (acceptEncoding ?? "")
      .split(",")
      .map((one) => one.trim().toLowerCase())
      .filter((one) => !/;\s*q=0(\.0*)?$/.test(one))
      .map((one) => one.replace(/;.*$/, "").trim()),
  );
  return ENCODINGS.find((one) => accepted.has(one)) ?? "identity";
}
