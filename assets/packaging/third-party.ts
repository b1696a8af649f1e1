// The licences of what is inside of our files and was written by others: Node, the bundled libraries, the font. Their
// texts come from the packages themselves, at the time of packaging.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { type Bundled, bundledPackages } from "./bundled.ts";
import { ROOT } from "./system-files.ts";

const packageSchema = v.object({
  name: v.string(),
  version: v.string(),
  license: v.optional(v.string()),
});

export interface Licence {
  readonly name: string;
  readonly version?: string;
  readonly text: string;
}

const LICENCE_FILE = /^(licen[cs]e|copying|notice)([-.].*)?$/i;
/** Packages that name a licence and bring no text of it. */
const WITHOUT_TEXT: Readonly<Record<string, string>> = { "noise-curve-ed": "noise-curve-ed.txt" };
/** In the machine code of packages, without a word about it in their folders. */
const INSIDE_OTHERS: readonly { readonly name: string; readonly of: string; readonly file: string }[] = [
  { name: "libsodium", of: "sodium-native", file: "libsodium.txt" },
];

/** One text with all of them. Throws where a package brings none, so that somebody looks for it. */
export async function thirdPartyText(part: keyof Bundled): Promise<string> {
  const names = (await bundledPackages())[part];
  const licences = [nodeLicence(), ...names.map(licenceOf), ...insideOthers(names)];
  const list = licences.map(
    ({ name, version }) => `  ${name}${version === undefined ? "" : ` ${version}`}\n`,
  );
  return [
    `Castaway holds the work of others, named here, with their licences below.\n\n${list.join("")}`,
    ...licences.map(({ name, text }) => `${"=".repeat(78)}\n${name}\n${"=".repeat(78)}\n\n${text.trim()}\n`),
  ].join("\n");
}

/** Of the Node that the build pins; it holds those of V8, OpenSSL and all else in it. */
function nodeLicence(): Licence {
  const ofNode = createRequire(createRequire(import.meta.url).resolve("node/package.json"));
  const file = ofNode.resolve(`node-${process.platform}-${process.arch}/package.json`);
  const { version } = v.parse(packageSchema, JSON.parse(readFileSync(file, "utf8")));
  return { name: "Node.js", version, text: readFileSync(join(dirname(file), "LICENSE"), "utf8") };
}

/** Of one package. Throws where it is not there, or brings no text of its licence. */
export function licenceOf(name: string): Licence {
  const folder = packageFolder(name);
  const { version, license } = v.parse(
    packageSchema,
    JSON.parse(readFileSync(join(folder, "package.json"), "utf8")),
  );
  const files = readdirSync(folder).filter((file) => LICENCE_FILE.test(file));
  const known = WITHOUT_TEXT[name];
  if (files.length === 0 && known === undefined)
    throw new Error(`${name} brings no text of its licence (${license ?? "none named"}): ${folder}`);
  const texts = files.length > 0 ? files.sort().map((file) => join(folder, file)) : [kept(known!)];
  return { name, version, text: texts.map((file) => readFileSync(file, "utf8").trim()).join("\n\n") };
}

/** Not by resolving: what a package exports need not include its package.json. */
function packageFolder(name: string): string {
  const folder = join(ROOT, "node_modules", name);
  if (existsSync(folder)) return folder;
  throw new Error(`${name} is bundled, and is not in node_modules itself`);
}

function insideOthers(names: readonly string[]): Licence[] {
  return INSIDE_OTHERS.filter(({ of }) => names.includes(of)).map(({ name, of, file }) => ({
    name: `${name} (in ${of})`,
    text: readFileSync(kept(file), "utf8"),
  }));
}

function kept(file: string): string {
  return join(import.meta.dirname, "licences", file);
}
