// How each member that is here is reached, and how well.
import { amountText, ratioText } from "#contract/plain-text.ts";
import type { Check, Member, Network } from "#contract/snapshot.ts";
import { peerOfMember } from "../member-peer.ts";
import { ok, warn, type Subject, type Topic } from "./topic.ts";

/** Loss above which video shows it. */
const BAD_LOSS = 0.02;

export const peers: Topic = {
  id: "peers",
  title: "the ways to the members",
  examine: (subject) =>
    subject.snapshots.networks
      .networks()
      .flatMap((network) =>
        network.members
          .filter((member) => member.online && !member.self)
          .map((member) => peer(subject, network, member)),
      ),
};

function peer(subject: Subject, network: Network, member: Member): Check {
  const name = `member ${member.name}`;
  const { rttMs, lossRatio, sending } = member;
  const figures = [
    ...(rttMs === null ? [] : [`${rttMs.toFixed(1)} ms`]),
    ...(lossRatio === null ? [] : [`${ratioText(lossRatio)} loss`]),
  ];
  const text = `${[wayText(subject, network, member), ...figures].join(", ")}.`;
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

/** "Relayed by meet.example (192.0.2.1:4000)" */
function wayText({ engine }: Subject, network: Network, member: Member): string {
  const { endpoint } = peerOfMember(engine.networks, network, member)?.session ?? {};
  const own = endpoint ? engine.ways.paths.text(endpoint) : "not reached";
  const way = member.path === "host" ? `through the host of ${network.name}` : own;
  return `${way[0]!.toUpperCase()}${way.slice(1)}${member.endpoint ? ` (${member.endpoint})` : ""}`;
}
