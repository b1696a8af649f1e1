// The daemon's end of the DHT's process: starts it, checks every word of it, ends it where it misbehaves, and starts
// it again, later each time.
import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { parseEvent, type DhtCommand, type DhtEvent } from "#dht/messages.ts";
import { encodeFrame, encodeMessage, PipeReader, type PipeItem } from "#dht/pipe.ts";
import type { Launcher } from "#edge/linux/launcher.ts";
import type { Clock } from "#ports/clock.ts";
import type { Log } from "#ports/log.ts";
import { TokenBucket } from "#protocol/session/load.ts";
import { DecodeError } from "#wire/cursor.ts";
import type { Timed } from "../scheduler.ts";
import { OutQueue } from "./out-queue.ts";

/** Until it says its first word. */
const START_MS = 20_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 60_000;
/** It misbehaved: no hurry to have it again. */
const OFFENCE_MS = 60_000;
/** It ran for so long: its end is no sign that it will never run. */
const GOOD_RUN_MS = 60_000;
/** Messages a second, and at once. */
const MESSAGE_RATE = 50;
const MESSAGE_BURST = 200;
/** Relayed frames a second: 200 Mbit/s, far more than the process can carry. */
const FRAME_RATE = 20_000;
/** Of what it was sent. */
const MAX_UNREAD = 1_048_576;
/** Connections to our socket that have not proved who they are. */
const MAX_STRANGERS = 4;

export interface DhtCounters {
  starts: number;
  /** It ended, or did not come. */
  losses: number;
  /** Ended by us: for what it sent, or how much. */
  offences: number;
  /** Somebody else connected. */
  strangers: number;
  /** Frames thrown away because the process did not read. */
  framesDropped: number;
}

export interface DhtProcessOptions {
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly log: Log;
  /** Whose socket it is, by the kernel. */
  readonly uidOf: (socket: Socket) => number | undefined;
  /** It is there, and knows nothing yet. */
  readonly ready: () => void;
  readonly event: (event: DhtEvent) => void;
  readonly frame: (call: number, frame: Uint8Array) => void;
  /** It is gone; calls and paths with it. */
  readonly lost: () => void;
  /** Deadlines have changed. */
  readonly due: () => void;
}

export type DhtProcessState = "off" | "starting" | "running" | "waiting";

export class DhtProcess implements Timed {
  readonly counters: DhtCounters = { starts: 0, losses: 0, offences: 0, strangers: 0, framesDropped: 0 };
  readonly #options: DhtProcessOptions;
  #server: Server | undefined;
  #name = "";
  #token = "";
  readonly #strangers = new Set<Socket>();
  #socket: Socket | undefined;
  #queue: OutQueue | undefined;
  #state: DhtProcessState = "off";
  #since = 0;
  #retryMs = FIRST_RETRY_MS;
  #nextAt = 0;

  constructor(options: DhtProcessOptions) {
    this.#options = options;
  }

  get state(): DhtProcessState {
    return this.#state;
  }

  /** Does nothing where it runs already. */
  start(): void {
    if (this.#state !== "off") return;
    this.#name = `castaway-${randomBytes(12).toString("hex")}`;
    const server = createServer((socket) => this.#connected(socket));
    server.maxConnections = MAX_STRANGERS + 1;
    server.on("error", (error) => {
      this.#options.log.write("warn", "no socket for the DHT's process", { error: error.message });
    });
    this.#server = server;
    this.#launchWhen(server);
  }

  stop(): void {
    if (this.#state === "off") return;
    this.#state = "off";
    this.#options.launcher.end();
    this.#hangUp();
    this.#server?.close();
    this.#server = undefined;
  }

  /** Lost where no process is there; it is told everything when it comes. */
  send(command: DhtCommand): void {
    if (this.#state !== "running" || !this.#socket) return;
    this.#socket.write(encodeMessage(command));
    if (this.#socket.writableLength > MAX_UNREAD) this.#offence(this.#socket, "it does not read");
  }

  sendFrame(call: number, frame: Uint8Array): void {
    if (this.#state !== "running" || !this.#queue) return;
    const before = this.#queue.dropped;
    this.#queue.send(encodeFrame(call, frame));
    this.counters.framesDropped += this.#queue.dropped - before;
  }

  pollTimeout(): number | undefined {
    if (this.#state === "starting") return this.#since + START_MS;
    return this.#state === "waiting" ? this.#nextAt : undefined;
  }

  handleTimeout(now: number): void {
    if (this.#state === "starting" && now >= this.#since + START_MS) this.#lost("it did not come");
    else if (this.#state === "waiting" && now >= this.#nextAt) this.#launch();
  }

  #launchWhen(server: Server): void {
    this.#state = "starting";
    this.#since = this.#options.clock.now();
    // An abstract name: nothing in the file system, and gone with us.
    server.listen(`\0${this.#name}`, () => {
      if (this.#server === server) this.#launch();
    });
  }

  #launch(): void {
    this.#state = "starting";
    this.#since = this.#options.clock.now();
    this.#token = randomBytes(32).toString("hex");
    this.counters.starts++;
    this.#options.launcher.start(this.#name, this.#token);
    this.#options.due();
  }

  /** Anybody on this computer can connect: who it is, the kernel and the token tell. */
  #connected(socket: Socket): void {
    const { uidOf, launcher, clock } = this.#options;
    socket.on("error", () => {}); // "close" follows
    if (this.#strangers.size >= MAX_STRANGERS || uidOf(socket) !== launcher.uid) {
      this.counters.strangers++;
      socket.destroy();
      return;
    }
    this.#strangers.add(socket);
    const now = clock.now();
    const reader = new PipeReader();
    const messages = new TokenBucket(MESSAGE_RATE, MESSAGE_BURST, now);
    const frames = new TokenBucket(FRAME_RATE, FRAME_RATE, now);
    socket.on("close", () => {
      this.#strangers.delete(socket);
      if (this.#socket === socket) this.#lost("it ended");
    });
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const item of reader.push(chunk)) {
          const allowed = item.kind === "frame" ? frames : messages;
          if (!allowed.take(clock.now())) return this.#offence(socket, `too many ${item.kind}s`);
          if (!this.#handle(socket, item)) return;
        }
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        this.#offence(socket, error.message);
      }
    });
  }

  /** Returns whether to go on reading. */
  #handle(socket: Socket, item: PipeItem): boolean {
    if (socket.destroyed) return false;
    const known = socket === this.#socket;
    if (item.kind === "frame" && known) {
      this.#options.frame(item.call, item.frame);
      return true;
    }
    const event = item.kind === "message" ? parseEvent(item.text) : undefined;
    if (!event || (event.type === "hello") === known) {
      this.#offence(socket, "it sent what is no message");
      return false;
    }
    if (event.type !== "hello") {
      this.#options.event(event);
      return true;
    }
    if (this.#state !== "starting" || event.token !== this.#token) {
      this.#offence(socket, "it does not know the token");
      return false;
    }
    this.#token = ""; // once
    this.#strangers.delete(socket);
    this.#socket = socket;
    this.#queue = new OutQueue(socket);
    this.#state = "running";
    this.#since = this.#options.clock.now();
    this.#options.ready();
    return true;
  }

  #offence(socket: Socket, what: string): void {
    if (socket !== this.#socket) {
      this.counters.strangers++;
      socket.destroy();
      return;
    }
    this.counters.offences++;
    this.#options.log.write("warn", "the DHT's process was ended", { because: what });
    this.#lost(what, OFFENCE_MS);
  }

  #lost(why: string, least = 0): void {
    if (this.#state === "off" || this.#state === "waiting") return;
    const { launcher, log, clock } = this.#options;
    const now = clock.now();
    if (this.#state === "running" && now - this.#since >= GOOD_RUN_MS) this.#retryMs = FIRST_RETRY_MS;
    const wait = Math.max(least, this.#retryMs);
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
    this.counters.losses++;
    log.write("info", "the DHT's process is gone", { why, again: `${wait} ms` });
    this.#state = "waiting";
    this.#nextAt = now + wait;
    launcher.end();
    this.#hangUp();
    this.#options.lost();
    this.#options.due();
  }

  #hangUp(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#queue = undefined;
    socket?.destroy();
    for (const stranger of this.#strangers) stranger.destroy();
    this.#strangers.clear();
  }
}
