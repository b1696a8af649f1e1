import type { Check } from "#contract/snapshot.ts";
import type { JoinedNetworkRuntime } from "../joined-network.ts";
import { fixOf } from "./fixes.ts";
import { fail, ok, warn, type Subject, type Topic } from "./topic.ts";

export const networks: Topic = {
  id: "networks",
  title: "the networks",
  examine: (subject) => {
    const { hosted, joined, byFile } = subject.engine.networks;
    const checks: Check[] = [];
    if (!hosted && joined.size === 0 && !byFile.config)
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
    checks.push(...staticChecks(subject));
    return checks;
  },
};

/** The peers file, and who of it is here. */
function staticChecks({ engine }: Subject): Check[] {
  const { networks, peersFile, ways } = engine;
  const { byFile } = networks;
  const checks: Check[] = [];
  if (peersFile?.fault)
    checks.push(
      fail("peers file", peersFile.fault.message, `castaway check-config --peers ${peersFile.path}`),
    );
  if (!byFile.config) return checks;
  if (!byFile.active) {
    const off = "The peers of the peers file are disconnected.";
    return [...checks, warn("peers file", off, `castaway up --network ${byFile.config.network}`)];
  }
  const strangers = ways.transport.counters.dropped.get("stranger") ?? 0;
  for (const one of byFile.list()) {
    const { name, endpoints } = one.config;
    const rtt = one.peer?.session.rtt;
    if (one.up) {
      checks.push(ok(`peer ${name}`, `Connected${rtt === undefined ? "" : `, ${rtt.toFixed(1)} ms`}.`));
      continue;
    }
    const where =
      endpoints.length > 0
        ? `It does not answer at ${endpoints.map(({ host, port }) => `${host}:${port}`).join(", ")}.`
        : "It has not called; without an endpoint here, it alone can begin.";
    const others = strangers > 0 ? ` ${strangers} calls came from keys that are not in the file.` : "";
    checks.push(
      fail(
        `peer ${name}`,
        `${where}${others}`,
        "Is it switched on, are its key and psk the same in both files (castaway key show there), and does one end reach the other's UDP port?",
      ),
    );
  }
  return checks;
}

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
