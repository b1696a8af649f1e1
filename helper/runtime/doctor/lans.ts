import type { Check } from "#contract/snapshot.ts";
import { fail, ok, warn, type Topic } from "./topic.ts";

export const lans: Topic = {
  id: "lans",
  title: "the LAN interfaces",
  examine: ({ engine: { lans, networks, access } }) => {
    const checks: Check[] = [];
    for (const [name, { reason }] of lans.failures)
      checks.push(
        fail(
          `lan ${name}`,
          `${name} cannot be used: ${reason}`,
          `Or leave it out: castaway lans set ${name} off`,
        ),
      );
    const used = [...lans.vifs()];
    for (const { name, mode } of used)
      checks.push(
        ok(`lan ${name}`, mode === "full" ? `${name} is shared.` : `Programs on ${name} are served.`),
      );
    if (!access.devices) return checks;
    if (networks.hosted?.enabled && !used.some((vif) => vif.mode === "full"))
      checks.push(
        warn(
          "lan",
          "This computer hosts a network, but shares no LAN: members reach its own programs alone.",
          "castaway lans list, then castaway lans set INTERFACE full",
        ),
      );
    if (used.length === 0 && lans.failures.size === 0)
      checks.push(warn("lan", "No LAN interface is up.", "Connect to a network."));
    return checks;
  },
};
