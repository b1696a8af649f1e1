// The one state that every window and every browser shows. Whatever changes it goes through `dispatch`, gets a number,
// and is told to all that listen.
import type { Snapshot, SnapshotChanges } from "#contract/snapshot.ts";
import { type AppChanges, type AppState, withChanges } from "#main/contract/state.ts";

/** `seq` grows by one with each. */
export interface NumberedChanges {
  readonly seq: number;
  readonly changes: AppChanges;
}

export class AppCore {
  #state: AppState;
  #seq = 0;
  readonly #listeners = new Set<(step: NumberedChanges) => void>();

  constructor(state: AppState) {
    this.#state = state;
  }

  get state(): AppState {
    return this.#state;
  }

  /** Of the last change; 0 before the first. */
  get seq(): number {
    return this.#seq;
  }

  /**
   * What is the same already is left out, and where nothing is left, nobody hears of it. Throws where topics of a
   * snapshot come before a whole one.
   */
  dispatch(changes: AppChanges): void {
    const news = this.#news(changes);
    if (Object.keys(news).length === 0) return;
    const next = withChanges(this.#state, news);
    if (!next) throw new Error("topics of a snapshot came before the whole of it");
    this.#state = next;
    this.#seq++;
    const step = { seq: this.#seq, changes: news };
    for (const listener of this.#listeners) listener(step);
  }

  /** Returns how to stop listening. A listener must not dispatch. */
  subscribe(listener: (step: NumberedChanges) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #news({ snapshot, ...small }: AppChanges): AppChanges {
    const news: AppChanges = {};
    for (const [key, value] of Object.entries(small) as [keyof typeof small, unknown][])
      if (value !== undefined && JSON.stringify(value) !== JSON.stringify(this.#state[key]))
        Object.assign(news, { [key]: value });
    // A snapshot is large, and the daemon tells of its topics only what changed: it is not compared.
    if (snapshot === null ? this.#state.snapshot !== null : snapshot !== undefined && !isEmpty(snapshot))
      news.snapshot = snapshot;
    return news;
  }
}

function isEmpty(changes: SnapshotChanges): boolean {
  return Object.values(changes).every((topic) => topic === undefined);
}

/** The named topics of a snapshot, as changes. */
export function topicsOf(snapshot: Snapshot, names: readonly (keyof Snapshot)[]): SnapshotChanges {
  return Object.fromEntries(names.map((name) => [name, snapshot[name]]));
}
