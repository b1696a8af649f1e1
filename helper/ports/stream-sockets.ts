import type { Endpoint } from "./endpoint.ts";

/** A connected byte stream: a descriptor, non-blocking, and its far end. */
export interface StreamSocket {
  readonly fd: number;
  readonly remote: Endpoint;
}

export interface StreamListener {
  readonly port: number;
  close(): void;
}

/** TCP as the runtime needs it. Descriptors belong to whoever is handed them. */
export interface StreamSockets {
  /** Calls `accepted` for each connection, non-blocking and tuned. Throws SystemError: EADDRINUSE, EACCES. */
  listen(port: number, accepted: (socket: StreamSocket) => void): StreamListener;
  /** Settles when the connection stands or has failed: rejects with SystemError. `abort` gives it up. */
  connect(to: Endpoint, abort: AbortSignal): Promise<StreamSocket>;
  /** Calls back once something can be read, or the far end has gone. */
  onceReadable(fd: number, readable: () => void): { close(): void };
  /** What could be read, left in the socket: up to `length` bytes; none at its end; undefined where nothing came yet. */
  peek(fd: number, length: number): Uint8Array | undefined;
  /** Two ends of a stream within this computer. */
  pair(): readonly [number, number];
  close(fd: number): void;
}
