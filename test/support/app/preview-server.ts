// The interface from its sources, with a shell that has no daemon behind it.
import { realpathSync } from "node:fs";
import { createServer, type ViteDevServer } from "vite";
import { WebSocketServer } from "ws";
import type { FakeShell } from "./fake-shell.ts";

/** On loopback; port 0: any that is free. */
export async function startPreview(shell: FakeShell, port: number): Promise<ViteDevServer> {
  const server = await createServer({
    configFile: "vite.config.ts",
    logLevel: "warn",
    server: {
      port,
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
  return server.listen();
}
