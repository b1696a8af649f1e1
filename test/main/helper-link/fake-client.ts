// A connection to a daemon that exists in the test alone: it is opened, told what to say, and broken by hand.
import { ControlError } from "#contract/errors.ts";
import type { Hello } from "#contract/messages.ts";
import type { Snapshot, Topic } from "#contract/snapshot.ts";
import type { DaemonClient } from "#main/helper-link/helper-link.ts";
import { fakeSnapshot } from "../../support/app/fake-state.ts";

export const VERSION = "0.1.0";

export class FakeClient implements DaemonClient {
  readonly hello: Hello;
  readonly calls: { method: string; params: unknown }[] = [];
  /** By method; {} otherwise. Throws what it wants to refuse with. */
  readonly answers: Record<string, (params: never) => unknown> = {};
  goodbye: DaemonClient["goodbye"];
  closed = false;
  #snapshot: Snapshot = fakeSnapshot();
  #onClose: ((error: ControlError) => void) | undefined;
  #onSnapshot: ((snapshot: Snapshot, changed: readonly Topic[]) => void) | undefined;

  constructor(hello: Partial<Hello> = {}) {
    this.hello = { type: "hello", protocolVersion: 1, buildVersion: VERSION, pid: 1, ...hello };
  }

  call: DaemonClient["call"] = async (method, params) => {
    this.calls.push({ method, params });
    return (this.answers[method]?.(params as never) ?? {}) as never;
  };

  async watch(handler: (snapshot: Snapshot, changed: readonly Topic[]) => void): Promise<void> {
    this.#onSnapshot = handler;
    handler(this.#snapshot, Object.keys(this.#snapshot) as Topic[]);
  }

  onClose(handler: (error: ControlError) => void): void {
    this.#onClose = handler;
  }

  close(): void {
    this.closed = true;
  }

  change(changes: Partial<Snapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...changes };
    this.#onSnapshot?.(this.#snapshot, Object.keys(changes) as Topic[]);
  }

  break(goodbye?: "shutdown" | "update"): void {
    this.goodbye = goodbye;
    const code = goodbye ? "shutting-down" : "disconnected";
    this.#onClose?.(new ControlError(code, "the connection broke"));
  }
}

export const NOT_RUNNING = new ControlError("not-running", "the castaway daemon is not running", "Start it.");
