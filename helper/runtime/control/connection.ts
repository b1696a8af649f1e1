// One client of the control socket: requests in, answers, events and log lines out, all of it bounded.
import type { Socket } from "node:net";
import * as v from "valibot";
import { ControlError, type ErrorBody } from "#contract/errors.ts";
import { LineReader } from "#contract/line-reader.ts";
import {
  decodeRequest,
  encodeLine,
  MAX_LINE_BYTES,
  type Request,
  type ServerMessage,
} from "#contract/messages.ts";
import { isMethod, METHODS } from "#contract/methods.ts";
import type { LogLine } from "#contract/snapshot.ts";

/** Beyond this, events and log lines are dropped for this client; it resyncs when it has read again. */
export const EVENT_BACKLOG_BYTES = 2 * MAX_LINE_BYTES;
/** Beyond this, it asks more than it reads: it is cut off. */
export const ANSWER_BACKLOG_BYTES = 8 * MAX_LINE_BYTES;
const MAX_CALLS_UNDER_WAY = 16;

export interface ConnectionHost {
  /** Answers a call, or throws. */
  readonly answer: (connection: Connection, request: Request) => Promise<unknown>;
  readonly closed: (connection: Connection) => void;
  /** How long a client that reads nothing is kept, ms. */
  readonly stallMs: number;
}

export class Connection {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #reader = new LineReader(MAX_LINE_BYTES);
  #underWay = 0;
  #lagging = false;
  #stall: NodeJS.Timeout | undefined;
  #watching = false;
  /** `held`: lines that were written while the answer, which goes first, is on its way. */
  #follow: { readonly id: number; held: LogLine[] | undefined } | undefined;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    socket.on("data", (chunk) => typeof chunk === "string" || this.#read(chunk));
    socket.on("error", () => socket.destroy()); // EPIPE, ECONNRESET: the client left
    socket.on("close", () => {
      clearTimeout(this.#stall);
      host.closed(this);
    });
    socket.on("drain", () => this.#caughtUp());
  }

  send(message: ServerMessage): void {
    this.#write(encodeLine(message));
  }

  startWatching(): void {
    this.#watching = true;
  }

  /** An encoded event, to a client that watches. */
  event(line: string): void {
    if (this.#watching) this.#writeUnlessBehind(line);
  }

  log(line: LogLine): void {
    const follow = this.#follow;
    if (!follow) return;
    if (follow.held) follow.held.push(line);
    else this.#writeUnlessBehind(encodeLine({ type: "log", id: follow.id, line }));
  }

  /** A last message. It does not wait for the other side to close too. */
  end(message: ServerMessage): void {
    this.#socket.end(encodeLine(message), () => this.#socket.destroy());
    this.#startStallTimer();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Uint8Array): void {
    for (const line of this.#reader.push(chunk)) {
      if (this.#socket.destroyed) return;
      const request = decodeRequest(line);
      if (!request) return this.#hangUp("that line is not a request of this protocol");
      void this.#call(request);
    }
    if (this.#reader.broken) this.#hangUp(`a request is longer than ${MAX_LINE_BYTES} bytes`);
  }

  async #call(request: Request): Promise<void> {
    const { id } = request;
    if (this.#underWay >= MAX_CALLS_UNDER_WAY)
      return this.send(
        failure(id, new ControlError("busy", "too many calls at once on this connection").body()),
      );
    this.#underWay++;
    try {
      if (!isMethod(request.method))
        throw new ControlError(
          "unknown-method",
          `this daemon knows no "${request.method}"`,
          "Are both of one release?",
        );
      const following = request.method === "logs" && request.params["follow"] === true;
      const follow = following ? { id, held: [] as LogLine[] | undefined } : undefined;
      if (follow) this.#follow = follow;
      const result = await this.#host.answer(this, request);
      this.send({ type: "response", id, ok: true, result });
      if (follow) this.#release(follow, lastLine(result));
    } catch (error) {
      if (this.#follow?.id === id) this.#follow = undefined;
      const known =
        error instanceof ControlError
          ? error
          : new ControlError("internal", "the daemon failed at it; see castaway logs");
      this.send(failure(id, known.body()));
    } finally {
      this.#underWay--;
    }
  }

  #release(follow: { held: LogLine[] | undefined }, answered: number): void {
    const held = follow.held ?? [];
    follow.held = undefined;
    for (const line of held) if (line.number > answered) this.log(line);
  }

  /** The framing is lost, or this is no client of ours. */
  #hangUp(why: string): void {
    this.#socket.pause();
    this.end(failure(0, new ControlError("bad-request", why).body()));
  }

  #write(line: string): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#socket.write(line);
    if (this.#socket.writableLength > ANSWER_BACKLOG_BYTES) this.#socket.destroy();
    else if (this.#socket.writableLength > EVENT_BACKLOG_BYTES) this.#startStallTimer();
  }

  #writeUnlessBehind(line: string): void {
    if (this.#lagging) return;
    if (this.#socket.writableLength > EVENT_BACKLOG_BYTES) {
      this.#lagging = true;
      this.#startStallTimer();
    } else this.#write(line);
  }

  #startStallTimer(): void {
    this.#stall ??= setTimeout(() => this.#socket.destroy(), this.#host.stallMs);
    this.#stall.unref();
  }

  #caughtUp(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
    if (!this.#lagging) return;
    this.#lagging = false;
    if (this.#watching) this.send({ type: "resync" });
  }
}

function lastLine(result: unknown): number {
  return v.parse(METHODS.logs.result, result).lines.at(-1)?.number ?? 0;
}

function failure(id: number, error: ErrorBody): ServerMessage {
  return { type: "response", id, ok: false, error };
}
