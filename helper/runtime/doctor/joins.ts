// Joins on each LAN: the kernel makes them for us, so that switches that look at IGMP and MLD see them.
import type { Check } from "#contract/snapshot.ts";
import type { LanVif } from "../lan-vif.ts";
import { membershipOf } from "../view/vif-view.ts";
import { fail, ok, warn, type Subject, type Topic } from "./topic.ts";

/** Groups that nobody sends to: organization-local scope, and ff15 (site-local, transient). */
const TEST_GROUPS = { 4: "239.195.67.83", 6: "ff15::4361:7374" } as const;

export const joins: Topic = {
  id: "joins",
  title: "joining groups on the LANs",
  examine: (subject) => [...subject.engine.lans.vifs()].map((vif) => joinsOn(vif, subject)),
};

function joinsOn(vif: LanVif, subject: Subject): Check {
  const { probe } = subject;
  const { name, link } = vif;
  const check = `joins ${name}`;
  const families = ([4, 6] as const).filter((of) =>
    link.addresses.some(({ address }) => address.includes(":") === (of === 6)),
  );
  const failed: string[] = [];
  for (const of of families) {
    try {
      if (!probe.tryJoin(link.index, TEST_GROUPS[of])) failed.push(`IPv${of}: the kernel does not list it`);
    } catch (error) {
      failed.push(`IPv${of}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (failed.length > 0)
    return fail(
      check,
      `A group cannot be joined on ${name} (${failed.join("; ")}).`,
      `Is multicast switched on for it? ip link set ${name} multicast on`,
    );
  if (families.length === 0)
    return warn(
      check,
      `${name} has no address yet: hosts on it may not answer our questions.`,
      "Wait for DHCP, or give it one.",
    );
  const version = probe.igmpVersion(link.index);
  if (version !== undefined && version < 3 && families.includes(4))
    return warn(
      check,
      `On ${name} IGMPv${version} is spoken, because a querier there speaks it: streams come from all their sources.`,
      "Switch the router or switch that asks there to IGMPv3, if one source of a group is wanted.",
    );
  const querier = membershipOf(vif)?.queriers[4].dump(subject.engine.core.clock.now());
  const who = querier?.role === "querier" ? "this computer" : querier?.querier.address;
  const asks = who === undefined ? "" : `; the querier is ${who}`;
  return ok(check, `Groups can be joined on ${name}, IPv${families.join(" and IPv")}${asks}.`);
}
