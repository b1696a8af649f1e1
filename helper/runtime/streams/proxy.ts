// HTTP CONNECT (RFC 9110 section 9.3.6): which proxy, and the few lines that are said to it.
import type { Duplex } from "node:stream";
import type { ReachSettings } from "../store/reach-settings.ts";

/** A proxy's answer is not longer: status line and headers. */
export const MAX_ANSWER = 8 * 1024;

export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** Of the header Proxy-Authorization: a secret. */
  readonly authorization?: string;
}

export class ProxyError extends Error {
  override name = "ProxyError";
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy for connections to others. Undefined: there is none. Throws ProxyError where it cannot be understood. */
export function chooseProxy(setting: ReachSettings["proxy"], environment: Environment): Proxy | undefined {
  if (setting === "off") return undefined;
  if (setting !== "auto") return setting;
  const text = environment["https_proxy"] || environment["HTTPS_PROXY"];
  if (!text) return undefined;
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  // What is wrong with it is not said word by word: it may hold a password.
  if (!url || url.hostname === "") throw new ProxyError("https_proxy is no address of a proxy");
  if (url.protocol !== "http:")
    throw new ProxyError(
      `https_proxy names a proxy of the kind ${url.protocol}, of which http: alone is known`,
    );
  const { username, password } = url;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port) || 80,
    ...(username !== "" && { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` }),
  };
}

/** Is the host one to be reached without the proxy? Names and their subdomains, addresses, or "*". */
export function withoutProxy(host: string, environment: Environment): boolean {
  const list = environment["no_proxy"] || environment["NO_PROXY"] || "";
  return list
    .split(",")
    .map((entry) =>
      entry
        .trim()
        .toLowerCase()
        .replace(/^\*?\./, ""),
    )
    .some((entry) => entry === "*" || (entry !== "" && (host === entry || host.endsWith(`.${entry}`))));
}

/** Has the proxy connect us to `host`. Rejects with ProxyError where it does not, or its answer is none. */
export function connectThrough(socket: Duplex, proxy: Proxy, host: string, port: number): Promise<void> {
  const to = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const lines = [
    `CONNECT ${to} HTTP/1.1`,
    `Host: ${to}`,
    ...(proxy.authorization ? [`Proxy-Authorization: ${proxy.authorization}`] : []),
  ];
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const done = (error?: ProxyError): void => {
      socket.off("data", heard).off("end", ended).off("error", failed).off("close", ended);
      socket.pause();
      if (error) reject(error);
      else resolve();
    };
    const heard = (bytes: Buffer): void => {
      answer = Buffer.concat([answer, bytes]);
      const end = answer.indexOf("\r\n\r\n");
      if (end < 0) {
        if (answer.length > MAX_ANSWER) done(new ProxyError("the proxy's answer does not end"));
        return;
      }
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer.subarray(0, 16).toString("latin1"))?.[1];
      if (status === undefined) return done(new ProxyError("the proxy does not answer in HTTP"));
      if (!status.startsWith("2")) return done(new ProxyError(`the proxy refuses: status ${status}`));
      done(); // first: what is put back would be heard again
      if (answer.length > end + 4) socket.unshift(answer.subarray(end + 4));
    };
    const ended = (): void => done(new ProxyError("the proxy hung up"));
    const failed = (error: Error): void => done(new ProxyError(`the proxy: ${error.message}`));
    socket.on("data", heard).on("end", ended).on("error", failed).on("close", ended);
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  });
}
