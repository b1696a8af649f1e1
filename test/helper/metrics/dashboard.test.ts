// assets/grafana-dashboard.json asks for nothing that is not handed out.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as v from "valibot";
import { collect } from "#runtime/metrics/collect.ts";
import { FAMILIES, sampleName } from "#runtime/metrics/families.ts";
import { SNAPSHOT, STATS } from "../control/sample-state.ts";
import { readExposition } from "./read-exposition.ts";

const dashboardSchema = v.object({
  uid: v.literal("castaway"),
  panels: v.array(
    v.object({
      id: v.number(),
      title: v.pipe(v.string(), v.minLength(1)),
      datasource: v.object({ uid: v.literal("${datasource}") }),
      gridPos: v.object({ x: v.number(), y: v.number(), w: v.number(), h: v.number() }),
      targets: v.array(v.object({ refId: v.string(), expr: v.string(), legendFormat: v.string() })),
    }),
  ),
  templating: v.object({ list: v.array(v.object({ name: v.string() })) }),
});
const text = readFileSync("assets/grafana-dashboard.json", "utf8");
const { panels, templating } = v.parse(dashboardSchema, JSON.parse(text));
const exprs = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

const BY_NAME = new Map(Object.values(FAMILIES).map((family) => [sampleName(family), family]));

/** Labels of the family, as they are handed out; Prometheus adds the instance. */
const counters = {
  "session.handshakes-dropped-mac1": 1,
  "session.cookies-sent": 1,
  "session.handshakes-accepted": 1,
};
const sample = readExposition(
  collect({
    snapshot: SNAPSHOT,
    stats: { ...STATS, counters },
    transportDrops: { "auth-failed": 1 },
    scrapes: 0,
    refused: 0,
  }).text("prometheus"),
  "prometheus",
);
const labelsOf = (name: string): Set<string> =>
  new Set(["instance", ...Object.keys(sample.get(name)?.samples[0]?.labels ?? {})]);

test("each metric that is named there exists, and the queries ask for the instance that was chosen", () => {
  const named = new Set(text.match(/\bcastaway_\w+/g));
  expect(named.size).toBeGreaterThan(15);
  for (const name of named) {
    expect([...BY_NAME.keys()]).toContain(name);
    expect(sample.has(name), name).toBe(true);
  }
  for (const expr of exprs) {
    const selectors = expr.match(/castaway_\w+(\{[^}]*\})?/g)!;
    for (const selector of selectors) expect(selector).toContain('{instance=~"$instance"}');
  }
});

test("of counters the rate is shown, of nothing else", () => {
  for (const expr of exprs)
    for (const [name] of expr.matchAll(/castaway_\w+/g))
      expect(expr.includes(`rate(${name}{`), name).toBe(BY_NAME.get(name)!.type === "counter");
});

test("each label in a query or a legend exists", () => {
  for (const { expr, legendFormat } of panels.flatMap(({ targets }) => targets)) {
    const names = [...expr.matchAll(/castaway_\w+/g)].map(([name]) => name);
    const known = new Set(names.flatMap((name) => [...labelsOf(name)]));
    const used = [
      ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]!),
      ...[...expr.matchAll(/(?:by|on|group_left) \(([^)]*)\)/g)].flatMap((match) => match[1]!.split(", ")),
    ];
    for (const label of used) expect([...known], `${expr} ${legendFormat}`).toContain(label);
  }
});

test("panels have ids of their own and do not lie on each other; variables are there", () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  expect(templating.list.map(({ name }) => name)).toEqual(["datasource", "instance"]);
});
