// The WebSockets of the web shell: each is one renderer's session, bounded in number, in what it says and in what it
// leaves unread.
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { MAX_REQUEST_CHARACTERS } from "#main/contract/messages.ts";
import { RendererSession } from "#main/helper-link/renderer-session.ts";
import type { ShellCalls } from "#main/helper-link/shell-calls.ts";
import { type WebSocket, WebSocketServer } from "ws";
import type { Session } from "./access.ts";
import { acceptedLanguages } from "./languages.ts";

/** Close codes (RFC 6455, 7.4.2): our own for a session that is over, so that the page does not try again. */
const SESSION_ENDED = 4401;
const TRY_AGAIN_LATER = 1013;
const MAX_SOCKETS = 32;
/** UTF-8 has four bytes a character at most. */
const MAX_MESSAGE_BYTES = 4 * MAX_REQUEST_CHARACTERS;
const PING_MS = 30_000;
/** RFC 6455, 5.5: what is left of 125 bytes behind the code. */
const MAX_REASON_BYTES = 123;

const NO_SESSION = "This page's session is over. Run castaway web again, and open the link that it prints.";

export class WebSockets {
  readonly #calls: ShellCalls;
  readonly #touch: (session: Session) => void;
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  /** With whether they have answered the last ping. */
  readonly #open = new Map<WebSocket, boolean>();
  #pingedAt = 0;

  constructor(calls: ShellCalls, touch: (session: Session) => void) {
    this.#calls = calls;
    this.#touch = touch;
  }

  /** `session` undefined: it is told that there is none, in a way that a page can read. */
  open(request: IncomingMessage, socket: Socket, head: Buffer, session: Session | undefined): void {
    this.#server.handleUpgrade(request, socket, head, (client) => {
      client.on("error", () => client.terminate()); // too large, or not a WebSocket's frames
      if (!session) client.close(SESSION_ENDED, NO_SESSION);
      else if (this.#open.size >= MAX_SOCKETS) client.close(TRY_AGAIN_LATER, "Too many pages are open.");
      else this.#attach(client, session, acceptedLanguages(request.headers["accept-language"]));
    });
  }

  /** Ends what does not answer any more: its computer sleeps, or its tunnel broke. */
  heartbeat(now: number): void {
    if (now - this.#pingedAt < PING_MS) return;
    this.#pingedAt = now;
    for (const [client, answered] of this.#open) {
      if (!answered) client.terminate();
      else {
        this.#open.set(client, false);
        client.ping();
      }
    }
  }

  #attach(client: WebSocket, access: Session, languages: string[]): void {
    const end = (reason: string): void => client.close(SESSION_ENDED, shortened(reason));
    const session = new RendererSession({
      calls: this.#calls,
      send: (text) => client.send(text, () => session.drained()),
      end,
      unread: () => client.bufferedAmount,
      ...(languages.length > 0 && { shell: { languages } }),
    });
    this.#open.set(client, true);
    access.onEnd.add(end);
    client.on("pong", () => this.#open.set(client, true));
    client.on("message", (data, isBinary) => {
      this.#touch(access);
      session.receive(isBinary ? "" : String(data));
    });
    client.on("close", () => {
      session.close();
      access.onEnd.delete(end);
      this.#open.delete(client);
    });
  }
}

function shortened(reason: string): string {
  const bytes = new Uint8Array(MAX_REASON_BYTES);
  const { read } = new TextEncoder().encodeInto(reason, bytes);
  return reason.slice(0, read);
}
