// Are the LANs that a host shares reached, and is nothing in the way of it?
import { plainText } from "#contract/plain-text.ts";
import type { Check, Network } from "#contract/snapshot.ts";
import { fail, ok, warn, type Topic } from "./topic.ts";

export const lanAccess: Topic = {
  id: "lan-access",
  title: "the devices on shared LANs",
  examine: ({ snapshots }) => snapshots.networks.networks().flatMap(accessOf),
};

function accessOf({ name, role, lanAccess: { on, lans, leftOut, problem } }: Network): Check[] {
  if (!on) return [];
  const check = `devices of ${name}`;
  if (problem)
    return [
      fail(check, `LAN access does not work: ${problem.message}`, problem.remedy ?? "castaway share lan off"),
    ];
  const checks = lans.map(({ prefix, use, detail }) => {
    const what = plainText(detail);
    if (use !== null) return ok(check, what);
    return warn(check, what, `Use another network here than ${prefix}, if the devices are wanted.`);
  });
  if (role === "host")
    for (const { interface: lan, reason } of leftOut)
      checks.push(
        warn(check, `${lan} is not shared: ${plainText(reason)}.`, "castaway share lan says what is."),
      );
  return checks;
}
