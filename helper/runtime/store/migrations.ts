// From each version of state.json that was ever released to the next, on the raw JSON value.
import * as v from "valibot";
import { DEFAULT_REACH } from "./reach-settings.ts";
import { DEFAULT_SHARING } from "./sharing-settings.ts";

/** Throws where it is not what that version wrote. */
type Migration = (value: unknown) => unknown;

const withSettings = v.looseObject({ settings: v.looseObject({}) });

/** Version 2 knows how this computer may be reached. */
function addReach(value: unknown): unknown {
  const state = v.parse(withSettings, value);
  return { ...state, settings: { ...state.settings, reach: DEFAULT_REACH } };
}

/** Version 3 knows presets, and groups whose TTL is raised. */
function addSharing(value: unknown): unknown {
  const state = v.parse(withSettings, value);
  return { ...state, settings: { ...state.settings, sharing: DEFAULT_SHARING } };
}

export const STATE_MIGRATIONS: ReadonlyMap<number, Migration> = new Map([
  [1, addReach],
  [2, addSharing],
]);
