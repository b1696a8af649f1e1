import { join } from "node:path";
import { writeAtomically } from "./atomic-write.ts";
import { encodeDocument } from "./document.ts";
import { loadDocument } from "./load-document.ts";
import type { Loaded } from "./load-document.ts";
import { Saver } from "./saver.ts";
import { STATE_FORMAT, initialState } from "./state.ts";
import type { State } from "./state.ts";
import type { StoreError } from "./store-error.ts";

export interface LoadStateOptions {
  /** 0700, ours alone: /var/lib/castaway. */
  readonly folder: string;
  readonly newState: boolean;
  readonly now: number; // wall ms
  /** 32 random bytes, asked for on the first start alone. */
  readonly randomKey: () => Uint8Array;
}

/** Throws StoreError: the daemon then exits with its message and remedy. */
export function loadState(options: LoadStateOptions): Promise<Loaded<State>> {
  const { folder, newState, now } = options;
  const initial = () => initialState(options.randomKey());
  return loadDocument({ path: statePath(folder), format: STATE_FORMAT, initial, newState, now });
}

export interface StateSaverOptions {
  readonly folder: string;
  /** The whole state as of now, put together from those who own its parts. */
  readonly snapshot: () => State;
  readonly onError: (error: StoreError) => void;
}

export function stateSaver({ folder, snapshot, onError }: StateSaverOptions): Saver {
  const path = statePath(folder);
  return new Saver({
    path,
    encode: () => encodeDocument(STATE_FORMAT, snapshot()),
    write: (text) => writeAtomically({ path, text, durable: true, keepPrevious: true }),
    onError,
  });
}

function statePath(folder: string): string {
  return join(folder, "state.json");
}
