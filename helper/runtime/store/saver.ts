import { storeErrorOf } from "./store-error.ts";
import type { StoreError } from "./store-error.ts";

export interface SaverOptions {
  readonly path: string;
  /** What to save, as of now. Asked once at the start of each write. */
  readonly encode: () => string;
  readonly write: (text: string) => Promise<void>;
  /** Once for each write that failed, whether or not somebody waits for it. */
  readonly onError: (error: StoreError) => void;
}

/**
 * Saves with one write in flight at most. What changes during a write is written after it, once, however often
 * it changed.
 */
export class Saver {
  readonly #options: SaverOptions;
  #changes = 0;
  #saved = 0; // how many of them the last good write had
  #current: Promise<void> | undefined; // the write in flight
  #next: Promise<void> | undefined; // the one after it, which has not looked at the state yet

  constructor(options: SaverOptions) {
    this.#options = options;
  }

  /** Something is not on disk. After a failed save that stays so until a later one succeeds. */
  get dirty(): boolean {
    return this.#saved < this.#changes;
  }

  /** Asks for a save soon. A failed one is tried again with the next `changed` or `saveNow`. */
  changed(): void {
    this.saveNow().catch(() => {}); // onError has it
  }

  /** Resolves when what is true now is on disk. Rejects with StoreError where that write failed. */
  saveNow(): Promise<void> {
    this.#changes++;
    return (this.#next ??= this.#writeNext());
  }

  async #writeNext(): Promise<void> {
    await this.#current?.catch(() => {});
    await Promise.resolve(); // changes of one turn of the event loop become one write
    this.#next = undefined;
    const write = this.#write();
    this.#current = write;
    try {
      await write;
    } finally {
      if (this.#current === write) this.#current = undefined;
    }
  }

  async #write(): Promise<void> {
    const upTo = this.#changes;
    try {
      await this.#options.write(this.#options.encode());
    } catch (error) {
      const storeError = storeErrorOf(error, "save", this.#options.path);
      this.#options.onError(storeError);
      throw storeError;
    }
    this.#saved = upTo;
  }
}
