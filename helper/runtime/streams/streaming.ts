import type { Endpoint } from "#ports/endpoint.ts";
import type { StreamSockets } from "#ports/stream-sockets.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { streamTargets } from "#protocol/reach/stream-targets.ts";
import type { StreamTarget } from "#protocol/session/session-types.ts";
import type { Core } from "../core.ts";
import type { PathKinds } from "../reach/path-kinds.ts";
import type { ReachSettings } from "../store/reach-settings.ts";
import { StreamCaller } from "./caller.ts";
import { Incoming } from "./incoming.ts";
import { Streams } from "./streams.ts";

export interface StreamingOptions {
  readonly core: Core;
  readonly sockets: StreamSockets;
  readonly paths: PathKinds;
  /** The transport's: the same number serves UDP and TCP. */
  readonly port: number;
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

  constructor(options: StreamingOptions) {
    this.#options = options;
    const { core, sockets, paths, closed } = options;
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
      tls: () => undefined,
    });
    this.caller = new StreamCaller({ sockets, streams: this.streams });
  }

  targets(candidates: readonly Candidate[], endpoints: readonly Endpoint[]): StreamTarget[] {
    const { tcp } = this.#options.settings();
    return streamTargets({ candidates, endpoints, tcp, proxy: false }).filter(({ kind }) => kind === "tcp");
  }

  /** Settings, or whether this computer hosts, may have changed. */
  refresh(): void {
    const { settings, hosting, port } = this.#options;
    this.incoming.listen(settings().tcp && hosting() ? [port] : []);
  }

  /** Takes no more connections, and none that nobody knows. */
  close(): void {
    this.incoming.close();
  }

  /** The fast path has ended: nothing holds any descriptor. */
  releaseAll(): void {
    this.streams.releaseAll();
  }
}
