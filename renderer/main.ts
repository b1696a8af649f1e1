import type { PreloadApi } from "#main/contract/preload-api.ts";
import { mount } from "svelte";
import "./styles/tokens.css";
import "./styles/base.css";
import App from "./App.svelte";
import { ElectronChannel } from "./api/electron-channel.ts";
import { ShellClient } from "./api/shell-client.ts";
import { WebChannel } from "./api/web-channel.ts";
import { AppModel } from "./state/app-state.svelte.ts";

declare global {
  interface Window {
    readonly castaway?: PreloadApi;
  }
}

const channel = window.castaway ? new ElectronChannel(window.castaway) : new WebChannel(window.location);
const target = document.getElementById("app");
if (!target) throw new Error("the page has no #app");
mount(App, { target, props: { model: new AppModel(new ShellClient(channel)) } });
