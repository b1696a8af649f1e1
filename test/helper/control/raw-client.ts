import { createConnection, type Socket } from "node:net";
import { LineReader } from "#contract/line-reader.ts";
import { decodeServerMessage, type ServerMessage } from "#contract/messages.ts";

/** Bytes on the control socket, without the manners of the real client. */
export interface RawClient {
  readonly socket: Socket;
  /** The next message; undefined when the daemon has closed the connection. */
  next(): Promise<ServerMessage | undefined>;
  send(text: string | Uint8Array): void;
  close(): void;
}

export function rawClient(path: string): RawClient {
  const socket = createConnection(path);
  const reader = new LineReader(64 * 1_048_576);
  const messages: (ServerMessage | undefined)[] = [];
  const waiting: ((message: ServerMessage | undefined) => void)[] = [];
  const deliver = (message: ServerMessage | undefined): void => {
    const waiter = waiting.shift();
    if (waiter) waiter(message);
    else messages.push(message);
  };
  let over = false;
  socket.on("data", (chunk) => {
    for (const line of reader.push(chunk as Buffer)) {
      const message = decodeServerMessage(line);
      if (!message) throw new Error(`not a message: ${line.slice(0, 200)}`);
      deliver(message);
    }
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    over = true;
    for (const waiter of waiting.splice(0)) waiter(undefined);
  });
  return {
    socket,
    next: () => {
      if (messages.length > 0) return Promise.resolve(messages.shift());
      if (over) return Promise.resolve(undefined);
      return new Promise((resolve) => waiting.push(resolve));
    },
    send: (text) => void socket.write(text),
    close: () => socket.destroy(),
  };
}
