import type { Check } from "#contract/snapshot.ts";
import { fixOf } from "./fixes.ts";
import { warn, type Subject, type Topic } from "./topic.ts";

/** Values of rp_filter: 0 off, 1 strict (RFC 3704), 2 loose. */
const STRICT = 1;

export const reversePath: Topic = {
  id: "rp_filter",
  title: "the reverse path filter",
  examine: async (subject) => {
    const { lans, tun } = subject.engine;
    const names = [...[...lans.vifs()].map((vif) => vif.name), ...(tun.name === undefined ? [] : [tun.name])];
    const found = await Promise.all(names.map((name) => filterOf(name, subject)));
    return found.filter((check) => check !== undefined);
  },
};

async function filterOf(name: string, subject: Subject): Promise<Check | undefined> {
  const { probe } = subject;
  const values = await Promise.all(
    ["all", name].map((which) => probe.setting(`net/ipv4/conf/${which}/rp_filter`)),
  );
  // The larger one counts (Documentation/networking/ip-sysctl.rst).
  if (Math.max(...values.map((value) => Number(value ?? 0))) !== STRICT) return undefined;
  return warn(
    `rp_filter ${name}`,
    `${name} drops IPv4 packets whose sender is not reached through it (rp_filter is strict).`,
    `sysctl -w net.ipv4.conf.${name}.rp_filter=2`,
    fixOf(`rp-filter:${name}`, subject),
  );
}
