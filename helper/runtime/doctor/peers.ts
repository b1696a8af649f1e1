// How each member that is here is reached, and how well.
import { ratioText } from "#contract/plain-text.ts";
import type { Check, Member, Network } from "#contract/snapshot.ts";
import { pathText } from "../reach/path-kinds.ts";
import { ok, warn, type Topic } from "./topic.ts";

/** Loss above which video shows it. */
const BAD_LOSS = 0.02;

export const peers: Topic = {
  id: "peers",
  title: "the ways to the members",
  examine: ({ snapshots }) =>
    snapshots.networks
      .networks()
      .flatMap((network) =>
        network.members
          .filter((member) => member.online && !member.self)
          .map((member) => peer(network, member)),
      ),
};

function peer(network: Network, member: Member): Check {
  const name = `member ${member.name}`;
  const { rttMs, lossRatio } = member;
  const figures = [
    ...(rttMs === null ? [] : [`${rttMs.toFixed(1)} ms`]),
    ...(lossRatio === null ? [] : [`${ratioText(lossRatio)} loss`]),
  ];
  const text = `${[wayText(network, member), ...figures].join(", ")}.`;
  if (lossRatio !== null && lossRatio > BAD_LOSS)
    return warn(
      name,
      text,
      "Is one end on a weak Wi-Fi, or its line full? A cable, or fewer streams, helps.",
    );
  if (member.path === "relayed")
    return warn(
      name,
      text,
      "It works, but every packet takes a detour. Forward the host's UDP port, if you can.",
    );
  return ok(name, text);
}

function wayText(network: Network, { path, endpoint }: Member): string {
  const way =
    path === "host"
      ? `through the host of ${network.name}`
      : path === "none"
        ? "not reached"
        : pathText(path);
  return `${way[0]!.toUpperCase()}${way.slice(1)}${endpoint ? ` (${endpoint})` : ""}`;
}
