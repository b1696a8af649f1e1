import type { StreamSockets } from "#ports/stream-sockets.ts";

/** A network in which nobody takes a connection. */
export const NO_STREAMS: StreamSockets = {
  listen: (port) => ({ port, close: () => {} }),
  connect: () => Promise.reject(new Error("connect: ECONNREFUSED")),
  onceReadable: () => ({ close: () => {} }),
  peek: () => undefined,
  pair: () => {
    throw new Error("there are no streams here");
  },
  close: () => {},
};
