import { fileURLToPath } from "node:url";
import type { Child } from "#test/support/child.ts";
import type { Machine } from "#test/support/machine.ts";
import { PYTHON } from "#test/support/python.ts";

const PROGRAM = fileURLToPath(new URL("meet_flood.py", import.meta.url));

/** A hostile client of a meeting point; it says once a second how many messages it has sent. */
export function startFlood(machine: Machine, place: string): Child {
  return machine.spawn(PYTHON, [PROGRAM, place], { label: `${machine.name}: flood ${place}` });
}
