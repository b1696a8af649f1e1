// The text that Prometheus reads: its own format, version 0.0.4, and OpenMetrics 1.0.
import { plainText } from "#contract/plain-text.ts";
import { FAMILIES, sampleName, type Family, type FamilyKey } from "./families.ts";

export type ExpositionFormat = "prometheus" | "openmetrics";

export const CONTENT_TYPE: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

export type Labels = Readonly<Record<string, string | number>>;

/** Names come from other people: longer ones are cut. */
const MAX_LABEL = 64;

/** Samples, gathered by family; labels are escaped here and nowhere else. */
export class Exposition {
  readonly #samples = new Map<FamilyKey, Map<string, number>>();
  /** Samples with the labels of an earlier one, which no reader would take. */
  duplicates = 0;

  /** Of a value that is not known there is no sample. */
  add(family: FamilyKey, labels: Labels, value: number | boolean | null | undefined): void {
    if (value === null || value === undefined) return;
    const samples = this.#samples.get(family) ?? new Map<string, number>();
    this.#samples.set(family, samples);
    const text = labelsText(labels);
    if (samples.has(text)) this.duplicates++;
    else samples.set(text, Number(value));
  }

  /** In the order of the table of families; those without a sample are left out. */
  text(format: ExpositionFormat): string {
    const lines: string[] = [];
    for (const [key, family] of Object.entries(FAMILIES)) {
      const samples = this.#samples.get(key as FamilyKey);
      if (!samples) continue;
      lines.push(...headLines(family, format));
      for (const [labels, value] of samples)
        lines.push(`${sampleName(family)}${labels} ${numberText(value)}`);
    }
    if (format === "openmetrics") lines.push("# EOF");
    return `${lines.join("\n")}\n`;
  }
}

/** OpenMetrics names the family without the suffix, and knows infos. */
function headLines(family: Family, format: ExpositionFormat): string[] {
  const open = format === "openmetrics";
  const name = open ? family.name : sampleName(family);
  const type = !open && family.type === "info" ? "gauge" : family.type;
  return [`# HELP ${name} ${family.help}`, `# TYPE ${name} ${type}`];
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

function escaped(value: string): string {
  const short = [...plainText(value)].slice(0, MAX_LABEL).join("");
  return short.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}

/** What the reader prefers is not weighed: whoever knows OpenMetrics says so and gets it. */
export function formatOf(accept: string | undefined): ExpositionFormat {
  const offers = (accept ?? "").toLowerCase().split(",");
  const open = offers.some(
    (offer) =>
      /^\s*application\/openmetrics-text\s*(;|$)/.test(offer) && !/;\s*q=0(\.0*)?\s*(;|$)/.test(offer),
  );
  return open ? "openmetrics" : "prometheus";
}
