// GET /metrics by HTTP/1.1, and nothing else.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ControlError } from "#contract/errors.ts";
import type { Clock } from "#ports/clock.ts";
import type { Log } from "#ports/log.ts";
import { openToAll, prepareSocketPath } from "../control/socket-file.ts";
import { CONTENT_TYPE, formatOf, type ExpositionFormat } from "./exposition.ts";
import { listenText, type ListenPlace } from "./listen-place.ts";

export interface MetricsServerOptions {
  readonly text: (format: ExpositionFormat) => string;
  readonly counters: ScrapeCounters;
  readonly clock: Clock;
  readonly log: Log;
  /** A connection lives so long at most, however slowly it is written to or read from. */
  readonly deadlineMs?: number;
}

export interface ScrapeCounters {
  scrapes: number;
  refused: number;
}

const DEADLINE_MS = 10_000;
const MAX_CONNECTIONS = 16;
const MAX_HEADER = 8 << 10;
/** Who asks more often is given the same text again. */
const KEPT_MS = 1_000;

/** What a browser on this computer calls it, any port: the far end of a tunnel (ssh -L) may have another one. */
const OWN_HOST = /^(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])(?::\d{1,5})?$/i;

export class MetricsServer {
  readonly #options: MetricsServerOptions;
  readonly #place: ListenPlace;
  readonly #server: Server;
  readonly #kept = new Map<ExpositionFormat, { readonly at: number; readonly text: string }>();

  private constructor(place: ListenPlace, options: MetricsServerOptions) {
    this.#options = options;
    this.#place = place;
    this.#server = createServer({ maxHeaderSize: MAX_HEADER, keepAlive: false }, (request, response) =>
      this.#answer(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on("drop", () => options.counters.refused++);
    this.#server.on("connection", (socket: Socket) => {
      const timer = setTimeout(() => {
        options.counters.refused++;
        socket.destroy();
      }, options.deadlineMs ?? DEADLINE_MS);
      socket.once("close", () => clearTimeout(timer));
    });
    this.#server.on("clientError", (_error, socket) => {
      options.counters.refused++;
      socket.destroy();
    });
  }

  /** Throws ControlError where nobody can listen there. */
  static async open(place: ListenPlace, options: MetricsServerOptions): Promise<MetricsServer> {
    const opened = new MetricsServer(place, options);
    try {
      if (place.kind === "unix") await prepareSocketPath(place.path);
      await opened.#listen();
    } catch (error) {
      throw cannotListen(place, error);
    }
    return opened;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #listen(): Promise<void> {
    const place = this.#place;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      const ready = (): void => {
        this.#server.off("error", reject);
        // Such as no more descriptors: the one connection is lost, and the next may be had.
        this.#server.on("error", () => this.#options.counters.refused++);
        resolve();
      };
      if (place.kind === "unix") {
        this.#server.listen({ path: place.path }, () => {
          openToAll(place.path); // as the control socket, by which anybody may ask for the same
          ready();
        });
      } else {
        const { host, port } = place;
        this.#server.listen({ host, port, exclusive: true, ipv6Only: host === "::1" }, ready);
      }
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // The connection ends with the answer: what else was sent on it is not read.
    response.setHeader("connection", "close");
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader("cross-origin-resource-policy", "same-origin");
    response.setHeader("cache-control", "no-store");
    const { method, url, headers } = request;
    if (this.#place.kind === "tcp" && !OWN_HOST.test(headers.host ?? ""))
      return this.#refuse(response, 421, "This is not the name of this server.");
    if (url?.split("?", 1)[0] !== "/metrics") return this.#refuse(response, 404, "There is /metrics alone.");
    if (method !== "GET") {
      response.setHeader("allow", "GET");
      return this.#refuse(response, 405, "It is asked for by GET.");
    }
    if (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0)
      return this.#refuse(response, 413, "Nothing is to be sent along.");
    const format = formatOf(headers.accept);
    let text: string;
    try {
      text = this.#text(format);
    } catch (error) {
      this.#options.log.write("error", "the metrics could not be written", { error: String(error) });
      return this.#refuse(response, 500, "The figures could not be had; castaway logs says why.");
    }
    this.#options.counters.scrapes++;
    response.writeHead(200, { "content-type": CONTENT_TYPE[format] }).end(text);
  }

  #text(format: ExpositionFormat): string {
    const now = this.#options.clock.now();
    const kept = this.#kept.get(format);
    if (kept && now - kept.at < KEPT_MS) return kept.text;
    const text = this.#options.text(format);
    this.#kept.set(format, { at: now, text });
    return text;
  }

  #refuse(response: ServerResponse, status: number, sentence: string): void {
    this.#options.counters.refused++;
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${sentence}\n`);
  }
}

function cannotListen(place: ListenPlace, error: unknown): ControlError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const where = listenText(place);
  if (code === "EADDRINUSE" || code === "already-running")
    return new ControlError(
      "conflict",
      `another program listens on ${where}`,
      "Choose another place: castaway metrics on --listen 127.0.0.1:9470",
    );
  if (error instanceof ControlError) return new ControlError(error.code, error.message, null);
  return new ControlError("conflict", `nothing can listen on ${where}: ${String(code ?? error)}`);
}
