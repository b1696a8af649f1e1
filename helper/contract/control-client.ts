// One open connection to the daemon: calls with deadlines, a snapshot kept up to date, followed logs.
import type { Socket } from "node:net";
import * as v from "valibot";
import { ControlError } from "./errors.ts";
import { encodeLine, type Hello, type ServerMessage } from "./messages.ts";
import { METHODS, type Method, type Params, type Result } from "./methods.ts";
import type { LogLine, Snapshot, Topic } from "./snapshot.ts";

/** A little over the daemon's own deadline, so that its answer, which says more, comes first. */
const GRACE_MS = 1_000;

/** Why a daemon ends on purpose. */
export type Goodbye = Extract<ServerMessage, { type: "bye" }>["reason"];

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: ControlError) => void;
  readonly timer: NodeJS.Timeout;
}

export class ControlClient {
  readonly hello: Hello;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #logs = new Map<number, (line: LogLine) => void>();
  #nextId = 1;
  #closed: ControlError | undefined;
  #bye: Goodbye | undefined;
  #onClose: ((error: ControlError) => void) | undefined;
  #watch: Watch | undefined;

  constructor(socket: Socket, hello: Hello) {
    this.#socket = socket;
    this.hello = hello;
  }

  /**
   * One call. Rejects with a ControlError: the daemon's, "timeout" after the method's deadline (or `deadlineMs`),
   * "disconnected" where the connection ends before the answer.
   */
  async call<M extends Method>(method: M, params: Params<M>, deadlineMs?: number): Promise<Result<M>> {
    return this.#call(this.#nextId++, method, params, deadlineMs);
  }

  async #call<M extends Method>(
    id: number,
    method: M,
    params: Params<M>,
    deadline?: number,
  ): Promise<Result<M>> {
    if (this.#closed) throw this.#closed;
    const limit = deadline ?? METHODS[method].deadlineMs + GRACE_MS;
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(
          new ControlError(
            "timeout",
            `the daemon did not answer "${method}" within ${limit / 1000} s`,
            "See what it does: castaway logs, or journalctl -u castaway",
          ),
        );
      }, limit);
      this.#pending.set(id, { resolve, reject, timer });
    });
    this.#socket.write(encodeLine({ id, method, params }));
    const parsed = v.safeParse(METHODS[method].result, await answer);
    if (!parsed.success)
      throw new ControlError("internal", `the daemon's answer to "${method}" is malformed`);
    return parsed.output as Result<M>; // the schema of this method: TypeScript cannot follow an indexed generic
  }

  /** The state now and after each change, with the topics that changed. One watch a connection. */
  async watch(handler: (snapshot: Snapshot, changed: readonly Topic[]) => void): Promise<void> {
    this.#watch = { handler, early: [] };
    await this.#resync();
  }

  /** The last `limit` kept log lines to `onLine`, then each new one until the connection closes. */
  async followLogs(limit: number, onLine: (line: LogLine) => void): Promise<void> {
    const id = this.#nextId++;
    const early: LogLine[] = []; // what arrives in one piece with the answer must not overtake it
    this.#logs.set(id, (line) => early.push(line));
    try {
      const { lines } = await this.#call(id, "logs", { limit, follow: true });
      this.#logs.set(id, onLine);
      for (const line of [...lines, ...early]) onLine(line);
    } catch (error) {
      this.#logs.delete(id);
      throw error;
    }
  }

  /** Called once, with the reason, when the connection ends, or has ended, other than by `close`. */
  onClose(handler: (error: ControlError) => void): void {
    const closed = this.#closed;
    if (closed) queueMicrotask(() => handler(closed));
    else this.#onClose = handler;
  }

  /** What the daemon said before it went; undefined where it said nothing, as after a crash. */
  get goodbye(): Goodbye | undefined {
    return this.#bye;
  }

  close(): void {
    this.#onClose = undefined;
    this.end(new ControlError("disconnected", "closed"));
  }

  /** For `connect`: one parsed message of the daemon's. */
  receive(message: ServerMessage): void {
    switch (message.type) {
      case "hello":
        return;
      case "bye":
        this.#bye = message.reason;
        return;
      case "log":
        this.#logs.get(message.id)?.(message.line);
        return;
      case "resync":
        this.#resyncQuietly();
        return;
      case "event":
        this.#event(message);
        return;
      case "response": {
        const pending = this.#pending.get(message.id);
        if (!pending) return; // it came after its deadline
        this.#pending.delete(message.id);
        clearTimeout(pending.timer);
        if (message.ok) pending.resolve(message.result);
        else
          pending.reject(new ControlError(message.error.code, message.error.message, message.error.remedy));
      }
    }
  }

  /** For `connect`: the connection is over. */
  end(cause: ControlError): void {
    if (this.#closed) return;
    const error = this.#bye
      ? new ControlError(
          "shutting-down",
          this.#bye === "update" ? "the daemon restarts" : "the daemon was stopped",
        )
      : cause;
    this.#closed = error;
    this.#socket.destroy();
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#pending.clear();
    this.#onClose?.(error);
  }

  #event(event: EventMessage): void {
    const watch = this.#watch;
    if (!watch) return;
    const state = watch.state;
    if (!state) {
      watch.early.push(event); // the snapshot is on its way
      return;
    }
    if (event.seq <= state.seq) return; // part of the snapshot already
    if (event.seq !== state.seq + 1) {
      this.#resyncQuietly();
      return;
    }
    state.seq = event.seq;
    state.snapshot = { ...state.snapshot, ...present(event.changes) };
    watch.handler(state.snapshot, Object.keys(event.changes) as Topic[]);
  }

  async #resync(): Promise<void> {
    const watch = this.#watch;
    if (!watch) return;
    delete watch.state;
    watch.early = [];
    const { seq, snapshot } = await this.call("watch", {});
    watch.state = { seq, snapshot };
    watch.handler(snapshot, Object.keys(snapshot) as Topic[]);
    for (const event of watch.early.splice(0)) this.#event(event);
  }

  #resyncQuietly(): void {
    this.#resync().catch((error: unknown) =>
      this.end(error instanceof ControlError ? error : new ControlError("internal", String(error))),
    );
  }
}

type EventMessage = Extract<ServerMessage, { type: "event" }>;

interface Watch {
  readonly handler: (snapshot: Snapshot, changed: readonly Topic[]) => void;
  early: EventMessage[];
  /** Absent while a snapshot is awaited. */
  state?: { seq: number; snapshot: Snapshot };
}

/** Without the keys whose value is undefined, which valibot's partial allows. */
function present(changes: { [T in Topic]?: Snapshot[T] | undefined }): Partial<Snapshot> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}
