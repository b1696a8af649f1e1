// Connections that came too late for their call. Where one end's NAT is symmetric, the library tries ports for up to
// half a minute, and the daemon has given the call up by then, to make another: which takes what the first one left.
import type HyperDHT from "hyperdht";

const MAX_SPARE = 8;
/** Nobody has taken it for so long. */
const KEPT_MS = 60_000;

interface Spare {
  readonly key: string;
  readonly stream: HyperDHT.SecretStream;
  open: boolean;
  timer: NodeJS.Timeout | undefined;
}

export class SparePaths {
  readonly #spare = new Map<string, Spare>();
  readonly #opened: (key: string) => void;

  /** `opened`: there is one to take for that host now. */
  constructor(opened: (key: string) => void) {
    this.#opened = opened;
  }

  /** A connection that is still being tried, of a call that is over. One for each host. */
  keep(key: string, stream: HyperDHT.SecretStream): void {
    if (stream.destroyed || this.#spare.has(key) || this.#spare.size >= MAX_SPARE) return stream.destroy();
    const spare: Spare = { key, stream, open: false, timer: undefined };
    this.#spare.set(key, spare);
    stream.once("open", () => {
      if (this.#spare.get(key) !== spare) return;
      spare.open = true;
      spare.timer = setTimeout(() => stream.destroy(), KEPT_MS);
      this.#opened(key);
    });
    stream.on("close", () => this.#forget(spare));
  }

  has(key: string): boolean {
    return this.#spare.has(key);
  }

  /** An open one, which is the caller's from now on. */
  take(key: string): HyperDHT.SecretStream | undefined {
    const spare = this.#spare.get(key);
    if (!spare?.open) return undefined;
    this.#forget(spare);
    return spare.stream;
  }

  close(): void {
    for (const { stream } of this.#spare.values()) stream.destroy();
  }

  #forget(spare: Spare): void {
    clearTimeout(spare.timer);
    if (this.#spare.get(spare.key) === spare) this.#spare.delete(spare.key);
  }
}
