// How each member that is here is reached, and how well.
import { amountText, ratioText } from "#contract/plain-text.ts";
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
  const { rttMs, lossRatio, sending } = member;
  const figures = [
    ...(rttMs === null ? [] : [`${rttMs.toFixed(1)} ms`]),
    ...(lossRatio === null ? [] : [`${ratioText(lossRatio)} loss`]),
  ];
  const text = `${[wayText(network, member), ...figures].join(", ")}.`;
  if (sending && sending.breaker !== "closed")
    return warn(
      name,
      `${text} So much was lost on the way there that multicast to it is ${sending.breaker === "open" ? "stopped for a while" : `held at ${amountText(sending.breakerBps ?? 0, "bit/s")}`}.`,
      `Fewer or smaller streams, or a limit that the line can take: castaway members limit ${member.number} RATE`,
    );
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
