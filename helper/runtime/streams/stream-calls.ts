import type { Session } from "#protocol/session/session.ts";
import type { StreamTarget } from "#protocol/session/session-types.ts";
import type { Core } from "../core.ts";
import type { Transport } from "../transport.ts";

/** The streams that one session wants opened, while they are being opened. */
export class StreamCalls {
  readonly #transport: Transport;
  readonly #core: Core;
  readonly #session: Session;
  readonly #calls = new Map<number, AbortController>();

  constructor(transport: Transport, core: Core, session: Session) {
    this.#transport = transport;
    this.#core = core;
    this.#session = session;
  }

  open(call: number, target: StreamTarget): void {
    const controller = new AbortController();
    this.#calls.set(call, controller);
    const { clock, log } = this.#core;
    this.#transport.openStream(target, controller.signal).then(
      (endpoint) => {
        this.#calls.delete(call);
        if (controller.signal.aborted) this.#transport.closeStream(endpoint.stream!);
        else this.#session.handleStreamOpened(call, endpoint, clock.now());
        this.#core.turn();
      },
      (error: unknown) => {
        const given = this.#calls.delete(call) && !controller.signal.aborted;
        if (!given) return;
        const reason = error instanceof Error ? error.message : String(error);
        log.write("debug", "a stream could not be opened", { ...target, reason });
        this.#session.handleStreamFailed(call, clock.now());
        this.#core.turn();
      },
    );
  }

  abandon(call: number): void {
    this.#calls.get(call)?.abort(new Error("not needed any more"));
    this.#calls.delete(call);
  }
}
