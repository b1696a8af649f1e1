// What crosses between this computer and its networks, by the snapshot: one formula for the history that the shell
// keeps and for what the interface adds to it live.
import type { Group, Snapshot, Vif } from "#contract/snapshot.ts";

/** Interfaces that lead to other members and other sites; the rest belong to this computer and its LANs. */
const FAR: ReadonlySet<Vif["kind"]> = new Set([
  "peer",
  "amt-gateway",
  "amt-relay",
  "mcasttunnel",
  "sixtunnel",
]);

/** Bits a second. What goes to three members counts three times in `sent`. */
export interface MulticastRates {
  readonly received: number;
  readonly sent: number;
}

export function multicastRates({ groups, vifs }: Pick<Snapshot, "groups" | "vifs">): MulticastRates {
  const far = new Set(vifs.filter(({ kind }) => FAR.has(kind)).map(({ name }) => name));
  let received = 0;
  let sent = 0;
  for (const { rateBps, inVif, listeners } of groups) {
    if (rateBps === 0 || inVif === null) continue;
    if (far.has(inVif)) received += rateBps;
    for (const { vif } of listeners) if (vif !== inVif && far.has(vif)) sent += rateBps;
  }
  return { received, sent };
}

/** "239.1.2.3", or "192.0.2.1 239.1.2.3" with its source: the key in `History.groups`. */
export function groupKey({ group, source }: Pick<Group, "group" | "source">): string {
  return source === null ? group : `${source} ${group}`;
}
