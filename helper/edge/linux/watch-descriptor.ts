// Readiness of any descriptor (netlink sockets included) on Node's own event loop, by way of libuv's uv_poll, which
// koffi hands out. No thread, and nothing runs while nothing happens.
import koffi from "koffi";

export interface Watch {
  /** Stops; the descriptor stays open and is the caller's to close, afterwards. */
  close(): void;
  /** Keep the process alive for this watch (the default), or do not. */
  ref(): void;
  unref(): void;
}

// Nothing else refers to a running handle, and the garbage collector closes one that it finds.
const running = new Set<object>();

// koffi's declarations of the callback lack the status argument that its implementation passes first.
type PollCallback = (status: number, events: { readable: boolean }) => void;
interface PollOptions {
  readonly readable?: boolean;
  readonly writable?: boolean;
}
interface PollHandle {
  start(options: PollOptions, callback: PollCallback): void;
  close(): void;
  ref(): void;
  unref(): void;
}
const poll = koffi.node.poll as unknown as (
  fd: number,
  options: PollOptions,
  callback: PollCallback,
) => PollHandle | null;

/**
 * Calls `readable` while `fd` has something to read or an error to report. Level triggered: read until EAGAIN, or be
 * called again; an error must be read away (recv returns it) or the watch closed. An exception in `readable` is an
 * uncaught exception of the process.
 */
export function watchReadable(fd: number, readable: () => void): Watch {
  return watch(fd, { readable: true }, readable);
}

/** The same while `fd` takes bytes: of a socket that is being connected, when that is over, well or not. */
export function watchWritable(fd: number, writable: () => void): Watch {
  return watch(fd, { writable: true }, writable);
}

function watch(fd: number, options: PollOptions, called: () => void): Watch {
  const ready: PollCallback = (status) => {
    try {
      called();
    } catch (error) {
      // koffi's native caller would swallow it.
      process.nextTick(() => {
        throw error;
      });
    }
    // libuv stops watching a descriptor that has an error (POLLERR), such as a netlink socket that overflowed.
    if (status < 0 && running.has(handle)) handle.start(options, ready);
  };
  const opened = poll(fd, options, ready);
  if (!opened) throw new Error(`descriptor ${fd} cannot be watched`);
  const handle = opened;
  running.add(handle);
  return {
    close: () => {
      if (running.delete(handle)) handle.close();
    },
    ref: () => handle.ref(),
    unref: () => handle.unref(),
  };
}
