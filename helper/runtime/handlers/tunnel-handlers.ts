// Tunnels of other programs' kinds.
import { randomBytes } from "node:crypto";
import { ControlError } from "#contract/errors.ts";
import { MAX_TUNNELS } from "#contract/tunnels.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import { checkedTunnel } from "../store/tunnel-settings.ts";
import { saved, type HandlerParts } from "./handler-parts.ts";

type TunnelMethod = `tunnels.${"list" | "add" | "remove"}`;

export function tunnelHandlers(parts: HandlerParts): Pick<DaemonApi, TunnelMethod> {
  const { engine, keeper } = parts;
  return {
    "tunnels.list": async () => ({ tunnels: engine.tunnels.list() }),
    "tunnels.add": async (wanted) => {
      const tunnel = checkedTunnel(wanted);
      if (typeof tunnel === "string") throw new ControlError("bad-request", tunnel);
      const { tunnels } = keeper.state.settings;
      if (tunnels.length >= MAX_TUNNELS)
        throw new ControlError("conflict", `there are ${MAX_TUNNELS} tunnels already, the most possible`);
      const id = randomBytes(4).toString("hex");
      keeper.setSettings({ tunnels: [...tunnels, { id, ...tunnel }] });
      engine.settingsChanged();
      await saved(parts);
      return { id };
    },
    "tunnels.remove": async ({ id }) => {
      const { tunnels } = keeper.state.settings;
      if (!tunnels.some((tunnel) => tunnel.id === id))
        throw new ControlError("not-found", `there is no tunnel "${id}"`, "List them: castaway tunnels");
      keeper.setSettings({ tunnels: tunnels.filter((tunnel) => tunnel.id !== id) });
      engine.settingsChanged();
      return saved(parts);
    },
  };
}
