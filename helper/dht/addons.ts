// The machine code of hyperdht's libraries in the executable. The build puts `loadAddon` in the place of their own
// search for it.
import { loadAsset } from "#edge/embedded-addon.ts";

export const ADDON_PACKAGES = ["sodium-native", "udx-native"] as const;

export function addonAsset(name: string): string {
  return `${name}.node`;
}

export function loadAddon(name: string): unknown {
  return loadAsset(addonAsset(name)).exports;
}
