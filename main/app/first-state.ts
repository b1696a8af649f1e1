import type { Settings } from "#main/contract/settings.ts";
import type { AppState, Shell } from "#main/contract/state.ts";
import { NO_FACTS, serviceState } from "./service-state.ts";

/** The app's state before anything is known of the daemon. `user`: who `castaway owners add` would name. */
export function firstState(shell: Shell, settings: Settings, user: string): AppState {
  return {
    shell,
    service: serviceState({
      connection: { state: "opening" },
      facts: NO_FACTS,
      version: shell.version,
      manages: shell.can.manageService,
      user,
      now: 0,
    }),
    settings,
    pendingInvite: null,
    pendingStream: null,
    snapshot: null,
  };
}
