// What has changed in a relay's fan-out, as words: the slow path writes them, the fast path applies them one after the
// other, so that one gateway's join costs its own entries and not those of all the others.

/** Gateways are numbers from 1 to this. */
export const MAX_RELAY_GATEWAYS = 65_536;
/** Entries, (S,G) or (*,G), are numbers from 0 below this. */
export const MAX_FAN_OUT_ENTRIES = 16_384;

/** A new entry, with nobody in it: entry, group[4], source[4]. No source, all zero: (*,G). */
export const CHANGE_ENTRY = 1;
/** It is gone, with all who were in it: entry. */
export const CHANGE_ENTRY_GONE = 2;
/** The gateway wants it: entry, gateway. */
export const CHANGE_ADD = 3;
export const CHANGE_REMOVE = 4;
/** The gateway wants the group, but not from this source: entry, gateway. */
export const CHANGE_EXCEPT = 5;
export const CHANGE_EXCEPT_REMOVE = 6;

/** Words of a change, by its first one. */
export const CHANGE_WORDS: readonly number[] = [0, 10, 2, 3, 3, 3, 3];
