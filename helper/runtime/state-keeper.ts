import type { Endpoint } from "#ports/endpoint.ts";
import type { Clock } from "#ports/clock.ts";
import type { Log } from "#ports/log.ts";
import { cacheSaver, loadCache, type CachedPeer } from "./store/cache-store.ts";
import type { Saver } from "./store/saver.ts";
import { loadState, stateSaver } from "./store/state-store.ts";
import type { Settings, State } from "./store/state.ts";

/** What the parts of the state that live elsewhere are now. */
export type StateParts = () => Pick<State, "hosted" | "joined">;

export interface StateKeeperOptions {
  readonly folder: string;
  readonly newState: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly randomKey: () => Uint8Array;
}

/** The state in memory and its way to the disk: settings here, networks with those who run them. */
export class StateKeeper {
  /** Where it is kept. */
  readonly folder: string;
  #state: State;
  readonly #peers = new Map<string, CachedPeer>();
  readonly #saver: Saver;
  readonly #cache: Saver;
  readonly #clock: Clock;
  #parts: StateParts | undefined;

  private constructor(
    state: State,
    cached: readonly CachedPeer[],
    { folder, clock, log }: StateKeeperOptions,
  ) {
    this.folder = folder;
    this.#state = state;
    this.#clock = clock;
    for (const peer of cached) this.#peers.set(peer.publicKey.toHex(), peer);
    const onError = (error: Error): void =>
      log.write("error", "the state could not be saved", { error: error.message });
    this.#saver = stateSaver({ folder, snapshot: () => this.#whole(), onError });
    this.#cache = cacheSaver({ folder, snapshot: () => ({ peers: [...this.#peers.values()] }), onError });
  }

  /** Throws StoreError. */
  static async load(options: StateKeeperOptions): Promise<StateKeeper> {
    const { folder, newState, clock, log, randomKey } = options;
    const loaded = await loadState({ folder, newState, now: clock.wall(), randomKey });
    for (const note of loaded.notes) log.write("warn", note);
    const keeper = new StateKeeper(loaded.value, (await loadCache(folder)).peers, options);
    if (loaded.isNew) await keeper.saveNow();
    return keeper;
  }

  get state(): State {
    return this.#state;
  }

  /** Who is asked for the networks at each save. */
  setParts(parts: StateParts): void {
    this.#parts = parts;
  }

  setSettings(change: Partial<Settings>): void {
    this.#state = { ...this.#state, settings: { ...this.#state.settings, ...change } };
    this.changed();
  }

  changed(): void {
    this.#saver.changed();
  }

  /** Resolves when all is on disk; rejects with StoreError. */
  saveNow(): Promise<void> {
    return this.#saver.saveNow();
  }

  lastEndpoint(publicKey: Uint8Array): Endpoint | undefined {
    return this.#peers.get(publicKey.toHex())?.endpoint;
  }

  rememberEndpoint(publicKey: Uint8Array, endpoint: Endpoint): void {
    if (endpoint.stream !== undefined) return; // a stream does not come again
    this.#peers.set(publicKey.toHex(), { publicKey, endpoint, seenAt: this.#clock.wall() });
    this.#cache.changed();
  }

  /** What is not on disk yet goes there. */
  async close(): Promise<void> {
    await this.#cache.saveNow().catch(() => {}); // reported, and no harm to lose
    await this.#saver.saveNow();
  }

  #whole(): State {
    return { ...this.#state, ...this.#parts?.() };
  }
}
