// SIGUSR1, as ecmh has it: the whole state as text in a file, for who has no client at hand.
import { dirname, join } from "node:path";
import type { Log } from "#ports/log.ts";
import { writeAtomically } from "./store/atomic-write.ts";

export interface DumpFileOptions {
  /** The control socket: the file is beside it. */
  readonly socketPath: string;
  readonly text: () => string;
  readonly log: Log;
}

/** Writes the dump when it is asked to, one after the other. The file is its owner's alone: it names who watches what. */
export class DumpFile {
  readonly path: string;
  readonly #options: DumpFileOptions;
  #writing: Promise<void> | undefined;

  constructor(options: DumpFileOptions) {
    this.#options = options;
    this.path = join(dirname(options.socketPath), "castaway.dump");
  }

  /** Never rejects: what keeps it from being written is logged. */
  write(): Promise<void> {
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { text, log } = this.#options;
    try {
      await writeAtomically({ path: this.path, text: text(), durable: false, keepPrevious: false });
      log.write("info", "the dump was written", { file: this.path });
    } catch (error) {
      log.write("error", "the dump could not be written", { file: this.path, error: String(error) });
    }
  }
}
