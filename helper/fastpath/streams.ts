// The byte streams there are: places for their memory, and what the slow path says of them.
import { ENOBUFS } from "#edge/linux/constants.ts";
import type { FastPathCommand } from "#ports/fast-path.ts";
import { MAX_VIFS } from "#protocol/forwarding/route-table.ts";
import { MAX_STREAM_FRAME } from "#wire/frame.ts";
import type { Ingress } from "./ingress.ts";
import { MessageHeaders } from "./message-headers.ts";
import { writeEndpoint } from "./peer.ts";
import { Cells, cellBytes } from "./stream-queue.ts";
import { GATHER, Stream, type StreamParts } from "./stream.ts";
import type { StreamSender } from "./stream-sender.ts";
import type { Vifs } from "./vif.ts";

/** As many as peers, and some that nobody knows yet. */
export const MAX_STREAMS = MAX_VIFS + 64;
const REMOTE_SPACE = 64;
const REST_SPACE = MAX_STREAM_FRAME + 64;
/** What the streams need of the arena, the sender's room included. */
export const STREAM_MEMORY = cellBytes(MAX_STREAMS) + MAX_STREAMS * (REMOTE_SPACE + REST_SPACE) + 512 * 1024;

type StreamCommand = Extract<FastPathCommand, { type: "stream-add" | "stream-remove" | "stream-send" }>;

export interface StreamsParts extends Omit<StreamParts, "cells" | "headers" | "closed" | "interest"> {
  readonly sender: StreamSender;
  readonly vifs: Vifs;
  readonly emit: (
    event:
      | { type: "stream-closed"; stream: number; errno: number }
      | { type: "stream-removed"; stream: number },
  ) => void;
  /** An ingress more, or one less. */
  readonly opened: (ingress: Ingress) => void;
  readonly ended: (ingress: Ingress) => void;
}

export class Streams {
  /** Which streams want to write has changed: the loop looks. */
  interestChanged = false;
  readonly #p: StreamsParts;
  readonly #parts: StreamParts;
  readonly #byNumber = new Map<number, Stream>();
  readonly #memory: number;
  readonly #places: number[] = [];

  constructor(parts: StreamsParts) {
    const { arena } = parts;
    this.#p = parts;
    this.#memory = arena.reserve(MAX_STREAMS * (REMOTE_SPACE + REST_SPACE));
    this.#parts = {
      ...parts,
      cells: new Cells(arena, MAX_STREAMS),
      headers: new MessageHeaders(arena, 1, GATHER, 0),
      closed: (stream, errno) => {
        if (!this.#end(stream)) return;
        parts.emit({ type: "stream-closed", stream: stream.number, errno });
      },
      interest: () => {
        this.interestChanged = true;
      },
    };
    for (let place = MAX_STREAMS - 1; place >= 0; place--) this.#places.push(place);
  }

  get(number: number): Stream | undefined {
    return this.#byNumber.get(number);
  }

  handle(command: StreamCommand, now: number): void {
    switch (command.type) {
      case "stream-add":
        return this.#add(command);
      case "stream-remove": {
        const stream = this.#byNumber.get(command.stream);
        if (stream) this.#end(stream);
        this.#p.emit({ type: "stream-removed", stream: command.stream });
        return;
      }
      case "stream-send":
        this.#send(command.stream, command.data, now);
    }
  }

  /** The loop's word that its descriptor is none. */
  failed(stream: Stream, errno: number): void {
    this.#parts.closed(stream, errno);
  }

  #add({ stream: number, fd, remote }: Extract<StreamCommand, { type: "stream-add" }>): void {
    const place = this.#places.pop();
    if (place === undefined) return this.#p.emit({ type: "stream-closed", stream: number, errno: ENOBUFS });
    const at = this.#memory + place * (REMOTE_SPACE + REST_SPACE);
    writeEndpoint(this.#p.arena, at, remote);
    const stream = new Stream(number, fd, { place, remote: at, rest: at + REMOTE_SPACE }, this.#parts);
    this.#byNumber.set(number, stream);
    this.#p.opened(stream);
  }

  #send(number: number, data: Uint8Array, now: number): void {
    const stream = this.#byNumber.get(number);
    if (!stream) return; // it ended before the command came
    if (data.length === 0 || data.length > MAX_STREAM_FRAME)
      throw new RangeError(`a frame of ${data.length} bytes does not go into a stream`);
    const { sender, arena } = this.#p;
    arena.u8.set(data, sender.reserve(stream, stream.row, data.length, true, now));
    sender.flush(now);
  }

  /** False where it has ended already. */
  #end(stream: Stream): boolean {
    if (!this.#byNumber.delete(stream.number)) return false;
    stream.close();
    this.#places.push(stream.slot.place);
    for (const { peer } of this.#p.vifs.values()) peer?.streamEnded(stream);
    this.#p.ended(stream);
    return true;
  }
}
