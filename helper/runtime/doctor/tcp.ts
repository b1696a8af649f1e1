// The way that is left where UDP does not pass: taken by who hosts, tried by who is a guest.
import type { Check } from "#contract/snapshot.ts";
import { endpointText } from "#ports/endpoint.ts";
import { TLS_PORT } from "#protocol/reach/stream-targets.ts";
import type { JoinedNetworkRuntime } from "../joined-network.ts";
import { resolveCandidates } from "../resolve-candidates.ts";
import { fail, ok, warn, type Subject, type Topic } from "./topic.ts";

const CONNECT_MS = 3_000;
/** Addresses of one host that are tried. */
const MOST = 8;

export const tcp: Topic = {
  id: "tcp",
  title: "the way over TCP",
  examine: async (subject) => {
    const { engine, keeper } = subject;
    const { hosted, joined } = engine.networks;
    const wanted = [...joined.values()].filter(({ state }) => state.state !== "off");
    if (!hosted?.enabled && wanted.length === 0) return [];
    if (!keeper.state.settings.reach.tcp)
      return [ok("tcp", "TCP, for networks without UDP, is switched off (castaway reach --tcp on).")];
    return [
      ...(hosted?.enabled ? [taken(subject)] : []),
      ...(await Promise.all(wanted.map((network) => tried(network, subject)))),
    ];
  },
};

function taken({ engine: { ways, datagrams } }: Subject): Check {
  const { port } = datagrams;
  const { problems, counters } = ways.streaming.incoming;
  const problem = problems.get(port)?.reason;
  if (problem !== undefined)
    return fail(
      "tcp in",
      `No TCP connections are taken on port ${port}: ${problem}.`,
      "Another program may have it: ss -ltnp. Or choose another port: castaway reach --port",
    );
  const refused = problems.get(TLS_PORT)?.reason;
  if (refused !== undefined)
    return warn(
      "tcp in",
      `Connections are taken on TCP port ${port}, but not on ${TLS_PORT}, where TLS would be: ${refused}.`,
      "Stop what has that port (ss -ltnp), or let the router lead its port 443 to this computer's port above.",
    );
  const seen =
    counters.members > 0 ? `${counters.members} of them were members'` : "no member came by it yet";
  return ok("tcp in", `TCP connections are taken on port ${port}; ${seen}.`);
}

async function tried(network: JoinedNetworkRuntime, { engine, probe }: Subject): Promise<Check> {
  const name = `tcp to ${network.record.networkName}`;
  const { endpoint } = network.peer?.session ?? {};
  if (network.state.state === "connected" && endpoint?.stream !== undefined)
    return ok(name, "It carries the session now, because UDP does not answer.");
  const places = await resolveCandidates(network.record.candidates, engine.core.log);
  const known = endpoint && endpoint.stream === undefined ? [endpoint] : [];
  const byText = new Map([...known, ...places].map((place) => [endpointText(place), place]));
  const to = [...byText.values()].slice(0, MOST);
  const answers = await Promise.all(
    to.map(async (place) => ({ place, ms: await probe.connects(place, CONNECT_MS) })),
  );
  const best = answers.filter(({ ms }) => ms !== undefined).sort((a, b) => a.ms! - b.ms!)[0];
  if (best)
    return ok(name, `The host takes TCP at ${endpointText(best.place)}, after ${best.ms!.toFixed(0)} ms.`);
  return warn(
    name,
    `The host takes no TCP at ${to.map((place) => endpointText(place)).join(", ") || "any address that is known"}: there is no way to it from networks without UDP.`,
    "Forward the host's TCP port on its router too, the same number as UDP.",
  );
}
