// A command of the CLI that runs until it is told to end, and says what happens as JSON, a line each.
import { fileURLToPath } from "node:url";
import type { Child } from "#test/support/child.ts";
import type { Machine } from "#test/support/machine.ts";

const SOURCES = fileURLToPath(new URL("../../helper/cli/main.ts", import.meta.url));
const [PROGRAM, ...FIRST]: [string, ...string[]] = process.env["CASTAWAY_BIN"]
  ? [process.env["CASTAWAY_BIN"]]
  : [process.execPath, SOURCES];

/** Resolves when it is ready. */
export async function foreground(host: Machine, words: readonly string[]): Promise<Child> {
  const child = host.spawn(PROGRAM, [...FIRST, ...words, "--json"], {
    label: `${host.name}: castaway ${words.slice(0, 2).join(" ")}`,
  });
  await child.line(/"event":"ready"/, 20_000);
  return child;
}

export interface TunnelFigures {
  readonly toPeers: number;
  readonly fromPeers: number;
  readonly drops: Readonly<Record<string, number>>;
}

/** Ends it; the figures that it prints last. */
export async function finalFigures(child: Child): Promise<TunnelFigures> {
  const { stdout } = await child.stop();
  const line = stdout.split("\n").findLast((text) => text.startsWith('{"event":"figures"'));
  if (line === undefined) throw new Error(`${child.label} ended without figures:\n${stdout.slice(-1_000)}`);
  return JSON.parse(line) as TunnelFigures;
}
