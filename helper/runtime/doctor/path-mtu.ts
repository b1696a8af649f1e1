import { plainText } from "#contract/plain-text.ts";
import type { Check } from "#contract/snapshot.ts";
import { ok, warn, type Topic } from "./topic.ts";

/** What every path of IPv6 takes (RFC 8200 section 5); below, much is cut in pieces. */
const USUAL_LEAST = 1_280;

export const pathMtu: Topic = {
  id: "mtu",
  title: "packet sizes",
  examine: ({ engine, snapshots }) => {
    const checks: Check[] = [];
    for (const { name, mtu, defaultRoute } of engine.lans.links())
      if (defaultRoute) checks.push(sized(`mtu ${name}`, `${name} takes`, mtu));
    for (const { members } of snapshots.networks.networks())
      for (const { name, online, sending } of members)
        if (online && sending?.pathMtu)
          checks.push(sized(`mtu to ${name}`, `The path to ${plainText(name)} takes`, sending.pathMtu));
    return checks;
  },
};

function sized(name: string, what: string, bytes: number): Check {
  const message = `${what} packets of ${bytes} bytes.`;
  if (bytes >= USUAL_LEAST) return ok(name, message);
  return warn(
    name,
    `${message} Larger ones are cut in pieces, of which each can be lost.`,
    "If it is a link of your own (a VPN, a mobile hotspot): raise its MTU, or go around it.",
  );
}
