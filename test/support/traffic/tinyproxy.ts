// tinyproxy, as a company or a hotel runs it: HTTP CONNECT to port 443 and to nothing else.
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeAtEnd } from "#test/support/lab/cleanup.ts";
import type { Child } from "#test/support/child.ts";
import type { Machine } from "#test/support/machine.ts";

export const PROXY_PORT = 8888;

/** Resolves once it takes connections. */
export async function startTinyproxy(machine: Machine, ...words: readonly string[]): Promise<Child> {
  const file = join(tmpdir(), `castaway-tinyproxy-${machine.name}-${process.pid}.conf`);
  const lines = [
    `Port ${PROXY_PORT}`,
    "Timeout 600",
    "MaxClients 50",
    "ConnectPort 443",
    "LogLevel Info",
    ...words,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  removeAtEnd(file);
  const child = machine.spawn("tinyproxy", ["-d", "-c", file], { label: `${machine.name}: tinyproxy` });
  const deadline = performance.now() + 15_000;
  for (;;) {
    const { stdout } = await machine.exec("ss", ["-Hltn", `sport = :${PROXY_PORT}`], { anyExit: true });
    if (stdout.trim() !== "") return child;
    if (!child.running || performance.now() > deadline)
      throw new Error(`tinyproxy does not run: ${child.stdout}${child.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
