import type { AppState } from "#main/contract/state.ts";

/** Nobody has been through the first steps, nothing has been set up another way, and no link waits for an answer. */
export function wantsWelcome({ settings, snapshot, pendingInvite, pendingStream }: AppState): boolean {
  return !settings.welcomed && !pendingInvite && !pendingStream && (snapshot?.networks.length ?? 0) === 0;
}
