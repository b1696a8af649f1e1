// One thing that a person asked for: whether it is under way, and why it failed.
import { untrack } from "svelte";
import { CallError } from "#renderer/api/call-error.ts";

export class Action<Arguments extends unknown[], Outcome> {
  readonly #work: (...args: Arguments) => Promise<Outcome>;
  #pending = $state(false);
  #error = $state.raw<CallError>();

  constructor(work: (...args: Arguments) => Promise<Outcome>) {
    this.#work = work;
  }

  get pending(): boolean {
    return this.#pending;
  }

  /** Of the last try; gone with the next one. */
  get error(): CallError | undefined {
    return this.#error;
  }

  dismiss(): void {
    this.#error = undefined;
  }

  /** undefined: it failed (`error` says why), or an earlier one is still under way. */
  async run(...args: Arguments): Promise<Outcome | undefined> {
    // An effect that begins it must not begin it again because it ended.
    if (untrack(() => this.#pending)) return undefined;
    this.#pending = true;
    this.#error = undefined;
    try {
      return await this.#work(...args);
    } catch (error) {
      if (!(error instanceof CallError)) throw error; // a broken invariant of ours
      this.#error = error;
      return undefined;
    } finally {
      this.#pending = false;
    }
  }
}
