import type { Check } from "#contract/snapshot.ts";
import type { JoinedNetworkRuntime } from "../joined-network.ts";
import { fixOf } from "./fixes.ts";
import { fail, ok, warn, type Subject, type Topic } from "./topic.ts";

export const networks: Topic = {
  id: "networks",
  title: "the networks",
  examine: (subject) => {
    const { hosted, joined } = subject.engine.networks;
    const checks: Check[] = [];
    if (!hosted && joined.size === 0)
      checks.push(
        warn(
          "network",
          "This computer is in no network yet.",
          "Make one: castaway invite. Join one: castaway join LINK",
        ),
      );
    if (hosted?.enabled) checks.push(ok("network", `This computer hosts ${hosted.name}.`));
    else if (hosted)
      checks.push(
        warn(
          "network",
          `${hosted.name} is switched off.`,
          "castaway up",
          fixOf(`network-up:${hosted.id}`, subject),
        ),
      );
    for (const network of joined.values()) checks.push(joinedCheck(network, subject));
    return checks;
  },
};

function joinedCheck({ id, state, record, peer }: JoinedNetworkRuntime, subject: Subject): Check {
  const name = `network ${record.networkName}`;
  const rtt = peer?.session.rtt;
  switch (state.state) {
    case "connected":
      return ok(name, `Connected${rtt === undefined ? "" : `, ${rtt.toFixed(1)} ms`}.`);
    case "off":
      return warn(name, "Switched off.", "castaway up", fixOf(`network-up:${id}`, subject));
    case "refused":
      return fail(name, `The host refused: ${state.status}.`, "Ask for a new invite.");
    case "pending":
      return warn(
        name,
        "The host has to approve this computer first.",
        "Ask the host: castaway invite approve",
      );
    case "connecting":
      return fail(
        name,
        "The host does not answer.",
        "Is the host switched on, and can it be reached? castaway doctor there says more.",
      );
  }
}
