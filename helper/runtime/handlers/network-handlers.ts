// Connecting, joining and leaving networks.
import { ControlError } from "#contract/errors.ts";
import { InviteError } from "#protocol/invite/invite-error.ts";
import type { HandshakeStatus } from "#wire/frame-handshake-payload.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import type { JoinedNetworkRuntime, JoinedState } from "../joined-network.ts";
import type { Joining } from "../networks.ts";
import { MAX_JOINED } from "../store/state.ts";
import { saved, type HandlerParts, type Named } from "./handler-parts.ts";
import { inviteProblem } from "./invite-problem.ts";

/** Less than the deadline of the call, so that the answer says what went wrong. */
const JOIN_MS = 25_000;

export function networkHandlers(
  parts: HandlerParts,
  named: Named,
): Pick<DaemonApi, "up" | "down" | "join" | "leave"> {
  const { engine, keeper } = parts;
  const { networks } = engine;
  const setByFile = (staticEnabled: boolean): void => {
    if (keeper.state.settings.staticEnabled === staticEnabled) return;
    keeper.setSettings({ staticEnabled });
    networks.byFile.refresh();
  };
  return {
    up: ({ network, name }) => {
      if (network !== undefined) {
        if (named.isHosted(network)) networks.hosted!.setEnabled(true);
        else if (named.isByFile(network)) setByFile(true);
        else named.joined(network).setEnabled(true);
      } else if (!networks.hosted && networks.joined.size === 0 && !networks.byFile.config)
        named.hostIfNew(name);
      else {
        networks.hosted?.setEnabled(true);
        for (const one of networks.joined.values()) one.setEnabled(true);
        setByFile(true);
      }
      engine.settingsChanged();
      return saved(parts);
    },
    down: ({ network }) => {
      if (network === undefined) {
        networks.hosted?.setEnabled(false);
        for (const one of networks.joined.values()) one.setEnabled(false);
        if (networks.byFile.config) setByFile(false);
      } else if (named.isHosted(network)) networks.hosted!.setEnabled(false);
      else if (named.isByFile(network)) setByFile(false);
      else named.joined(network).setEnabled(false);
      engine.settingsChanged();
      return saved(parts);
    },
    join: async ({ link, name }) => {
      if (networks.joined.size >= MAX_JOINED)
        throw new ControlError(
          "conflict",
          `this computer has joined ${MAX_JOINED} networks, as many as it can be in`,
          "Leave one: castaway leave",
        );
      let joining: Joining;
      try {
        joining = networks.join(link, name ?? engine.hostname);
      } catch (error) {
        if (error instanceof InviteError) throw inviteProblem(error.code, error.message);
        throw error;
      }
      engine.settingsChanged();
      const { network } = joining;
      const state = await settled(network);
      if (state.state === "refused") {
        networks.refused(joining);
        engine.settingsChanged();
        await saved(parts);
        throw refusal(state.status);
      }
      await saved(parts);
      if (state.state === "pending")
        throw new ControlError(
          "approval-pending",
          "the host has to approve this computer first; it joins by itself when that is done",
          "Ask the host to run: castaway invite approve",
        );
      if (state.state !== "connected") {
        // Nothing says that the link is wrong: the network stays, and is tried on.
        throw new ControlError(
          "unreachable",
          `the host of ${network.record.networkName} does not answer`,
          "It is tried on in the background. Is the host switched on, and its port reachable? castaway doctor",
        );
      }
      return {
        networkId: network.id,
        networkName: network.record.networkName,
        addresses: network.addresses().addresses.map((own) => own.address),
      };
    },
    leave: ({ network }) => {
      if (network !== undefined && named.isByFile(network)) throw ofFile(network);
      const all = [...networks.joined.values()];
      if (network === undefined && all.length !== 1)
        throw all.length === 0
          ? new ControlError("not-found", "this computer has joined no network")
          : new ControlError("bad-request", "say which network to leave", "List them: castaway status");
      networks.forget(network === undefined ? all[0]! : named.joined(network));
      engine.settingsChanged();
      return saved(parts);
    },
  };
}

/** Whose members stand in the peers file. */
export function ofFile(network: string): ControlError {
  return new ControlError(
    "conflict",
    `${network} stands in the peers file`,
    "Take its lines out there, then: castaway reload. To disconnect: castaway down",
  );
}

/** Resolves when it is known how joining ended, or that nobody answered in time. */
function settled(network: JoinedNetworkRuntime): Promise<JoinedState> {
  return new Promise((resolve) => {
    const done = (state: JoinedState): void => {
      if (state.state === "connecting" || state.state === "off") return;
      stop();
      resolve(state);
    };
    const timer = setTimeout(() => {
      unwatch();
      resolve(network.state);
    }, JOIN_MS);
    const unwatch = network.onState(done);
    const stop = (): void => {
      clearTimeout(timer);
      unwatch();
    };
    done(network.state);
  });
}

function refusal(status: HandshakeStatus | "no-vif"): ControlError {
  if (status === "no-vif")
    return new ControlError("busy", "this computer is in as many networks as it can be");
  if (status === "ok" || status === "refused" || status === "pending-approval")
    return new ControlError("refused", "the host refused this computer");
  const { message } = new InviteError(status);
  return inviteProblem(status, message);
}
