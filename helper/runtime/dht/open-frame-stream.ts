import { Socket } from "node:net";
import type { StreamSockets } from "#ports/stream-sockets.ts";
import { FrameReader } from "#wire/frame-stream.ts";
import type { Streams } from "../streams/streams.ts";
import type { OpenFrameStream } from "./frame-stream.ts";
import { OutQueue } from "./out-queue.ts";

/** Streams whose far end is this thread: one end of a pair goes to the fast path, the other is read and written here. */
export function frameStreams(
  sockets: StreamSockets,
  streams: Streams,
  by: string,
  most: number,
): OpenFrameStream {
  let open = 0;
  return (remote, { frame, closed }) => {
    if (open >= most) return undefined;
    const [theirs, ours] = sockets.pair();
    let over = false;
    const end = (): boolean => {
      if (over) return false;
      over = true;
      open--;
      socket.destroy();
      return true;
    };
    const endpoint = streams.adopt({
      fd: theirs,
      remote,
      kind: "relayed",
      by,
      ended: () => {
        if (end()) closed();
      },
    });
    const socket = new Socket({ fd: ours, readable: true, writable: true });
    open++;
    const queue = new OutQueue(socket);
    const reader = new FrameReader(frame);
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      if (end()) {
        streams.remove(endpoint.stream!);
        closed();
      }
    });
    return {
      endpoint,
      write: (bytes) => {
        if (over) return;
        const item = new Uint8Array(2 + bytes.length);
        item[0] = bytes.length >> 8;
        item[1] = bytes.length & 0xff;
        item.set(bytes, 2);
        queue.send(item);
      },
      close: () => {
        if (end()) streams.remove(endpoint.stream!);
      },
    };
  };
}
