// What is released: name, version, who answers for it, and from when it is.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { ROOT } from "./system-files.ts";

const packageSchema = v.object({
  version: v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/)),
  description: v.string(),
  homepage: v.pipe(v.string(), v.url()),
  author: v.object({ name: v.string(), email: v.pipe(v.string(), v.email()) }),
});

export interface Release {
  readonly version: string;
  readonly description: string;
  readonly homepage: string;
  /** "Name <address>". */
  readonly maintainer: string;
  /** Seconds since 1970. */
  readonly time: number;
}

/** By package.json, and the time of the last commit. Throws where a part of it is missing. */
export function release(environment: Readonly<Record<string, string | undefined>>): Release {
  const text = readFileSync(join(ROOT, "package.json"), "utf8");
  const { version, description, homepage, author } = v.parse(packageSchema, JSON.parse(text));
  const maintainer = `${author.name} <${author.email}>`;
  return { version, description, homepage, maintainer, time: releaseTime(environment) };
}

/**
 * SOURCE_DATE_EPOCH, as reproducible-builds.org defines it; otherwise the last commit's. Throws where neither is there, for a
 * package with the time of its making would be another one each time.
 */
export function releaseTime(environment: Readonly<Record<string, string | undefined>>): number {
  const given = environment["SOURCE_DATE_EPOCH"];
  const text =
    given ?? spawnSync("git", ["-C", ROOT, "log", "-1", "--format=%ct"], { encoding: "utf8" }).stdout;
  if (!/^\d{1,12}$/.test((text ?? "").trim()))
    throw new Error(
      given === undefined
        ? "there is no commit to take the package's time from: set SOURCE_DATE_EPOCH to seconds since 1970"
        : `SOURCE_DATE_EPOCH is "${given}", and not a number of seconds since 1970`,
    );
  return Number(text);
}
