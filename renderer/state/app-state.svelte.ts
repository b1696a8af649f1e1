// What the interface shows, as signals: written by the bridge alone, read everywhere.
import type { Snapshot } from "#contract/snapshot.ts";
import type { AppState } from "#main/contract/state.ts";
import type { Settings, SettingsChange } from "#main/contract/settings.ts";
import type { Bridge, LinkState } from "#renderer/api/bridge.ts";
import { Route } from "./route.svelte.ts";
import { Toasts } from "./toasts.svelte.ts";

export class AppModel {
  readonly bridge: Bridge;
  readonly route: Route;
  readonly toasts = new Toasts();
  /** Replaced as a whole with every change: its topics keep their identity where they did not change. */
  #state = $state.raw<AppState>();
  #lastSnapshot = $state.raw<Snapshot | null>(null);
  #link = $state.raw<LinkState>({ state: "opening" });

  constructor(bridge: Bridge, page: Window = window) {
    this.bridge = bridge;
    this.route = new Route(page);
    bridge.watch(
      (state) => {
        this.#state = state;
        if (state.snapshot) this.#lastSnapshot = state.snapshot;
      },
      (link) => (this.#link = link),
    );
  }

  get state(): AppState | undefined {
    return this.#state;
  }

  get snapshot(): Snapshot | null {
    return this.#state?.snapshot ?? null;
  }

  /** What was last known, for showing while the service is away: nothing on a screen vanishes for a restart. */
  get lastSnapshot(): Snapshot | null {
    return this.#lastSnapshot;
  }

  get link(): LinkState {
    return this.#link;
  }

  /** Whether this user may change what the service does. */
  get mayChange(): boolean {
    return this.#state?.service.access === "own" && this.#link.state === "open" && this.snapshot !== null;
  }

  /** Guests who wait for a yes, over all networks. */
  get requests(): number {
    return (this.snapshot?.networks ?? []).reduce((sum, network) => sum + network.requests.length, 0);
  }

  /** Rejects with a CallError. */
  saveSettings(change: SettingsChange): Promise<Settings> {
    return this.bridge.call("settings.set", change);
  }
}
