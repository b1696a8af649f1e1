// TCP connections as descriptors, for the fast path to read and write. Node's own sockets keep theirs.
import type { Endpoint } from "#ports/endpoint.ts";
import type { StreamListener, StreamSocket, StreamSockets } from "#ports/stream-sockets.ts";
import { addressText } from "#wire/address.ts";
import {
  AF_INET6,
  AF_UNIX,
  EAGAIN,
  EINPROGRESS,
  EINTR,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  MSG_DONTWAIT,
  MSG_PEEK,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_REUSEADDR,
  SO_SNDBUF,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
  TCP_NOTSENT_LOWAT,
  TCP_USER_TIMEOUT,
} from "./constants.ts";
import {
  accept4,
  bind,
  close,
  connect,
  getsockname,
  listen,
  recv,
  setsockopt,
  socket,
  socketpair,
} from "./libc.ts";
import { markAsOwn } from "./own-mark.ts";
import { decodeSocketAddress, SOCKADDR_IN6_LENGTH, socketAddress } from "./sockaddr.ts";
import { getOption, setOption } from "./socket-options.ts";
import { checked, errno, SystemError } from "./system-error.ts";
import { watchReadable, watchWritable } from "./watch-descriptor.ts";

const BACKLOG = 64;
/** Connections taken in one turn: others want theirs too. */
const ACCEPT_AT_ONCE = 16;
const REST_MS = 100;
/** What the kernel may hold unsent: more would only be late. */
const UNSENT_BYTES = 64 * 1024;
/** A far end that is gone is noticed within 10 s, whether something is sent to it or not. */
const KEEPALIVE_IDLE_S = 3;
const KEEPALIVE_INTERVAL_S = 2;
const KEEPALIVE_COUNT = 2;
const UNANSWERED_MS = 6_000;

export const linuxStreamSockets: StreamSockets = {
  listen: listenStreams,
  connect: connectStream,
  onceReadable: (fd, readable) => {
    const watch = watchReadable(fd, () => {
      watch.close();
      readable();
    });
    return watch;
  },
  peek: peekStream,
  pair: streamPair,
  close: (fd) => void close(fd),
};

function listenStreams(port: number, accepted: (socket: StreamSocket) => void): StreamListener {
  const fd = checked("TCP socket", socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  try {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
    setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY");
    markAsOwn(fd); // answers to strangers too, before anything is accepted
    const any = socketAddress("::", port);
    checked(`bind TCP port ${port}`, bind(fd, any, any.length));
    checked("listen", listen(fd, BACKLOG));
    const bound = Buffer.alloc(SOCKADDR_IN6_LENGTH);
    checked("getsockname", getsockname(fd, bound, lengthOf(bound)));
    return { port: decodeSocketAddress(bound).port, close: acceptAll(fd, accepted) };
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Returns what ends it. */
function acceptAll(fd: number, accepted: (socket: StreamSocket) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let watch = watchReadable(fd, accept);
  function accept(): void {
    for (let n = 0; n < ACCEPT_AT_ONCE; n++) {
      const one = acceptStream(fd);
      if (one) accepted(one);
      else if (errno() === EAGAIN) return;
      else return rest();
    }
  }
  // Out of descriptors, for example: the connection stays in the queue, and would wake us for ever.
  function rest(): void {
    watch.close();
    timer = setTimeout(() => {
      timer = undefined;
      watch = watchReadable(fd, accept);
    }, REST_MS);
  }
  return () => {
    clearTimeout(timer);
    if (timer === undefined) watch.close();
    close(fd);
  };
}

/** Undefined: errno tells why. */
function acceptStream(listener: number): StreamSocket | undefined {
  const address = Buffer.alloc(SOCKADDR_IN6_LENGTH);
  const fd = accept4(listener, address, lengthOf(address), SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return undefined;
  tune(fd);
  return { fd, remote: endpointOf(address) };
}

function connectStream(to: Endpoint, abort: AbortSignal): Promise<StreamSocket> {
  return new Promise((resolve, reject) => {
    abort.throwIfAborted();
    const fd = checked("TCP socket", socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    tune(fd);
    const fail = (error: unknown): void => {
      close(fd);
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const address = socketAddress(mapped(to.address), to.port);
    const failed = connect(fd, address, address.length) < 0 ? errno() : 0;
    if (failed !== 0 && failed !== EINPROGRESS) return fail(new SystemError("connect", failed));
    const aborted = (): void => {
      watch.close();
      fail(abort.reason);
    };
    const watch = watchWritable(fd, () => {
      watch.close();
      abort.removeEventListener("abort", aborted);
      const error = getOption(fd, SOL_SOCKET, SO_ERROR, "SO_ERROR");
      if (error === 0) resolve({ fd, remote: { address: to.address, port: to.port } });
      else fail(new SystemError("connect", error));
    });
    abort.addEventListener("abort", aborted, { once: true });
  });
}

function peekStream(fd: number, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  const got = recv(fd, bytes, length, MSG_PEEK | MSG_DONTWAIT);
  if (got >= 0) return bytes.subarray(0, got);
  const error = errno();
  return error === EAGAIN || error === EINTR ? undefined : new Uint8Array(0);
}

function streamPair(): readonly [number, number] {
  const fds = new Int32Array(2);
  checked("socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
  for (const fd of fds) setOption(fd, SOL_SOCKET, SO_SNDBUF, UNSENT_BYTES, "SO_SNDBUF");
  return [fds[0]!, fds[1]!];
}

/** A frame is never held back, and a far end that is gone is noticed. Kernels without one of these do without it. */
function tune(fd: number): void {
  markAsOwn(fd);
  for (const [level, option, value] of [
    [SOL_SOCKET, SO_KEEPALIVE, 1],
    [IPPROTO_TCP, TCP_NODELAY, 1],
    [IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S],
    [IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S],
    [IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT],
    [IPPROTO_TCP, TCP_USER_TIMEOUT, UNANSWERED_MS],
    [IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES],
  ] as const) {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    setsockopt(fd, level, option, bytes, 4);
  }
}

function lengthOf(address: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  return length;
}

function mapped(address: string): string {
  return address.includes(":") ? address : `::ffff:${address}`;
}

function endpointOf(sockaddr: Buffer): Endpoint {
  const { address, port } = decodeSocketAddress(sockaddr);
  const bytes = sockaddr.subarray(8, 24);
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes.readUInt16BE(10) === 0xffff;
  return { address: isMapped ? addressText(bytes.subarray(12)) : address, port };
}
