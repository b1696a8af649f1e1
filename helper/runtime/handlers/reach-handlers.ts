import type { ReachChange } from "#contract/reach.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import type { ReachSettings } from "../store/reach-settings.ts";
import { saved, type HandlerParts } from "./handler-parts.ts";
import { parsePlace } from "./parse-place.ts";

export function reachHandlers(parts: HandlerParts): Pick<DaemonApi, `reach.${"get" | "set"}`> {
  const { engine, keeper, snapshots } = parts;
  return {
    "reach.get": async () => snapshots.reach(),
    "reach.set": async ({ port, ...change }) => {
      const next = { ...keeper.state.settings.reach, ...parsed(change) };
      if (port !== undefined) engine.port.set(port); // the last that can fail: nothing is set by halves
      keeper.setSettings({ reach: next });
      engine.settingsChanged();
      engine.networks.candidatesChanged(); // members are told of another meeting point
      engine.core.changed();
      await saved(parts);
      return snapshots.reach();
    },
  };
}

/** What is not named stays. Throws ControlError. */
function parsed({
  dhtBootstrap,
  dhtRelays,
  meet,
  proxy,
  ...switches
}: Omit<ReachChange, "port">): Partial<ReachSettings> {
  const given = Object.entries(switches).filter(([, value]) => value !== undefined);
  return {
    ...(Object.fromEntries(given) as Partial<ReachSettings>),
    ...(dhtBootstrap && { dhtBootstrap: dhtBootstrap.map(parsePlace) }),
    ...(dhtRelays && { dhtRelays: dhtRelays.map((key) => key.toLowerCase()) }),
    ...(meet !== undefined && { meet: meet === "off" ? "off" : meet === "auto" ? null : parsePlace(meet) }),
    ...(proxy !== undefined && { proxy: proxy === "auto" || proxy === "off" ? proxy : parsePlace(proxy) }),
  };
}
