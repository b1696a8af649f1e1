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
interface PollHandle {
  start(callback: PollCallback): void;
  close(): void;
  ref(): void;
  unref(): void;
}
const poll = koffi.node.poll as unknown as (fd: number, callback: PollCallback) => PollHandle | null;

/**
 * Calls `readable` while `fd` has something to read or an error to report. Level triggered: read until EAGAIN, or be
 * called again; an error must be read away (recv returns it) or the watch closed. An exception in `readable` is an
 * uncaught exception of the process.
 */
export function watchReadable(fd: number, readable: () => void): Watch {
  const ready: PollCallback = (status) => {
    try {
      readable();
    } catch (error) {
      // koffi's native caller would swallow it.
      process.nextTick(() => {
        throw error;
      });
    }
    // libuv stops watching a descriptor that has an error (POLLERR), such as a netlink socket that overflowed.
    if (status < 0 && running.has(handle)) handle.start(ready);
  };
  const opened = poll(fd, ready);
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
