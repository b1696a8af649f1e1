// A typed client of the daemon's control socket, for the CLI, the desktop app and tests.
import { createConnection } from "node:net";
import { ControlClient } from "./control-client.ts";
import { CLIENT_IS_OLDER, ControlError, DAEMON_IS_OLDER } from "./errors.ts";
import { LineReader } from "./line-reader.ts";
import { decodeServerMessage, MAX_LINE_BYTES, PROTOCOL_VERSION, type ServerMessage } from "./messages.ts";
import { checkSocketOwner, openError } from "./socket-trust.ts";

const HELLO_DEADLINE_MS = 3_000;

export interface ConnectOptions {
  /** Off only where the caller made the socket itself, as tests do. */
  readonly checkOwner?: boolean;
  readonly helloDeadlineMs?: number;
}

/** Connects and reads the daemon's Hello. Rejects with a ControlError that says what to do. */
export async function connect(path: string, options: ConnectOptions = {}): Promise<ControlClient> {
  if (options.checkOwner ?? true) checkSocketOwner(path);
  const socket = createConnection(path);
  const reader = new LineReader(MAX_LINE_BYTES);
  return new Promise((resolve, reject) => {
    let client: ControlClient | undefined;
    const fail = (error: ControlError): void => {
      clearTimeout(timer);
      socket.destroy();
      if (client) client.end(error);
      else reject(error);
    };
    const timer = setTimeout(
      () =>
        fail(
          new ControlError(
            "timeout",
            "the daemon does not say hello",
            "See what it does: journalctl -u castaway",
          ),
        ),
      options.helloDeadlineMs ?? HELLO_DEADLINE_MS,
    );
    socket.on("error", (error) => fail(openError(path, error)));
    socket.on("close", () => fail(new ControlError("disconnected", "the daemon closed the connection")));
    socket.on("data", (chunk) => {
      if (typeof chunk === "string") return; // never: no encoding is set
      for (const line of reader.push(chunk)) {
        const message = decodeServerMessage(line);
        if (client) {
          if (!message) return fail(new ControlError("internal", "the daemon sent a malformed message"));
          client.receive(message);
          continue;
        }
        const refused = helloError(message);
        if (refused || message?.type !== "hello") return fail(refused ?? NOT_CASTAWAY);
        clearTimeout(timer);
        client = new ControlClient(socket, message);
        resolve(client);
      }
      if (reader.broken) fail(new ControlError("internal", "the daemon sent a line beyond the limit"));
    });
  });
}

const NOT_CASTAWAY = new ControlError("untrusted-socket", "what listens there is not a castaway daemon");

function helloError(message: ServerMessage | undefined): ControlError | undefined {
  if (message?.type === "response" && !message.ok)
    return new ControlError(message.error.code, message.error.message, message.error.remedy);
  if (message?.type !== "hello") return NOT_CASTAWAY;
  if (message.protocolVersion === PROTOCOL_VERSION) return undefined;
  return new ControlError(
    "version-mismatch",
    `the daemon (${message.buildVersion}) speaks control protocol ${message.protocolVersion}, this program ${PROTOCOL_VERSION}`,
    message.protocolVersion > PROTOCOL_VERSION ? CLIENT_IS_OLDER : DAEMON_IS_OLDER,
  );
}
