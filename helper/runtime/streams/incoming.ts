import type { Clock } from "#ports/clock.ts";
import type { Log } from "#ports/log.ts";
import type { StreamListener, StreamSocket, StreamSockets } from "#ports/stream-sockets.ts";
import { StrangerStreams } from "#protocol/reach/stranger-streams.ts";
import { INITIATION_LENGTH, MAX_INITIATION_LENGTH } from "#wire/frame-handshake.ts";
import type { Scheduler, Timed } from "../scheduler.ts";
import type { Streams } from "./streams.ts";

/** The first byte of a TLS handshake record. Frames begin with the length of an initiation, below 1,024. */
const TLS_HANDSHAKE = 0x16;

/** Somebody who connected: what to do when it has to go. */
export interface Stranger {
  readonly socket: StreamSocket;
  /** It is a member. */
  accepted(): void;
  /** It went by itself. */
  gone(): void;
  /** How to end it, as it changes hands. */
  endBy(end: () => void): void;
}

export interface IncomingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly sockets: StreamSockets;
  readonly streams: Streams;
  readonly scheduler: Scheduler;
  /** Are plain frames taken? */
  readonly plain: () => boolean;
  /** Takes over a connection that speaks TLS; undefined: nobody does. */
  readonly tls: () => ((stranger: Stranger) => void) | undefined;
}

export interface IncomingCounters {
  accepted: number; // connections
  members: number; // that turned out to be a member's
  refused: number; // too many of one address
  evicted: number; // too many in all
  expired: number; // said nothing of use within 10 s
  unknown: number; // began with something that is no frame of ours
}

/** Connections that others open to us, until they have proved to be members'. */
export class Incoming implements Timed {
  readonly counters: IncomingCounters = {
    accepted: 0,
    members: 0,
    refused: 0,
    evicted: 0,
    expired: 0,
    unknown: 0,
  };
  /** By port: why it cannot be listened on, and since when (wall ms). */
  readonly problems = new Map<number, { readonly reason: string; readonly since: number }>();
  readonly #options: IncomingOptions;
  readonly #strangers = new StrangerStreams();
  readonly #ends = new Map<number, () => void>();
  readonly #listeners = new Map<number, StreamListener>();
  #lastId = 0;

  constructor(options: IncomingOptions) {
    this.#options = options;
    options.scheduler.add(this);
  }

  /** From now on on these ports, and on no other. */
  listen(ports: readonly number[]): void {
    for (const [port, listener] of this.#listeners)
      if (!ports.includes(port)) {
        listener.close();
        this.#listeners.delete(port);
      }
    for (const port of this.problems.keys()) if (!ports.includes(port)) this.problems.delete(port);
    for (const port of ports) if (!this.#listeners.has(port)) this.#open(port);
  }

  pollTimeout(): number | undefined {
    return this.#strangers.pollTimeout();
  }

  handleTimeout(now: number): void {
    for (const id of this.#strangers.handleTimeout(now)) {
      this.counters.expired++;
      this.#end(id);
    }
  }

  close(): void {
    this.listen([]);
    for (const id of this.#ends.keys()) this.#end(id);
    this.#options.scheduler.remove(this);
  }

  #open(port: number): void {
    try {
      this.#listeners.set(
        port,
        this.#options.sockets.listen(port, (socket) => this.#accepted(socket)),
      );
      this.problems.delete(port);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.problems.get(port)?.reason === reason) return;
      this.#options.log.write("warn", "no TCP connections are taken", { port, reason });
      this.problems.set(port, { reason, since: this.#options.clock.wall() });
    }
  }

  #accepted(socket: StreamSocket): void {
    const { clock, sockets, scheduler } = this.#options;
    this.counters.accepted++;
    const id = ++this.#lastId;
    const { admitted, evicted } = this.#strangers.admit(id, socket.remote.address, clock.now());
    if (evicted !== undefined) {
      this.counters.evicted++;
      this.#end(evicted);
    }
    if (!admitted) {
      this.counters.refused++;
      return sockets.close(socket.fd);
    }
    scheduler.arm();
    const watch = sockets.onceReadable(socket.fd, () => this.#spoke(id, socket));
    this.#ends.set(id, () => {
      watch.close();
      sockets.close(socket.fd);
    });
  }

  /** The first bytes tell what it speaks. */
  #spoke(id: number, socket: StreamSocket): void {
    const { sockets, streams, plain, tls } = this.#options;
    const first = sockets.peek(socket.fd, 2);
    const takeTls = tls();
    if (first?.[0] === TLS_HANDSHAKE && takeTls) {
      this.#ends.delete(id); // its new owner says how it ends
      return takeTls(this.#stranger(id, socket));
    }
    const length = first?.length === 2 ? first[0]! * 256 + first[1]! : 0;
    if (!plain() || length < INITIATION_LENGTH || length > MAX_INITIATION_LENGTH) {
      this.counters.unknown++;
      this.#strangers.delete(id);
      return this.#end(id);
    }
    const stranger = this.#stranger(id, socket);
    const { stream } = streams.adopt({
      ...socket,
      kind: "tcp",
      authenticated: () => stranger.accepted(),
      ended: () => stranger.gone(),
    });
    stranger.endBy(() => streams.remove(stream!));
  }

  #stranger(id: number, socket: StreamSocket): Stranger {
    return {
      socket,
      accepted: () => {
        this.counters.members++;
        this.#strangers.delete(id);
        this.#ends.delete(id);
      },
      gone: () => {
        this.#strangers.delete(id);
        this.#ends.delete(id);
      },
      endBy: (end) => this.#ends.set(id, end),
    };
  }

  #end(id: number): void {
    const end = this.#ends.get(id);
    this.#ends.delete(id);
    end?.();
  }
}
