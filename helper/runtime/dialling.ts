// A client's TCP connection to its server: begun, given up, and begun again for as long as it runs.
import { connect, type Socket } from "node:net";
import { Connecting } from "#protocol/tunnels/connecting.ts";

export interface DiallingOptions {
  /** Address or name; `family`: of which there must be one, where that matters. */
  readonly host: string;
  readonly port: number;
  readonly family?: 4 | 6;
  /** From the end of one to the beginning of the next, ms. */
  readonly retryMs?: number;
  /** Its owner listens to the socket from now on, and says when it is `established` and when it has `ended`. */
  readonly connected: (socket: Socket) => void;
  /** It was never connected; it has `ended` already. */
  readonly failed: (why: string) => void;
}

export class Dialling {
  readonly #options: DiallingOptions;
  readonly #connecting: Connecting;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: DiallingOptions) {
    this.#options = options;
    this.#connecting = new Connecting(performance.now(), options.retryMs);
    this.#arm();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Is that the connection that counts, and not one that was given up? */
  isCurrent(socket: Socket): boolean {
    return socket === this.#socket;
  }

  established(): void {
    this.#connecting.handleConnected();
    this.#arm();
  }

  ended(): void {
    this.#connecting.handleClosed(performance.now());
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const at = this.#connecting.pollTimeout();
    if (at === undefined || this.#closed) return;
    this.#timer = setTimeout(() => this.#timeout(), Math.max(0, Math.ceil(at - performance.now())));
  }

  #timeout(): void {
    const command = this.#connecting.handleTimeout(performance.now());
    if (command === "connect") this.#connect();
    else if (command === "give-up") this.#socket?.destroy(new Error("no answer"));
    this.#arm();
  }

  #connect(): void {
    const { host, port, family, connected, failed } = this.#options;
    const socket = connect({ host, port, ...(family && { family }) });
    this.#socket = socket;
    let why = "closed";
    const onError = (error: Error): void => void (why = error.message);
    const onClose = (): void => {
      if (!this.isCurrent(socket)) return;
      this.ended();
      if (!this.#closed) failed(why);
    };
    socket.on("error", onError);
    socket.on("close", onClose);
    socket.on("connect", () => {
      socket.off("error", onError).off("close", onClose);
      connected(socket);
    });
  }
}
