import type { LabHost } from "./lab.ts";
import { Machine } from "./machine.ts";

/** "nobody", on every system. */
export const NOBODY = 65534;
const BECOME = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];

/** A host of the lab, or this computer, with commands run by a user without privileges. */
export function asNobody(host: LabHost | string): Machine {
  if (typeof host !== "string")
    return new Machine(`${host.name}-nobody`, ["ip", "netns", "exec", host.namespace, ...BECOME]);
  return new Machine(host, process.getuid?.() === 0 ? BECOME : []);
}
