import type { Socket } from "node:net";

/** Bytes that wait for a process that does not read. */
const MAX_WAITING = 512 * 1024;

/** Writes to a socket; where it is full, the oldest of what waits is thrown away: it is of use now or never. */
export class OutQueue {
  readonly #socket: Socket;
  readonly #waiting: Uint8Array[] = [];
  #bytes = 0;
  dropped = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("drain", () => this.#flush());
  }

  send(item: Uint8Array): void {
    if (this.#waiting.length === 0 && !this.#socket.writableNeedDrain) {
      this.#socket.write(item);
      return;
    }
    this.#waiting.push(item);
    this.#bytes += item.length;
    while (this.#bytes > MAX_WAITING) {
      this.#bytes -= this.#waiting.shift()!.length;
      this.dropped++;
    }
  }

  #flush(): void {
    while (this.#waiting.length > 0 && !this.#socket.writableNeedDrain) {
      const item = this.#waiting.shift()!;
      this.#bytes -= item.length;
      this.#socket.write(item);
    }
  }
}
