// The original's configuration: its names, each with a value, on lines of their own or as one JSON object.
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import type { Prefix } from "#wire/address.ts";
import { globalPrefix } from "./greetings.ts";

export type SixRole = "server" | "client";

export interface ServerConfig {
  /** Own address that is listened on; undefined: all. */
  readonly localhost?: string | undefined;
  readonly listenport: number;
  readonly prefixrange: Prefix;
  /** Path of the file. */
  readonly assignments: string;
}

export interface ClientConfig {
  readonly remotehost: string;
  readonly remoteport: number;
}

/** `problems`: sentences with the line where there is one. None: `config` is there. */
export interface ConfigResult<T> {
  readonly config: T | undefined;
  readonly problems: readonly string[];
}

const MAX_BYTES = 64 << 10;

const host = v.pipe(v.string(), v.regex(/^[\w.:-]{1,253}$/, "is no address and no name"));
const port = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{1,5}$/, "is no port"), v.transform(Number))]),
  v.integer(),
  v.minValue(1, "is no port"),
  v.maxValue(65_535, "is no port"),
);
const range = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }): Prefix => {
    const prefix = globalPrefix(dataset.value);
    if (prefix && prefix.length <= 64) return prefix;
    addIssue({ message: "is no IPv6 prefix of /64 or shorter, of global or unique local addresses" });
    return NEVER;
  }),
);
const text = v.pipe(v.string(), v.minLength(1), v.maxLength(4_096));

export const serverConfigSchema = v.strictObject({
  localhost: v.optional(host),
  listenport: port,
  prefixrange: range,
  assignments: text,
});
export const clientConfigSchema = v.strictObject({
  remotehost: v.pipe(
    host,
    v.check((name) => !name.includes(":"), "is an IPv6 address: the tunnel is there to bring IPv6 over IPv4"),
  ),
  remoteport: port,
});

/** Rejects with the system's error where the file cannot be read. */
export async function readServerConfig(path: string): Promise<ConfigResult<ServerConfig>> {
  return parseConfig(await readText(path), serverConfigSchema);
}

export async function readClientConfig(path: string): Promise<ConfigResult<ClientConfig>> {
  return parseConfig(await readText(path), clientConfigSchema);
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path);
  if (bytes.length > MAX_BYTES) throw new Error(`${path} is longer than any such file`);
  return bytes.toString("utf8");
}

export function parseConfig<T>(source: string, schema: v.GenericSchema<unknown, T>): ConfigResult<T> {
  const problems: string[] = [];
  const { values, lines } = source.trimStart().startsWith("{")
    ? { values: jsonValues(source, problems), lines: new Map<string, number>() }
    : lineValues(source, problems);
  if (values === undefined) return { config: undefined, problems };
  const result = v.safeParse(schema, values);
  if (!result.success)
    for (const issue of result.issues) {
      const name = v.getDotPath(issue) ?? "the file";
      const line = lines.get(name);
      problems.push(`${line === undefined ? "" : `line ${line}: `}${name} ${wrong(issue)}`);
    }
  return { config: problems.length === 0 && result.success ? result.output : undefined, problems };
}

function wrong(issue: v.BaseIssue<unknown>): string {
  if (issue.kind === "schema" && issue.expected === "never") return "is not known";
  if (issue.kind === "schema" && issue.received === "undefined") return "is missing";
  return issue.message;
}

function jsonValues(source: string, problems: string[]): unknown {
  try {
    return JSON.parse(source) as unknown;
  } catch {
    problems.push("it is not JSON");
    return undefined;
  }
}

function lineValues(
  source: string,
  problems: string[],
): { readonly values: Record<string, string>; readonly lines: Map<string, number> } {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  const lines = new Map<string, number>();
  for (const [index, raw] of source.split(/\r?\n/).entries()) {
    const line = raw.replace(/(^|\s)#.*$/, "").trim();
    if (line === "") continue;
    const [, name, value] = /^(\w+)(?:\s*[=:]\s*|\s+)"?([^"]*?)"?$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      problems.push(`line ${index + 1}: it is no name and value`);
    else if (lines.has(name)) problems.push(`line ${index + 1}: ${name} is there twice`);
    else {
      values[name] = value;
      lines.set(name, index + 1);
    }
  }
  return { values, lines };
}
