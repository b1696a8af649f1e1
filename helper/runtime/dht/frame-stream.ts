import type { Endpoint } from "#ports/endpoint.ts";

/** A byte stream of the fast path whose far end is held by another part of this process. */
export interface FrameStream {
  readonly endpoint: Endpoint;
  /** A frame from the peer. Dropped where the fast path does not keep up. */
  write(frame: Uint8Array): void;
  /** Safe to repeat. */
  close(): void;
}

export interface FrameStreamHandlers {
  /** A frame to the peer. */
  frame(frame: Uint8Array): void;
  /** The fast path or its owner has ended it. Not after `close`. */
  closed(): void;
}

/** `remote`: where it leads, for people. undefined: no room for another. */
export type OpenFrameStream = (remote: Endpoint, handlers: FrameStreamHandlers) => FrameStream | undefined;
