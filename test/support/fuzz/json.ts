import type { SeededRandom } from "./seeded-random.ts";

type Path = readonly (string | number)[];

/** What programs stumble over, whatever a field was meant to hold. */
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  65_536,
  "",
  " ",
  "0",
  "\u202e\u0000\ud800",
  "__proto__",
  "ff".repeat(40),
  "castaway://join/",
  "239.1.2.3/33",
  [],
  {},
  [[]],
  { __proto__: null, constructor: 1 },
];

/**
 * A JSON text of at most `limit` bytes: the value with one to three places changed: odd values, places of other
 * values, more and fewer entries.
 */
export function mutatedJson(random: SeededRandom, value: unknown, limit: number): Uint8Array {
  const copy: unknown = structuredClone(value);
  const holder = { root: copy };
  for (let changes = 1 + random.below(3); changes > 0; changes--) changeOne(random, holder);
  return new TextEncoder().encode(JSON.stringify(holder.root)).subarray(0, limit);
}

function changeOne(random: SeededRandom, holder: { root: unknown }): void {
  const paths: Path[] = [];
  collect(holder, [], paths);
  const path = random.pick(paths);
  const parent = at(holder, path.slice(0, -1)) as Record<string | number, unknown>;
  const key = path.at(-1)!;
  switch (random.below(6)) {
    case 0:
    case 1:
      parent[key] = structuredClone(random.pick(ODD));
      return;
    case 2: // another place's value
      parent[key] = structuredClone(at(holder, random.pick(paths)));
      return;
    case 3: // gone, or added
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else if (parent !== holder && random.oneIn(2)) delete parent[key];
      else parent[random.oneIn(2) ? "extra" : "__proto__x"] = structuredClone(random.pick(ODD));
      return;
    case 4: // many
      parent[key] = Array.from({ length: random.below(random.oneIn(20) ? 2000 : 20) }, () => parent[key]);
      return;
    default: {
      const before = parent[key];
      if (typeof before === "string") parent[key] = mutateText(random, before);
      else if (typeof before === "number") parent[key] = before + random.below(5) - 2;
      else parent[key] = [before];
    }
  }
}

/** Text with a character changed, put in, taken away, or with itself appended many times. */
export function mutateText(random: SeededRandom, text: string): string {
  const place = random.below(text.length + 1);
  const odd = random.pick([
    "\u0000",
    "\n",
    "\u202e",
    "é",
    "😀",
    "\ud800",
    " ",
    ".",
    ":",
    "/",
    "-",
    "0",
    "f",
    "=",
  ]);
  switch (random.below(5)) {
    case 0:
      return text.slice(0, place) + odd + text.slice(place);
    case 1:
      return text.slice(0, place) + odd + text.slice(place + 1);
    case 2:
      return text.slice(0, place);
    case 3:
      return text.slice(place) + text.slice(0, place);
    default:
      return random.oneIn(20) ? text.repeat(1 + random.below(200)) : text + text.slice(place);
  }
}

function collect(value: unknown, path: Path, paths: Path[]): void {
  if (typeof value !== "object" || value === null || paths.length > 4000) return;
  for (const [key, inner] of Object.entries(value)) {
    const place = [...path, Array.isArray(value) ? Number(key) : key];
    paths.push(place);
    collect(inner, place, paths);
  }
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)[key], value);
}
