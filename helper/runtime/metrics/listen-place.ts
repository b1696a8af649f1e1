// Where figures may be handed out: to this computer alone.
import { isIP } from "node:net";
import { dirname, normalize } from "node:path";
import { ControlError } from "#contract/errors.ts";

export type ListenPlace =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Of sockaddr_un, with its zero byte. */
const MAX_SOCKET_PATH = 107;

/**
 * Throws ControlError ("bad-request") for everything but a loopback address with a port, and a socket in the folder of
 * the control socket: whoever drives the daemon must not have it make files elsewhere.
 */
export function parseListenPlace(text: string, controlSocket: string): ListenPlace {
  if (text.startsWith("/")) return { kind: "unix", path: socketPath(text, controlSocket) };
  const [, bracketed, plain, portText] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  const host = (bracketed ?? plain ?? "").toLowerCase();
  if (!(port >= 1 && port <= 65_535))
    throw new ControlError("bad-request", `${text} is no address with a port`, "Such as 127.0.0.1:9469.");
  if (bracketed === undefined && host === "localhost") return { kind: "tcp", host: "127.0.0.1", port };
  if (isIP(host) !== (bracketed === undefined ? 4 : 6) || !isLoopback(host))
    throw new ControlError(
      "bad-request",
      `${text} is no loopback address, and the figures are handed out without a password`,
      "Take one, such as 127.0.0.1:9469, and put a proxy in front that asks who is there.",
    );
  return { kind: "tcp", host: isIP(host) === 6 ? "::1" : host, port };
}

export function listenText(place: ListenPlace): string {
  if (place.kind === "unix") return place.path;
  return `${place.host.includes(":") ? `[${place.host}]` : place.host}:${place.port}`;
}

function isLoopback(host: string): boolean {
  return isIP(host) === 4 ? host.startsWith("127.") : new URL(`http://[${host}]`).hostname === "[::1]";
}

function socketPath(text: string, controlSocket: string): string {
  const path = normalize(text);
  const folder = dirname(controlSocket);
  if (dirname(path) !== folder || path === controlSocket || path === `${folder}/`)
    throw new ControlError(
      "bad-request",
      `the socket is made beside the control socket, in ${folder}, and nowhere else`,
      `Such as ${folder}/metrics.sock.`,
    );
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    throw new ControlError("bad-request", `the path of a socket has ${MAX_SOCKET_PATH} bytes at most`);
  return path;
}
