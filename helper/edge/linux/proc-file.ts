import { closeSync, openSync, readSync } from "node:fs";

const FIRST_ROOM = 4096;

/** A file of /proc that is looked at again and again: no memory is taken while it says the same. */
export class ProcFile {
  readonly #path: string;
  #last = new Uint8Array(FIRST_ROOM);
  #lastLength = 0;
  #next = new Uint8Array(FIRST_ROOM);

  constructor(path: string) {
    this.#path = path;
  }

  /** What it said at the last refresh(), Latin-1. */
  get text(): string {
    return Buffer.from(this.#last.buffer, 0, this.#lastLength).toString("latin1");
  }

  /** Reads it; a file that is not there is an empty one. True: it says something else than last time. */
  refresh(): boolean {
    const length = this.#read();
    const same =
      length === this.#lastLength &&
      Buffer.compare(this.#next.subarray(0, length), this.#last.subarray(0, length)) === 0;
    [this.#last, this.#next] = [this.#next, this.#last];
    this.#lastLength = length;
    return !same;
  }

  #read(): number {
    let fd: number;
    try {
      fd = openSync(this.#path, "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
      throw error;
    }
    try {
      let length = 0;
      for (;;) {
        if (length === this.#next.length) this.#grow();
        const read = readSync(fd, this.#next, length, this.#next.length - length, null);
        if (read === 0) return length;
        length += read;
      }
    } finally {
      closeSync(fd);
    }
  }

  #grow(): void {
    const larger = new Uint8Array(this.#next.length * 2);
    larger.set(this.#next);
    this.#next = larger;
  }
}
