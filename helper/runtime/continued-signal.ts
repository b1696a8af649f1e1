/** After one of them, the next ones say nothing new for so long. */
const PAUSE_MS = 250;

/**
 * Calls `continued` when this process goes on after it was stopped (SIGCONT), but not for each signal of many: Node hears
 * of all signals by one pipe, and where somebody fills that, SIGTERM is lost in it.
 */
export class ContinuedSignal {
  readonly #listener: () => void;
  #again: NodeJS.Timeout | undefined;

  constructor(continued: () => void) {
    this.#listener = () => {
      this.stop(); // not heard: the kernel keeps it to itself then
      this.#again = setTimeout(() => this.#listen(), PAUSE_MS);
      this.#again.unref();
      continued();
    };
    this.#listen();
  }

  stop(): void {
    clearTimeout(this.#again);
    process.off("SIGCONT", this.#listener);
  }

  #listen(): void {
    process.on("SIGCONT", this.#listener);
  }
}
