// Presets, and groups whose TTL is raised.
import { ControlError } from "#contract/errors.ts";
import type { Preset } from "#contract/sharing.ts";
import { isPresetName, preset, PRESET_NAMES, type PresetName } from "#protocol/discovery/presets.ts";
import { canonicalAddress, isMulticast } from "#wire/address.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import { MAX_RAISED, type SharingSettings } from "../store/sharing-settings.ts";
import { saved, type HandlerParts } from "./handler-parts.ts";

type SharingMethod = `presets.${"list" | "set"}` | "groups.raise-ttl";

export function sharingHandlers(parts: HandlerParts): Pick<DaemonApi, SharingMethod> {
  const { engine, keeper } = parts;
  const set = async (change: Partial<SharingSettings>): Promise<void> => {
    keeper.setSettings({ sharing: { ...keeper.state.settings.sharing, ...change } });
    engine.sharing.changed();
    await saved(parts);
  };
  const shown = (name: PresetName): Preset => {
    const { summary, ranges, proxies, lan } = preset(name);
    const on = keeper.state.settings.sharing.presets.includes(name);
    return { name, summary, ranges: [...ranges], proxies: [...proxies], lanAccess: lan, on };
  };
  return {
    "presets.list": async () => ({ presets: PRESET_NAMES.map(shown) }),
    "presets.set": async ({ preset: name, on }) => {
      if (!isPresetName(name))
        throw new ControlError("not-found", `there is no preset "${name}"`, "List them: castaway presets");
      const others = keeper.state.settings.sharing.presets.filter((other) => other !== name);
      await set({ presets: on ? [...others, name] : others });
      return shown(name);
    },
    "groups.raise-ttl": async ({ group: text, on }) => {
      const group = canonicalAddress(text);
      if (group === undefined || !isMulticast(group))
        throw new ControlError("bad-request", `${text} is no group`, "List them: castaway groups");
      const others = keeper.state.settings.sharing.raiseTtl.filter((other) => other !== group);
      if (on && others.length >= MAX_RAISED)
        throw new ControlError(
          "conflict",
          `the TTL of ${MAX_RAISED} groups is raised already, the most possible`,
        );
      await set({ raiseTtl: on ? [...others, group] : others });
      return {};
    },
  };
}
