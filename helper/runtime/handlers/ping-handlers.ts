// Round trips to members: by our own session, or by an echo through the tunnel to those that the host forwards to.
import { ControlError } from "#contract/errors.ts";
import type { Member, Network } from "#contract/snapshot.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import { peerOfMember } from "../member-peer.ts";
import { TooManyPings } from "../pings.ts";
import type { HandlerParts } from "./handler-parts.ts";

const TIMEOUT_MS = 2_000;
/** Echoes under way: each has a socket of its own. */
const MAX_ECHOES = 16;

export function pingHandlers({ engine, snapshots, probe }: HandlerParts): Pick<DaemonApi, "ping"> {
  let echoes = 0;

  const echo = async (member: Member, timeoutMs: number): Promise<number | undefined> => {
    const address = member.addresses.find((one) => one.includes(":"));
    if (engine.tun.name === undefined || address === undefined)
      throw new ControlError(
        "conflict",
        `${member.name} is reached through the tunnel's interface, which this computer does not have`,
        "Start the service as root: sudo castaway daemon",
      );
    if (echoes >= MAX_ECHOES) throw new TooManyPings();
    echoes++;
    try {
      return await probe.echo(address, timeoutMs);
    } finally {
      echoes--;
    }
  };

  return {
    ping: async ({ network: named, member: number, timeoutMs = TIMEOUT_MS }) => {
      const { network, member } = find(snapshots.networks.networks(), named, number);
      if (!member.online)
        throw new ControlError(
          "unreachable",
          `${member.name} is not connected`,
          "castaway doctor says more.",
        );
      const peer = peerOfMember(engine.networks, network, member);
      try {
        const rtt = await (peer ? peer.ping(timeoutMs) : echo(member, timeoutMs));
        return { rttMs: rtt ?? null, by: peer ? "session" : "tunnel" };
      } catch (error) {
        if (error instanceof TooManyPings)
          throw new ControlError("busy", "too many pings are under way", "Ping less often.");
        throw error;
      }
    },
  };
}

function find(
  networks: readonly Network[],
  named: string | undefined,
  number: number,
): { readonly network: Network; readonly member: Member } {
  const chosen = networks.filter(({ id, name }) => named === undefined || id === named || name === named);
  const found = chosen.flatMap((network) =>
    network.members.filter((member) => member.number === number).map((member) => ({ network, member })),
  );
  if (found.length > 1)
    throw new ControlError(
      "conflict",
      `several networks have a member ${number}`,
      "Name one of them: --network",
    );
  const [only] = found;
  if (!only) throw new ControlError("not-found", `there is no member ${number}`, "See castaway members list");
  if (only.member.self) throw new ControlError("bad-request", `${only.member.name} is this computer`);
  return only;
}
