// What people set: static joins and routes, LANs, owners.
import { randomBytes } from "node:crypto";
import { ControlError } from "#contract/errors.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { AddressError } from "#wire/address.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import { reloadFiles } from "../reload-files.ts";
import { MAX_LAN_SETTINGS, MAX_OWNERS, MAX_STATIC_ENTRIES } from "../store/state.ts";
import { parseStaticEntry, type StaticEntry } from "../store/static-entry.ts";
import { saved, type HandlerParts } from "./handler-parts.ts";

type SettingsMethod =
  | `routes.${"list" | "add" | "remove" | "reload"}`
  | `lans.${"list" | "set"}`
  | `owners.${"list" | "add" | "remove"}`;

export function settingsHandlers(parts: HandlerParts): Pick<DaemonApi, SettingsMethod> {
  const { engine, keeper, snapshots } = parts;
  const owners = (): number[] => [...keeper.state.settings.owners];
  return {
    "routes.list": async () => ({ routes: snapshots.routes() }),
    "routes.add": async ({ group, source, fromVif, toVifs }) => {
      const entry = parse({ group, source }, { id: randomBytes(4).toString("hex"), fromVif, toVifs });
      const { routes } = keeper.state.settings;
      if (routes.length >= MAX_STATIC_ENTRIES) throw tooMany("routes", MAX_STATIC_ENTRIES);
      keeper.setSettings({ routes: [...routes, entry] });
      engine.settingsChanged();
      await saved(parts);
      return { id: entry.id };
    },
    "routes.remove": async ({ id }) => {
      const { routes } = keeper.state.settings;
      const ofFile = engine.routesFile?.entries.find((entry) => entry.id === id);
      if (ofFile)
        throw new ControlError(
          "conflict",
          `"${id}" stands in ${ofFile.origin}`,
          "Take it out of that file, then: castaway reload",
        );
      if (!routes.some((route) => route.id === id))
        throw new ControlError("not-found", `there is no route "${id}"`, "List them: castaway routes list");
      keeper.setSettings({ routes: routes.filter((route) => route.id !== id) });
      engine.settingsChanged();
      return saved(parts);
    },
    "routes.reload": () => reloadFiles(engine),
    "lans.list": async () => ({ lans: snapshots.lans() }),
    "lans.set": async ({ name, mode }) => {
      if (engine.routesFile?.lans.some((lan) => lan.name === name))
        throw new ControlError(
          "conflict",
          `${engine.routesFile.path} says how ${name} is used`,
          "Change its phyint line there, then: castaway reload",
        );
      const lans = keeper.state.settings.lans.filter((lan) => lan.name !== name);
      if (lans.length >= MAX_LAN_SETTINGS) throw tooMany("LAN settings", MAX_LAN_SETTINGS);
      keeper.setSettings({ lans: [...lans, { name, mode }] });
      engine.settingsChanged();
      return saved(parts);
    },
    "owners.list": async () => ({ uids: owners() }),
    "owners.add": async ({ uid }) => {
      const all = [...new Set([...owners(), uid])];
      if (all.length > MAX_OWNERS) throw tooMany("owners", MAX_OWNERS);
      keeper.setSettings({ owners: all });
      return saved(parts);
    },
    "owners.remove": async ({ uid }) => {
      keeper.setSettings({ owners: owners().filter((owner) => owner !== uid) });
      return saved(parts);
    },
  };
}

/** More than the state's file may hold: it could not be saved any more. */
function tooMany(what: string, most: number): ControlError {
  return new ControlError("conflict", `there are ${most} ${what} already, the most possible`);
}

function parse(
  text: { readonly group: string; readonly source: string | undefined },
  vifs: Pick<StaticEntry, "id" | "fromVif" | "toVifs">,
): StaticEntry {
  try {
    return parseStaticEntry(text, vifs, scopePolicy());
  } catch (error) {
    if (error instanceof AddressError) throw new ControlError("bad-request", error.message);
    throw error;
  }
}
