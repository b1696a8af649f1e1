import type { Endpoint } from "#ports/endpoint.ts";
import type { FastPath, FastPathEvent } from "#ports/fast-path.ts";
import type { StreamSocket } from "#ports/stream-sockets.ts";
import type { PathKind, PathKinds } from "../reach/path-kinds.ts";

/** Streams of one peer that it has proved to be at: the one in use, and the one that it comes from or goes to. */
const MAX_OF_PEER = 2;

export interface Adopted extends StreamSocket {
  readonly kind: PathKind;
  /** Who relays, where somebody does. */
  readonly by?: string;
  /** It was used by no peer yet, and counts among nobody's: what others send is bounded by whoever accepted it. */
  readonly authenticated?: () => void;
  /** It is over, and its descriptor closed. 0: by its own end, or ours; otherwise why. */
  readonly ended?: (errno: number) => void;
}

export interface StreamsOptions {
  readonly fastPath: FastPath;
  readonly paths: PathKinds;
  readonly close: (fd: number) => void;
  /** A stream ended that a session may go by. */
  readonly closed: (stream: number) => void;
}

interface Held extends Adopted {
  readonly endpoint: Endpoint;
  vif: number | undefined;
}

type StreamEvent = Extract<
  FastPathEvent,
  { type: "stream-authenticated" | "stream-closed" | "stream-removed" }
>;

/** All byte streams that carry frames, whoever opened them. */
export class Streams {
  readonly #options: StreamsOptions;
  readonly #held = new Map<number, Held>();
  /** Told to let go of, and not let go of yet. */
  readonly #leaving = new Map<number, Held>();
  #last = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size;
  }

  /**
   * A stream that carries frames, each behind a u16 length: TCP, or one end of a pair whose other end is fed by
   * anybody. The descriptor is non-blocking and ours from now on. The endpoint is a candidate like any other.
   */
  adopt(socket: Adopted): Endpoint {
    const stream = ++this.#last;
    const endpoint = { address: socket.remote.address, port: socket.remote.port, stream };
    this.#held.set(stream, { ...socket, endpoint, vif: undefined });
    this.#options.paths.note(endpoint, socket.kind, socket.by);
    this.#options.fastPath.send({ type: "stream-add", stream, fd: socket.fd, remote: socket.remote });
    return endpoint;
  }

  /** Closes it, after what was sent to it. */
  remove(stream: number): void {
    const held = this.#held.get(stream);
    if (!held) return;
    this.#held.delete(stream);
    this.#leaving.set(stream, held);
    this.#options.fastPath.send({ type: "stream-remove", stream });
  }

  /** The peer is known no more: nobody keeps its streams open. */
  vifRemoved(vif: number): void {
    for (const [stream, held] of this.#held) if (held.vif === vif) this.remove(stream);
  }

  /** A frame that is no data frame. */
  send(stream: number, data: Uint8Array): void {
    if (this.#held.has(stream)) this.#options.fastPath.send({ type: "stream-send", stream, data });
  }

  handle(event: StreamEvent): void {
    switch (event.type) {
      case "stream-authenticated":
        return this.#authenticated(event.stream, event.vif);
      case "stream-closed": {
        const held = this.#held.get(event.stream) ?? this.#leaving.get(event.stream);
        this.#held.delete(event.stream);
        this.#leaving.delete(event.stream);
        if (held) this.#end(held, event.errno);
        return;
      }
      case "stream-removed": {
        const held = this.#leaving.get(event.stream);
        this.#leaving.delete(event.stream);
        if (held) this.#end(held, 0);
      }
    }
  }

  /** The fast path has ended: nothing holds any descriptor. */
  releaseAll(): void {
    const all = [...this.#held.values(), ...this.#leaving.values()];
    this.#held.clear();
    this.#leaving.clear();
    for (const held of all) this.#end(held, 0);
  }

  #authenticated(stream: number, vif: number): void {
    const held = this.#held.get(stream);
    if (!held) return;
    held.vif = vif;
    held.authenticated?.();
    // Whoever opens one stream after the other leaves the older ones behind.
    const others = [...this.#held].filter(([, other]) => other.vif === vif).map(([number]) => number);
    for (const number of others.slice(0, Math.max(0, others.length - MAX_OF_PEER))) this.remove(number);
  }

  #end(held: Held, errno: number): void {
    this.#options.close(held.fd);
    this.#options.paths.forget(held.endpoint);
    held.ended?.(errno);
    this.#options.closed(held.endpoint.stream!);
  }
}
