// What the interface shows, as signals: written by the bridge alone, read everywhere.
import type { Snapshot } from "#contract/snapshot.ts";
import type { AppState } from "#main/contract/state.ts";
import type { Bridge, LinkState } from "#renderer/api/bridge.ts";

export class AppModel {
  readonly bridge: Bridge;
  /** Replaced as a whole with every change: its topics keep their identity where they did not change. */
  #state = $state.raw<AppState>();
  #link = $state.raw<LinkState>({ state: "opening" });

  constructor(bridge: Bridge) {
    this.bridge = bridge;
    bridge.watch(
      (state) => (this.#state = state),
      (link) => (this.#link = link),
    );
  }

  get state(): AppState | undefined {
    return this.#state;
  }

  get snapshot(): Snapshot | null {
    return this.#state?.snapshot ?? null;
  }

  get link(): LinkState {
    return this.#link;
  }

  /** Whether this user may change what the service does. */
  get mayChange(): boolean {
    return this.#state?.service.access === "own" && this.#link.state === "open";
  }
}
