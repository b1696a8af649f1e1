// Does UDP get from here to others, and from others to here? Sessions are the proof, where there are any.
import type { Check, Member } from "#contract/snapshot.ts";
import { fail, ok, warn, type Topic } from "./topic.ts";

const UDP: ReadonlySet<Member["path"]> = new Set(["direct", "mapped", "punched"]);

export const udpReach: Topic = {
  id: "udp-reach",
  title: "who reaches whom over UDP",
  examine: ({ engine, snapshots }) => {
    const { hosted, joined } = engine.networks;
    const { port } = engine.datagrams;
    const checks: Check[] = [];
    if (hosted?.enabled) {
      const seen = hosted.members.list().filter(({ number }) => hosted.lastSeen(number) !== undefined);
      if (seen.length > 0)
        checks.push(ok("udp in", `Members have reached UDP port ${port} of this computer.`));
      else
        checks.push(
          warn(
            "udp in",
            `Nobody has reached UDP port ${port} of this computer since it was started.`,
            `If members cannot connect: forward UDP port ${port} to this computer on the router.`,
          ),
        );
    }
    const wanted = [...joined.values()].filter(({ state }) => state.state !== "off");
    if (wanted.length === 0) return checks;
    const connected = wanted.filter(({ state }) => state.state === "connected" || state.state === "pending");
    const refused = wanted.filter(({ state }) => state.state === "refused");
    const hosts = snapshots.networks
      .networks()
      .flatMap((network) => network.members.filter((one) => one.role === "host" && UDP.has(one.path)));
    if (hosts.length > 0 || refused.length > 0)
      checks.push(ok("udp out", "UDP gets out, and answers come back."));
    else if (connected.length === 0)
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
