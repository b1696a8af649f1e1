// Frames in WebSocket messages in TLS, for networks that let nothing else pass. The messages' borders mean nothing: what
// is in them is the same byte stream as in TCP, which reaches the fast path by a pair of sockets.
import { createServer, type IncomingMessage, type Server } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect, createSecureContext, TLSSocket, type SecureContext } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import type { Endpoint } from "#ports/endpoint.ts";
import type { StreamSocket, StreamSockets } from "#ports/stream-sockets.ts";
import type { Certificate } from "./certificate.ts";
import type { Stranger } from "./incoming.ts";
import type { Streams } from "./streams.ts";

const MAX_MESSAGE = 64 * 1024;
/** What waits in the library before we stop to take more: beyond it the fast path's queue fills, which drops. */
const WAITING_BYTES = 128 * 1024;
const LAST_WORDS_MS = 1_000;
const MAX_HEADER = 4 * 1024;
const ALPN = ["http/1.1"];
const OPTIONS = { perMessageDeflate: false, maxPayload: MAX_MESSAGE, skipUTF8Validation: true } as const;

export interface WebSocketParts {
  readonly sockets: StreamSockets;
  readonly streams: Streams;
}

/** A socket of Node's on a connected descriptor, which is its from now on. */
export function nodeSocket(fd: number): Socket {
  return new Socket({ fd, readable: true, writable: true });
}

/** The serving side: whoever connects is somebody else's guest until a frame in it has opened. */
export class WebSocketHost {
  readonly #parts: WebSocketParts;
  readonly #context: SecureContext;
  readonly #http: Server;
  readonly #strangers = new WeakMap<Duplex, Stranger>();
  readonly #server = new WebSocketServer({ ...OPTIONS, noServer: true, clientTracking: false });

  constructor(certificate: Certificate, parts: WebSocketParts) {
    this.#parts = parts;
    this.#context = createSecureContext({ ...certificate, minVersion: "TLSv1.2" });
    this.#http = createServer({ maxHeaderSize: MAX_HEADER }, (_request, response) => {
      response.writeHead(404, { connection: "close" }).end();
    });
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  take(stranger: Stranger): void {
    const raw = nodeSocket(stranger.socket.fd);
    const secure = new TLSSocket(raw, {
      isServer: true,
      secureContext: this.#context,
      ALPNProtocols: ALPN,
    });
    const gone = (): void => {
      raw.destroy();
      stranger.gone();
    };
    raw.on("error", gone);
    secure.on("error", gone).on("close", gone);
    stranger.endBy(() => raw.destroy());
    this.#strangers.set(secure, stranger);
    this.#http.emit("connection", secure);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const stranger = this.#strangers.get(socket);
    if (!stranger) return void socket.destroy();
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const bridge = bridgeTo(webSocket, stranger.socket.remote, this.#parts, {
        authenticated: () => stranger.accepted(),
        ended: () => stranger.gone(),
      });
      stranger.endBy(() => this.#parts.streams.remove(bridge.stream!));
    });
  }
}

/** The calling side, on a connection to the host or through a proxy. Rejects where no WebSocket comes of it. */
export async function callWebSocket(
  raw: Socket,
  host: string,
  remote: Endpoint,
  parts: WebSocketParts,
  signal: AbortSignal,
): Promise<Endpoint> {
  const isName = !/^[\d.]+$|:/.test(host);
  // The certificate says nothing to us: who is at the other end is proved by the handshake inside.
  const secure = connect({
    socket: raw,
    rejectUnauthorized: false,
    ALPNProtocols: ALPN,
    minVersion: "TLSv1.2",
    ...(isName && { servername: host }),
  });
  const authority = host.includes(":") ? `[${host}]` : host;
  const webSocket = new WebSocket(`ws://${authority}/`, { ...OPTIONS, createConnection: () => secure });
  const abort = (): void => webSocket.terminate();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      webSocket.on("open", resolve).on("error", reject);
      webSocket.on("close", () => reject(new Error("the connection was closed")));
      secure.on("error", reject);
      if (signal.aborted) abort();
    });
    signal.throwIfAborted();
    return bridgeTo(webSocket, remote, parts, {});
  } catch (error) {
    webSocket.terminate();
    raw.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function bridgeTo(
  webSocket: WebSocket,
  remote: Endpoint,
  { sockets, streams }: WebSocketParts,
  told: { readonly authenticated?: () => void; readonly ended?: () => void },
): Endpoint {
  const [near, far] = sockets.pair();
  const local = nodeSocket(far);
  const socket: StreamSocket = { fd: near, remote };
  const endpoint = streams.adopt({
    ...socket,
    kind: "tls",
    ...(told.authenticated && { authenticated: told.authenticated }),
    ended: () => {
      // What was written before the end, a goodbye perhaps, is still to be read from our half of the pair.
      setTimeout(() => {
        webSocket.terminate();
        local.destroy();
      }, LAST_WORDS_MS).unref();
      told.ended?.();
    },
  });
  local.on("data", (bytes) => {
    webSocket.send(bytes, { binary: true }, () => {
      if (webSocket.bufferedAmount < WAITING_BYTES / 2) local.resume();
    });
    if (webSocket.bufferedAmount > WAITING_BYTES) local.pause();
  });
  local.on("drain", () => webSocket.resume());
  local.on("error", () => webSocket.terminate()).on("close", () => webSocket.close(1000));
  webSocket.on("message", (data: Buffer, binary: boolean) => {
    if (!binary) webSocket.terminate();
    else if (!local.write(data)) webSocket.pause();
  });
  webSocket.on("error", () => webSocket.terminate()).on("close", () => local.destroy());
  return endpoint;
}
