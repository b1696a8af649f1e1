import { fileURLToPath } from "node:url";
import type { Machine } from "#test/support/machine.ts";
import { PYTHON } from "#test/support/python.ts";

const PROGRAM = fileURLToPath(new URL("./forge.py", import.meta.url));

export interface Forgery {
  /** Anybody's. */
  readonly source: string;
  /** Unicast, or a group; the machine's routes say by which interface. */
  readonly destination: string;
  readonly port: number;
  readonly count: number;
  readonly ttl?: number; // 16
}

/** Small UDP datagrams under a source address that the machine need not have. */
export async function forge(machine: Machine, options: Forgery): Promise<void> {
  const { source, destination, port, count, ttl = 16 } = options;
  const words = [PROGRAM, source, destination, String(port), String(count), String(ttl)];
  await machine.exec(PYTHON, words);
}
