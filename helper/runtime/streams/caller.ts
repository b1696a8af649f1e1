import { lookup } from "node:dns/promises";
import type { Endpoint } from "#ports/endpoint.ts";
import type { StreamSocket, StreamSockets } from "#ports/stream-sockets.ts";
import type { StreamTarget } from "#protocol/session/session-types.ts";
import { canonicalAddress } from "#wire/address.ts";
import { connectThrough, ProxyError, type Proxy } from "./proxy.ts";
import type { Streams } from "./streams.ts";
import { callWebSocket, nodeSocket } from "./web-socket.ts";

/** A connection that does not stand by then leads nowhere. */
const CONNECT_MS = 8_000;

export interface CallerOptions {
  readonly sockets: StreamSockets;
  readonly streams: Streams;
  /** The proxy in use. Throws ProxyError where what is set cannot be understood. */
  readonly proxy: () => Proxy | undefined;
}

/** Opens streams to others. */
export class StreamCaller {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** Rejects where it cannot be opened, or was given up. */
  async open(target: StreamTarget, signal: AbortSignal): Promise<Endpoint> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]);
    const { host, port, proxied } = target;
    const proxy = proxied ? this.#options.proxy() : undefined;
    if (proxied && !proxy) throw new ProxyError("there is no proxy any more");
    const socket = await this.#connect(proxy?.host ?? host, proxy?.port ?? port, limited);
    if (target.kind === "tcp") return this.#options.streams.adopt({ ...socket, kind: "tcp" });
    const raw = nodeSocket(socket.fd);
    const abort = (): void => void raw.destroy();
    limited.addEventListener("abort", abort, { once: true });
    try {
      if (proxy) await connectThrough(raw, proxy, host, port);
      // By way of a proxy the far end's address is not known; what people see is where they asked to go.
      const remote = proxy
        ? { address: canonicalAddress(host) ?? socket.remote.address, port }
        : socket.remote;
      return await callWebSocket(raw, host, remote, this.#options, limited);
    } catch (error) {
      raw.destroy();
      throw error;
    } finally {
      limited.removeEventListener("abort", abort);
    }
  }

  async #connect(host: string, port: number, signal: AbortSignal): Promise<StreamSocket> {
    const address = canonicalAddress(host) ?? canonicalAddress((await lookup(host)).address)!;
    return this.#options.sockets.connect({ address, port }, signal);
  }
}
