// Loaded before the built main process (node --import): gives it the stand-in where it asks for Electron, and tells what
// came of it.
import { registerHooks } from "node:module";
import { electronStandIn } from "#test/support/app/electron-stand-in.ts";

const stage = electronStandIn(process.env["CASTAWAY_TEST_FOLDER"]);
// electron-store wants the whole of Electron's app and finds what it needs here.
Object.assign(globalThis, { electronStandIn: stage.parts });
registerHooks({
  resolve: (name, context, next) =>
    name === "electron"
      ? { url: "data:text/javascript,export default globalThis.electronStandIn", shortCircuit: true }
      : next(name, context),
});

stage.app.ready();
const timer = setInterval(() => {
  const away = stage.trays[0]?.image.includes("attention");
  if (!away || stage.windows.length === 0) return;
  clearInterval(timer);
  const response = stage.protocol.handlers.get("app")?.({
    method: "GET",
    url: "app://castaway/index.html",
  } as Request);
  void Promise.resolve(response).then((page) => {
    const labels = stage.trays[0]?.labels;
    process.stdout.write(`${JSON.stringify({ labels, url: stage.windows[0]?.url, status: page?.status })}\n`);
    stage.app.emit("will-quit");
  });
}, 20);
