// Electron's end: what the preload script exposes.
import type { PreloadApi } from "#main/contract/preload-api.ts";
import type { Channel, ChannelHandlers } from "./bridge.ts";

export class ElectronChannel implements Channel {
  readonly #api: PreloadApi;

  constructor(api: PreloadApi) {
    this.#api = api;
  }

  send(text: string): void {
    this.#api.send(text);
  }

  listen(handlers: ChannelHandlers): void {
    this.#api.onMessage(handlers.message);
    handlers.opened();
  }
}
