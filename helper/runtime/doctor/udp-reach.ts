// Does UDP get from here to others, and from others to here? Sessions are the proof, where there are any.
import type { Check, Member } from "#contract/snapshot.ts";
import { endpointText } from "#ports/endpoint.ts";
import type { Engine } from "../engine.ts";
import type { HostedNetworkRuntime } from "../hosted-network.ts";
import { fail, ok, warn, type Topic } from "./topic.ts";

const UDP: ReadonlySet<Member["path"]> = new Set(["direct", "mapped", "punched"]);

export const udpReach: Topic = {
  id: "udp-reach",
  title: "who reaches whom over UDP",
  examine: ({ engine, snapshots }) => {
    const { hosted, joined } = engine.networks;
    const checks: Check[] = [];
    if (hosted?.enabled) checks.push(reachedBy(engine, hosted));
    const wanted = [...joined.values()].filter(({ state }) => state.state !== "off");
    if (wanted.length === 0) return checks;
    const answered = wanted.some(({ state }) => state.state === "refused");
    const paths = new Set(
      snapshots.networks
        .networks()
        .flatMap(({ members }) => members.filter(({ role, online }) => role === "host" && online))
        .map(({ path }) => path),
    );
    if (answered || [...UDP].some((path) => paths.has(path)))
      checks.push(ok("udp out", "UDP gets out, and answers come back."));
    else if (paths.has("tcp") || paths.has("tls"))
      checks.push(
        warn(
          "udp out",
          "UDP does not get through from here, so TCP carries it: loss anywhere delays all of it.",
          "Another network, such as a phone's, may let UDP out. It is tried again all the time.",
        ),
      );
    else if (!paths.has("relayed"))
      checks.push(
        fail(
          "udp out",
          "No host answers over UDP.",
          "Does this network let UDP out? Try another one, such as a phone's.",
        ),
      );
    return checks;
  },
};

function reachedBy({ datagrams, ways: { mapping, reach } }: Engine, hosted: HostedNetworkRuntime): Check {
  const { port } = datagrams;
  if (hosted.members.list().some(({ number }) => hosted.lastSeen(number) !== undefined))
    return ok("udp in", `Members have reached this computer, whose UDP port is ${port}.`);
  const nobody = "No member has come since the service was started";
  if (mapping.endpoint)
    return ok("udp in", `${nobody}. The router leads ${endpointText(mapping.endpoint)} here.`);
  const ways = reach.ways().filter(({ state }) => state === "ready");
  if (ways.length > 0)
    return ok(
      "udp in",
      `${nobody}. They find this computer by ${ways.map(({ name }) => name).join(" and ")}.`,
    );
  return warn(
    "udp in",
    `${nobody}, and nothing shows that UDP port ${port} is reached from outside.`,
    `If members cannot connect: forward UDP port ${port} to this computer on the router.`,
  );
}
