// The web shell's end: one WebSocket to the server that this page came from, opened again when it breaks.
import type { Channel, ChannelHandlers } from "./bridge.ts";

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
/** The server's word that this session is over: idle for too long, or the token was used up (RFC 6455, 7.4.2). */
const SESSION_ENDED = 4401;

export class WebChannel implements Channel {
  readonly #url: string;
  #socket: WebSocket | undefined;
  #retryMs = FIRST_RETRY_MS;

  constructor(page: Location) {
    const url = new URL("socket", page.href);
    url.protocol = page.protocol === "https:" ? "wss:" : "ws:";
    url.hash = "";
    url.search = "";
    this.#url = url.href;
  }

  send(text: string): void {
    this.#socket?.send(text);
  }

  listen(handlers: ChannelHandlers): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#retryMs = FIRST_RETRY_MS;
      handlers.opened();
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") handlers.message(data);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (code === SESSION_ENDED) {
        handlers.closed(reason);
        return;
      }
      handlers.closed(null);
      setTimeout(() => this.listen(handlers), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    });
  }
}
