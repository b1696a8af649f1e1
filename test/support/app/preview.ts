// `npm run preview`: the interface with made-up networks and streams, reloaded while it is edited. No daemon needed.
import { realpathSync } from "node:fs";
import { createServer } from "vite";
import { WebSocketServer } from "ws";
import { FakeShell } from "./fake-shell.ts";
import { fakeGroup, fakeState } from "./fake-state.ts";

const STEP_MS = 1000;

const shell = new FakeShell(fakeState());
shell.handlers["settings.set"] = (changes) => {
  const settings = { ...shell.state.settings, ...changes };
  shell.change({ settings });
  return settings;
};

const server = await createServer({
  configFile: "vite.config.ts",
  server: {
    port: Number(process.env["PORT"] ?? 5199),
    host: "127.0.0.1",
    fs: { allow: [".", realpathSync("node_modules")] }, // which may be a link
  },
});
const sockets = new WebSocketServer({ noServer: true });
server.httpServer?.on("upgrade", (request, socket, head) => {
  if (request.url !== "/socket") return; // vite's own
  sockets.handleUpgrade(request, socket, head, (client) => {
    const output = (text: string): void => client.send(text);
    const input = shell.attach(output);
    client.on("message", (data) => input(String(data)));
    client.on("close", () => shell.detach(output));
  });
});
await server.listen();
server.printUrls();

setInterval(() => {
  const groups = Array.from({ length: 12 }, (_, index) =>
    fakeGroup(index, { rateBps: 4_000_000 * (1 + index / 3) * (0.8 + 0.4 * Math.random()) }),
  );
  shell.change({ snapshot: { groups } });
}, STEP_MS);
