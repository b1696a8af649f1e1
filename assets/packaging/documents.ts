// usr/share/doc of a package: whose work it is, and what people may take from it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bundled } from "./bundled.ts";
import { copyright } from "./debian.ts";
import type { Release } from "./release.ts";
import { asset, ROOT, type SystemFile, text, THIRD_PARTY, zipped } from "./system-files.ts";
import { thirdPartyText } from "./third-party.ts";

/** `name`: the package's. */
export async function documents(name: string, part: keyof Bundled, of: Release): Promise<SystemFile[]> {
  const folder = `usr/share/doc/${name}`;
  return [
    text(`${folder}/copyright`, copyright(of, readFileSync(join(ROOT, "LICENSE"), "utf8"))),
    text(`${folder}/${THIRD_PARTY}.gz`, zipped(await thirdPartyText(part))),
    text(`${folder}/examples/grafana-dashboard.json`, asset("grafana-dashboard.json")),
  ];
}
