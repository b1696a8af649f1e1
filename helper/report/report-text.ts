import { dumpText } from "#contract/dump-text.ts";
import { plainText } from "#contract/plain-text.ts";
import type { Check, LogLine } from "#contract/snapshot.ts";
import type { Report } from "./gather.ts";

/** The report as people read it, and as it is pasted into an issue. */
export function reportText(report: Report, full: boolean): string {
  const { versions, settings, snapshot, stats } = report;
  const said = full
    ? "It shows addresses and names in full."
    : "Public addresses are shortened, names and ids replaced; equal ones stay equal within it.";
  return [
    `Castaway report, ${report.madeAt}. It holds no key and no invite link. ${said}`,
    ...section(
      "Versions",
      Object.entries(versions).map(([name, value]) => `${name}: ${value ?? "not running"}`),
    ),
    ...section("Doctor", report.checks.map(checkLine)),
    ...section("Settings", settingLines(settings)),
    ...(report.missing.length > 0 ? section("Missing", report.missing) : []),
    ...(snapshot && stats ? ["", dumpText(snapshot, stats, Date.parse(report.madeAt)).trimEnd()] : []),
    ...section("Log", report.log.map(logLine)),
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return ["", `*** ${title}`, ...lines.map(plainText), `*** ${title} (end)`];
}

function checkLine({ status, name, message, remedy }: Check): string {
  return `${status.padEnd(4)} ${name}: ${message}${remedy === null ? "" : ` [${remedy}]`}`;
}

function settingLines({ reach, owners }: Report["settings"]): string[] {
  return [
    ...Object.entries(reach ?? {}).map(([name, value]) => `reach.${name}: ${JSON.stringify(value)}`),
    ...(owners ? [`owners: ${owners.join(", ") || "root alone"}`] : []),
  ];
}

function logLine({ wall, level, message, fields }: LogLine): string {
  const told = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  return `${new Date(wall).toISOString()} ${level.padEnd(5)} ${message}${told.join("")}`;
}
