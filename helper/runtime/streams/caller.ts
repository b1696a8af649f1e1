import { lookup } from "node:dns/promises";
import type { Endpoint } from "#ports/endpoint.ts";
import type { StreamSocket, StreamSockets } from "#ports/stream-sockets.ts";
import type { StreamTarget } from "#protocol/session/session-types.ts";
import { canonicalAddress } from "#wire/address.ts";
import type { Streams } from "./streams.ts";

/** A connection that does not stand by then leads nowhere. */
const CONNECT_MS = 8_000;

export interface CallerOptions {
  readonly sockets: StreamSockets;
  readonly streams: Streams;
}

/** Opens streams to others. */
export class StreamCaller {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** Rejects where it cannot be opened, or was given up. */
  async open(target: StreamTarget, signal: AbortSignal): Promise<Endpoint> {
    const { streams } = this.#options;
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]);
    const socket = await this.#connect(target, limited);
    return streams.adopt({ ...socket, kind: "tcp" });
  }

  async #connect({ host, port }: StreamTarget, signal: AbortSignal): Promise<StreamSocket> {
    const address = canonicalAddress(host) ?? canonicalAddress((await lookup(host)).address)!;
    return this.#options.sockets.connect({ address, port }, signal);
  }
}
