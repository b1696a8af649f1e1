// A reader of the two text formats that takes nothing that their descriptions do not allow.
import type { ExpositionFormat } from "#runtime/metrics/exposition.ts";

export interface ReadFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: {
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly value: number;
  }[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SUFFIX: Readonly<Record<string, string>> = { counter: "_total", info: "_info" };

/** Families by the name of their samples. Throws where a line is not as it has to be. */
export function readExposition(text: string, format: ExpositionFormat): Map<string, ReadFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const lines = text.slice(0, -1).split("\n");
  if (format === "openmetrics" && lines.pop() !== "# EOF") throw new Error("no # EOF at the end");
  const families = new Map<string, ReadFamily>();
  const seen = new Set<string>();
  let current: { sample: string; family: ReadFamily } | undefined;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (line.startsWith("#")) {
      const help = /^# HELP (\S+) ([^\\]+)$/.exec(line);
      const type = /^# TYPE (\S+) (counter|gauge|info)$/.exec(lines[++i] ?? "");
      if (!help || !type || help[1] !== type[1] || !NAME.test(help[1]!)) throw new Error(`bad head: ${line}`);
      if (format === "prometheus" && type[2] === "info") throw new Error("there are no infos in this format");
      const sample = help[1]! + (format === "openmetrics" ? (SUFFIX[type[2]!] ?? "") : "");
      if (families.has(sample)) throw new Error(`${sample} comes twice`);
      const family = { type: type[2]!, help: help[2]!, samples: [] };
      families.set(sample, family);
      current = { sample, family };
      continue;
    }
    const [name, labels, rest] = readName(line);
    if (!current || name !== current.sample) throw new Error(`${name} is outside of its family`);
    if (!/^ (-?\d+(\.\d+)?(e[+-]\d+)?|NaN|[+-]Inf)$/.test(rest)) throw new Error(`bad value: ${line}`);
    const key = line.slice(0, line.length - rest.length);
    if (seen.has(key)) throw new Error(`twice: ${key}`);
    seen.add(key);
    const value = Number(rest.slice(1).replace("Inf", "Infinity"));
    current.family.samples.push({ name, labels, value });
  }
  return families;
}

function readName(line: string): [string, Record<string, string>, string] {
  const name = /^[^{ ]+/.exec(line)?.[0] ?? "";
  if (!NAME.test(name)) throw new Error(`bad name: ${line}`);
  let at = name.length;
  const labels: Record<string, string> = {};
  if (line[at] !== "{") return [name, labels, line.slice(at)];
  do {
    at++;
    const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/.exec(line.slice(at));
    if (!label || label[1]!.startsWith("__")) throw new Error(`bad label at ${at}: ${line}`);
    if (Object.hasOwn(labels, label[1]!)) throw new Error(`label twice: ${line}`);
    labels[label[1]!] = label[2]!.replaceAll(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
    at += label[0].length;
  } while (line[at] === ",");
  if (line[at] !== "}") throw new Error(`labels do not end: ${line}`);
  return [name, labels, line.slice(at + 1)];
}
