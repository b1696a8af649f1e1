// The web shell's server: loopback alone, static files from memory, one WebSocket a tab. Whoever has no session gets a
// sentence and nothing else.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { ShellCalls } from "#main/helper-link/shell-calls.ts";
import { Access, type Session } from "./access.ts";
import { plainPage, SECURITY_HEADERS } from "./headers.ts";
import { cookieValue, isForeignFetch, isOwnHost, isOwnOrigin } from "./origin-check.ts";
import { peerUid } from "./peer-uid.ts";
import { encodingFor, type StaticFiles } from "./static-files.ts";
import { WebSockets } from "./web-sockets.ts";

export interface WebServerParts {
  readonly calls: ShellCalls;
  readonly files: StaticFiles;
  /** 0: it never ends by itself. */
  readonly idleMs: number;
  /** Users whose programs may connect; undefined: the system does not say who connects. */
  readonly uids: ReadonlySet<number> | undefined;
  /** Nobody used it for too long. */
  readonly onIdle: () => void;
  /** Monotonic ms. */
  readonly now?: () => number;
}

/** All connections, with a session or without. The oldest without one goes first. */
const MAX_CONNECTIONS = 128;
const CHECK_MS = 1_000;
const HEADERS_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;
const MAX_HEADER_BYTES = 8_192;

export class WebServer {
  readonly #parts: WebServerParts;
  readonly #now: () => number;
  readonly #access: Access;
  readonly #sockets: WebSockets;
  readonly #servers: Server[] = [];
  /** With whether they have shown a session. */
  readonly #connections = new Map<Socket, boolean>();
  #port = 0;
  #check: NodeJS.Timeout | undefined;

  constructor(parts: WebServerParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
    this.#access = new Access(parts.idleMs);
    this.#sockets = new WebSockets(parts.calls, (session) => this.#access.touch(session, this.#now()));
  }

  /** On 127.0.0.1, and on ::1 where there is one. Rejects with the error of listen(2). Returns the port. */
  async listen(port: number): Promise<number> {
    const first = this.#create();
    await listenOn(first, "127.0.0.1", port).catch((error: unknown) => {
      this.#servers.pop();
      throw error;
    });
    this.#port = (first.address() as AddressInfo).port;
    const second = this.#create();
    await listenOn(second, "::1", this.#port).catch(() => this.#servers.pop());
    this.#check = setInterval(() => this.check(), CHECK_MS);
    return this.#port;
  }

  /** A link that opens one session. */
  link(): string {
    return `http://127.0.0.1:${this.#port}/?token=${this.#access.issue(this.#now())}`;
  }

  /** What time alone brings about: pages that do not answer, sessions that nobody uses. Called each second. */
  check(): void {
    const now = this.#now();
    this.#sockets.heartbeat(now);
    if (!this.#access.expire(now)) this.#parts.onIdle();
  }

  close(reason: string): void {
    clearInterval(this.#check);
    this.#access.endAll(reason);
    for (const server of this.#servers) {
      server.close();
      server.closeIdleConnections();
    }
    // A moment for the last words on the WebSockets; what does not leave by itself is shown out.
    setTimeout(() => {
      for (const socket of this.#connections.keys()) socket.destroy();
    }, 500).unref();
  }

  #create(): Server {
    const server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_MS,
        requestTimeout: HEADERS_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: CHECK_MS,
      },
      (request, response) => this.#answer(request, response),
    );
    server.on("connection", (socket) => this.#admit(socket));
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket as Socket, head));
    server.on("clientError", (_error, socket) => socket.destroy());
    this.#servers.push(server);
    return server;
  }

  #admit(socket: Socket): void {
    this.#connections.set(socket, false);
    socket.once("close", () => this.#connections.delete(socket));
    if (this.#connections.size <= MAX_CONNECTIONS) return;
    const stranger = [...this.#connections].find(([, known]) => !known)?.[0];
    (stranger ?? socket).destroy();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    const { host } = request.headers;
    if (!isOwnHost(host)) return refuse(response, 421, "This is not the name of this server.");
    if (hasBody(request)) return refuse(response, 413, "Nothing is taken here.");
    if (request.method !== "GET" && request.method !== "HEAD")
      return refuse(response, 405, "There are pages to get here, and nothing else.");
    const { "sec-fetch-site": site, "sec-fetch-mode": mode } = request.headers;
    if (isForeignFetch(site as string | undefined, mode as string | undefined))
      return refuse(response, 403, "Another site's page asked for this.");
    const [path = "", query] = (request.url ?? "").split("?", 2);
    const token = path === "/" ? new URLSearchParams(query ?? "").get("token") : null;
    if (token !== null) return this.#redeem(token, request, response);
    if (!this.#sessionOf(request)) {
      // Whoever clicked the link on another site's page: SameSite keeps the new cookie back on the way here, and lets
      // this page of ours have it.
      const again = path === "/" && mode === "navigate" && site === "cross-site";
      return refuse(response, 403, NO_SESSION, again ? { Refresh: "0" } : {});
    }
    this.#serve(path, request, response);
  }

  /** The address without the token follows at once, so that it stays in no history and no bookmark. */
  #redeem(token: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.method === "GET" && this.#access.knows(token)) {
      if (!this.#isTrusted(request.socket)) return refuse(response, 403, WRONG_USER);
      const cookie = this.#access.redeem(token, this.#now());
      if (cookie !== undefined)
        response.setHeader("Set-Cookie", `${this.#cookieName}=${cookie}; Path=/; HttpOnly; SameSite=Strict`);
    } else if (!this.#sessionOf(request)) return refuse(response, 403, USED_UP);
    response.writeHead(303, { Location: "/", "Cache-Control": "no-store" }).end();
  }

  #serve(path: string, request: IncomingMessage, response: ServerResponse): void {
    const file = this.#parts.files.get(path);
    if (!file) return refuse(response, 404, "There is nothing of that name.");
    const encoding = encodingFor(file, request.headers["accept-encoding"] as string | undefined);
    const etag = `"${file.etag}-${encoding}"`;
    response.setHeader("ETag", etag);
    response.setHeader("Vary", "Accept-Encoding");
    response.setHeader("Cache-Control", file.immutable ? "private, max-age=31536000, immutable" : "no-cache");
    if (request.headers["if-none-match"] === etag) return void response.writeHead(304).end();
    const bytes = file.encoded(encoding);
    response.setHeader("Content-Type", file.type);
    if (encoding !== "identity") response.setHeader("Content-Encoding", encoding);
    response.writeHead(200, { "Content-Length": bytes.length });
    response.end(request.method === "HEAD" ? undefined : bytes);
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { host, origin } = request.headers;
    if (!isOwnHost(host) || !isOwnOrigin(origin, host)) return hangUp(socket, 403);
    if (request.url !== "/socket") return hangUp(socket, 404);
    this.#sockets.open(request, socket, head, this.#sessionOf(request));
  }

  #sessionOf(request: IncomingMessage): Session | undefined {
    const session = this.#access.session(cookieValue(request.headers.cookie, this.#cookieName));
    if (!session || !this.#isTrusted(request.socket)) return undefined;
    this.#access.touch(session, this.#now());
    return session;
  }

  /** Asked once a connection, and of those alone that have shown a secret. */
  #isTrusted(socket: Socket): boolean {
    if (this.#connections.get(socket)) return true;
    const { uids } = this.#parts;
    const uid = uids && peerUid(socket);
    if (uids && uid !== undefined && !uids.has(uid)) return false;
    this.#connections.set(socket, true);
    return true;
  }

  /** Cookies know no ports: two web shells of one computer must not overwrite each other's. */
  get #cookieName(): string {
    return `castaway_${this.#port}`;
  }
}

const NO_SESSION = "This page needs a link with a token: run castaway web, and open the link that it prints.";
const USED_UP = "This link was used already, or is too old. Run castaway web again for a new one.";
const WRONG_USER = "Castaway was started by another user of this computer.";

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function refuse(
  response: ServerResponse,
  status: number,
  sentence: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const page = plainPage(sentence);
  response.writeHead(status, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": Buffer.byteLength(page),
    "Cache-Control": "no-store",
    Connection: "close",
    ...headers,
    ...(status === 405 && { Allow: "GET, HEAD" }),
  });
  response.end(page);
}

function hangUp(socket: Socket, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true, ipv6Only: host === "::1" }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
