// Short notes on what has just been done, which go by themselves.

/** Long enough to read it and to reach its button (WCAG 2.2.1: it stays while it has the focus or the pointer). */
const SHOWN_MS = 10_000;
const MAX_SHOWN = 3;

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly undo: (() => void) | undefined;
}

export class Toasts {
  #list = $state.raw<readonly Toast[]>([]);
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();
  #nextId = 1;

  get list(): readonly Toast[] {
    return this.#list;
  }

  show(text: string, undo?: () => void): void {
    const toast = { id: this.#nextId++, text, undo };
    for (const old of this.#list.slice(0, Math.max(0, this.#list.length + 1 - MAX_SHOWN)))
      this.dismiss(old.id);
    this.#list = [...this.#list, toast];
    this.resume(toast.id);
  }

  dismiss(id: number): void {
    this.hold(id);
    this.#list = this.#list.filter((toast) => toast.id !== id);
  }

  hold(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  resume(id: number): void {
    this.hold(id);
    this.#timers.set(
      id,
      setTimeout(() => this.dismiss(id), SHOWN_MS),
    );
  }
}
