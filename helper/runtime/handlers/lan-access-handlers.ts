import { ControlError } from "#contract/errors.ts";
import type { Share } from "#contract/lan-access.ts";
import type { ChosenInterface } from "#protocol/addressing/shared-lans.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import type { HostedNetworkRuntime } from "../hosted-network.ts";
import type { JoinedNetworkRuntime } from "../joined-network.ts";
import { saved, type HandlerParts, type Named } from "./handler-parts.ts";

type ShareMethod = `share.${"get" | "lan" | "use" | "subnet"}`;

export function shareHandlers(parts: HandlerParts, named: Named): Pick<DaemonApi, ShareMethod> {
  const { engine, snapshots } = parts;
  const { networks, lanSharing } = engine;
  const view = (): Share => ({
    networks: snapshots.networks
      .networks()
      .filter(({ role }) => role !== "static") // static peers have no LANs by unicast
      .map(({ id, name, role, lanAccess }) => ({ id, name, role, lanAccess })),
  });
  return {
    "share.get": async () => view(),
    "share.lan": async ({ on, interfaces }) => {
      const host = named.hosted();
      if (on && !host.enabled)
        throw new ControlError("conflict", "this computer's network is switched off", "castaway up");
      const before = host.record;
      // As they are now: what appears later, or is found elsewhere, is not opened to others unasked.
      const chosen =
        interfaces?.map((name) => chooseInterface(parts, name)) ?? lanSharing.defaultInterfaces();
      host.shareLan(on, on ? chosen : []);
      lanSharing.refresh(true);
      await lanSharing.settled();
      const { problem } = lanSharing;
      if (on && (problem || lanSharing.forwarded().length === 0)) {
        const [left] = lanSharing.leftOut;
        host.shareLan(before.shareLan, before.shareLanOn ?? []);
        lanSharing.refresh(true);
        await saved(parts);
        if (problem) throw new ControlError("conflict", problem.message, problem.remedy);
        throw new ControlError(
          "conflict",
          left
            ? `${left.interfaceName} cannot be shared: ${left.reason}`
            : "this computer is on no LAN that could be shared",
          "Name an interface: castaway share lan on --interface NAME; they are listed by castaway lans",
        );
      }
      await saved(parts);
      return view();
    },
    "share.subnet": async ({ network, on, interface: interfaceName }) => {
      const chosen = oneNetwork(parts, named, network);
      if (!on) chosen.setRouteOn(undefined);
      else {
        if (interfaceName === undefined)
          throw new ControlError(
            "bad-request",
            "say on which interface this computer is to be a router",
            "castaway share subnet on --interface NAME; they are listed by castaway lans",
          );
        chosen.setRouteOn(chooseInterface(parts, interfaceName));
      }
      lanSharing.refresh(true);
      await lanSharing.settled();
      const subnet = on ? chosen.routedSubnet : undefined;
      const problem = subnet && lanSharing.subnetProblem(subnet);
      if (problem !== undefined) {
        chosen.setRouteOn(undefined);
        lanSharing.refresh(true);
        await saved(parts);
        throw new ControlError(
          "conflict",
          `${interfaceName}: ${problem}`,
          lanSharing.problem?.remedy ?? "castaway lans",
        );
      }
      await saved(parts);
      return view();
    },
    "share.use": async ({ network, on }) => {
      const chosen = network === undefined ? [...networks.joined.values()] : [named.joined(network)];
      if (chosen.length === 0)
        throw new ControlError("not-found", "this computer has joined no network", "castaway join LINK");
      for (const one of chosen) one.setUseLans(on);
      await saved(parts);
      return view();
    },
  };
}

function oneNetwork(
  { engine }: HandlerParts,
  named: Named,
  network: string | undefined,
): HostedNetworkRuntime | JoinedNetworkRuntime {
  const { hosted, joined } = engine.networks;
  if (network !== undefined) return named.isHosted(network) ? named.hosted(network) : named.joined(network);
  const [only, ...more] = [...(hosted ? [hosted] : []), ...joined.values()];
  if (only && more.length === 0) return only;
  throw new ControlError(
    only ? "bad-request" : "not-found",
    only ? "say of which network" : "there is no network yet",
    only ? "List them: castaway status" : "castaway join LINK",
  );
}

function chooseInterface({ engine }: HandlerParts, name: string): ChosenInterface {
  const chosen = engine.lanSharing.choose(name);
  if (chosen) return chosen;
  throw new ControlError("not-found", `there is no interface "${name}"`, "List them: castaway lans");
}
