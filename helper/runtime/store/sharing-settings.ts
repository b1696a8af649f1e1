// What crosses beside the usual, as people set it.
import * as v from "valibot";
import { PRESET_NAMES, type PresetName } from "#protocol/discovery/presets.ts";
import { canonicalAddress, isMulticast, type Address } from "#wire/address.ts";

export interface SharingSettings {
  readonly presets: readonly PresetName[];
  /** Groups whose packets cross although they enter with TTL 1. */
  readonly raiseTtl: readonly Address[];
}

export const MAX_RAISED = 256;
export const DEFAULT_SHARING: SharingSettings = { presets: [], raiseTtl: [] };

const group = v.pipe(
  v.string(),
  v.check((text) => canonicalAddress(text) === text && isMulticast(text), "is no group"),
);

export const sharingSchema = v.strictObject({
  presets: v.pipe(v.array(v.picklist(PRESET_NAMES)), v.maxLength(PRESET_NAMES.length)),
  raiseTtl: v.pipe(v.array(group), v.maxLength(MAX_RAISED)),
});
