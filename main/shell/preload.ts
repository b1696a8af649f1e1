// Runs in the sandboxed page before its own code, in a world of its own: lets text through and nothing else.
// `npm run build:main` makes a CommonJS file of it, because a sandboxed preload script cannot be a module.
import { contextBridge, ipcRenderer } from "electron";
import type { PreloadApi } from "#main/contract/preload-api.ts";
import { CHANNEL } from "./channel.ts";

let receive: (text: string) => void = () => {};
ipcRenderer.on(CHANNEL, (_event, text: unknown) => {
  if (typeof text === "string") receive(text);
});

const api: PreloadApi = {
  send: (text) => ipcRenderer.send(CHANNEL, String(text)),
  onMessage: (handler) => {
    receive = handler;
  },
};
contextBridge.exposeInMainWorld("castaway", api);
