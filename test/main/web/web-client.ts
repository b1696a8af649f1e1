// A web shell with made-up files, and the browsers and others that come to it: plain HTTP with every header by hand, and
// WebSockets.
import { request, type IncomingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import { AppCore } from "#main/app/app-core.ts";
import { ShellCalls } from "#main/helper-link/shell-calls.ts";
import { HelperLink } from "#main/helper-link/helper-link.ts";
import { filesIn, type StaticFiles } from "#main/web/static-files.ts";
import { WebServer, type WebServerParts } from "#main/web/web-server.ts";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { fakeState } from "../../support/app/fake-state.ts";

export const PAGE = `<!doctype html><title>Castaway</title>${"<p>made up</p>".repeat(50)}`;
export const SCRIPT = "export const made = 'up';\n".repeat(50);

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class TestWebShell {
  readonly core = new AppCore(fakeState());
  readonly server: WebServer;
  readonly folder = mkdtempSync(join(tmpdir(), "castaway-web-"));
  idle = false;
  port = 0;
  readonly #sockets: WebSocket[] = [];

  constructor(changes: Partial<WebServerParts> = {}) {
    const refuse = (): Promise<never> => Promise.reject(new Error("not in this test"));
    const link = new HelperLink({
      core: this.core,
      connect: refuse,
      facts: async () => ({ installed: null, active: null }),
      manages: false,
      user: "anna",
    });
    const calls = new ShellCalls({
      core: this.core,
      link,
      saveSettings: async () => {},
      actOnService: refuse,
      play: refuse,
      saveReport: refuse,
    });
    this.server = new WebServer({
      calls,
      files: this.#files(),
      idleMs: 60_000,
      uids: undefined,
      onIdle: () => (this.idle = true),
      ...changes,
    });
  }

  async start(): Promise<this> {
    this.port = await this.server.listen(0);
    return this;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.terminate();
    this.server.close("the test is over");
    rmSync(this.folder, { recursive: true, force: true });
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Of a new link. */
  token(): string {
    return new URL(this.server.link()).searchParams.get("token")!;
  }

  /** One request, with these headers and no others. */
  get(
    path: string,
    headers: Record<string, string> = {},
    method = "GET",
    address = "127.0.0.1",
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const all = { host: this.host, ...headers };
      const sent = request(
        { host: address, port: this.port, path, method, headers: all, agent: false },
        (answer) => {
          const pieces: Buffer[] = [];
          answer.on("data", (piece: Buffer) => pieces.push(piece));
          answer.on("end", () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(pieces) }),
          );
        },
      );
      sent.on("error", reject);
      sent.end();
    });
  }

  /** The cookie of a new session, as a header's value. */
  async signIn(): Promise<string> {
    const { headers } = await this.get(`/?token=${this.token()}`);
    return headers["set-cookie"]![0]!.split(";")[0]!;
  }

  socket(headers: Record<string, string>, path = "/socket"): TestSocket {
    const all = { origin: `http://${this.host}`, ...headers };
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}${path}`, { headers: all });
    this.#sockets.push(socket);
    return new TestSocket(socket);
  }

  /** Plain TCP, which says nothing by itself. */
  raw(): Socket {
    return connect(this.port, "127.0.0.1").on("error", () => {});
  }

  #files(): StaticFiles {
    mkdirSync(join(this.folder, "assets"));
    writeFileSync(join(this.folder, "index.html"), PAGE);
    writeFileSync(join(this.folder, "assets/index-abc.js"), SCRIPT);
    writeFileSync(join(this.folder, "assets/picture.png"), new Uint8Array(2_000));
    return filesIn(this.folder);
  }
}

export class TestSocket {
  readonly socket: WebSocket;
  readonly messages: unknown[] = [];
  /** Rejects with what the server answered instead: "Unexpected server response: 403". */
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  #waiting: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    this.opened.catch(() => {});
    socket.on("error", () => {});
    this.closed = new Promise((resolve) =>
      socket.once("close", (code, reason) => resolve({ code, reason: String(reason) })),
    );
    socket.on("message", (data) => {
      this.messages.push(JSON.parse(String(data)));
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  ask(id: number, call: string, params: object = {}): void {
    this.socket.send(JSON.stringify({ id, call, params }));
  }

  /** The first message that fits, past or future. */
  async message<T = Record<string, unknown>>(fits: (message: T) => boolean): Promise<T> {
    for (;;) {
      const found = (this.messages as T[]).find(fits);
      if (found) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}
