import type { Endpoint } from "#ports/endpoint.ts";
import type { StreamSockets } from "#ports/stream-sockets.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { streamTargets, TLS_PORT } from "#protocol/reach/stream-targets.ts";
import type { StreamTarget } from "#protocol/session/session-types.ts";
import type { Core } from "../core.ts";
import type { PathKinds } from "../reach/path-kinds.ts";
import type { ReachSettings } from "../store/reach-settings.ts";
import { StreamCaller } from "./caller.ts";
import { makeCertificate } from "./certificate.ts";
import { Incoming } from "./incoming.ts";
import { chooseProxy, withoutProxy, type Proxy } from "./proxy.ts";
import { Streams } from "./streams.ts";
import { WebSocketHost } from "./web-socket.ts";

export interface StreamingOptions {
  readonly core: Core;
  readonly sockets: StreamSockets;
  readonly paths: PathKinds;
  /** The transport's: the same number serves UDP and TCP. */
  readonly port: number;
  readonly machineKey: Uint8Array;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly settings: () => ReachSettings;
  readonly hosting: () => boolean;
  /** A stream ended that a session may go by. */
  readonly closed: (stream: number) => void;
}

/** What there is beside UDP: streams that others open to us, streams that we open, and those that are handed to us. */
export class Streaming {
  readonly streams: Streams;
  readonly incoming: Incoming;
  readonly caller: StreamCaller;
  readonly #options: StreamingOptions;
  #tls: WebSocketHost | undefined;
  #complaint = "";

  constructor(options: StreamingOptions) {
    this.#options = options;
    const { core, sockets, paths, closed, settings } = options;
    this.streams = new Streams({
      fastPath: core.fastPath,
      paths,
      close: (fd) => sockets.close(fd),
      closed,
    });
    this.incoming = new Incoming({
      clock: core.clock,
      log: core.log,
      sockets,
      streams: this.streams,
      scheduler: core.scheduler,
      plain: () => settings().tcp,
      tls: () => {
        const host = settings().tls ? this.#tlsHost() : undefined;
        return host && ((stranger) => host.take(stranger));
      },
    });
    this.caller = new StreamCaller({ sockets, streams: this.streams, proxy: () => this.#proxy() });
  }

  targets(candidates: readonly Candidate[], endpoints: readonly Endpoint[]): StreamTarget[] {
    const { settings, environment } = this.#options;
    let proxy: Proxy | undefined;
    try {
      proxy = this.#proxy();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== this.#complaint)
        this.#options.core.log.write("warn", "the proxy cannot be used", { reason });
      this.#complaint = reason;
    }
    const proxied = candidates.filter(({ host }) => !withoutProxy(host, environment));
    return streamTargets({ candidates: proxied, endpoints, tcp: settings().tcp, proxy: proxy !== undefined });
  }

  /** Settings, or whether this computer hosts, may have changed. */
  refresh(): void {
    const { settings, hosting, port } = this.#options;
    const { tcp, tls } = settings();
    // TLS is told from frames by its first byte, so that a router may lead port 443 to the transport's.
    const ports = [...(tcp || tls ? [port] : []), ...(tls ? [TLS_PORT] : [])];
    this.incoming.listen(hosting() ? [...new Set(ports)] : []);
  }

  /** Takes no more connections, and none that nobody knows. */
  close(): void {
    this.incoming.close();
  }

  /** The fast path has ended: nothing holds any descriptor. */
  releaseAll(): void {
    this.streams.releaseAll();
  }

  #proxy(): Proxy | undefined {
    return chooseProxy(this.#options.settings().proxy, this.#options.environment);
  }

  #tlsHost(): WebSocketHost {
    const { machineKey, sockets } = this.#options;
    return (this.#tls ??= new WebSocketHost(makeCertificate(machineKey), { sockets, streams: this.streams }));
  }
}
