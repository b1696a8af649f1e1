// From each version of state.json that was ever released to the next, on the raw JSON value.
import * as v from "valibot";
import { DEFAULT_REACH } from "./reach-settings.ts";

/** Throws where it is not what that version wrote. */
type Migration = (value: unknown) => unknown;

const withSettings = v.looseObject({ settings: v.looseObject({}) });

/** Version 2 knows how this computer may be reached. */
function addReach(value: unknown): unknown {
  const state = v.parse(withSettings, value);
  return { ...state, settings: { ...state.settings, reach: DEFAULT_REACH } };
}

export const STATE_MIGRATIONS: ReadonlyMap<number, Migration> = new Map([[1, addReach]]);
