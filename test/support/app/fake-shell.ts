// A shell that has no daemon: it keeps a state that tests change, and answers calls as tests say.
import type { ErrorBody } from "#contract/errors.ts";
import { decodeRequest, encodeMessage, type ShellMessage } from "#main/contract/messages.ts";
import { type AppChanges, type AppState, withChanges } from "#main/contract/state.ts";

export interface FakeCall {
  readonly call: string;
  readonly params: Record<string, unknown>;
}

/** Throws an ErrorBody to refuse, or rejects with one; a promise is an answer that takes its time. */
export type FakeHandler = (params: Record<string, unknown>) => unknown;

export class FakeShell {
  readonly calls: FakeCall[] = [];
  /** By call ("settings.set"), or by the daemon's method ("daemon:up"). What has none is answered with {}. */
  readonly handlers: Record<string, FakeHandler> = {};
  #state: AppState;
  #seq = 0;
  readonly #outputs = new Set<(text: string) => void>();

  constructor(state: AppState) {
    this.#state = state;
  }

  get state(): AppState {
    return this.#state;
  }

  change(changes: AppChanges): void {
    const next = withChanges(this.#state, changes);
    if (!next) throw new Error("these changes do not make a whole state");
    this.#state = next;
    this.#seq++;
    for (const output of this.#outputs) this.#send(output, { type: "changes", seq: this.#seq, changes });
  }

  /** One renderer. Returns its input. */
  attach(output: (text: string) => void): (text: string) => void {
    this.#outputs.add(output);
    return (text) => this.#request(text, output);
  }

  detach(output: (text: string) => void): void {
    this.#outputs.delete(output);
  }

  #request(text: string, output: (text: string) => void): void {
    const request = decodeRequest(text);
    if (!request) throw new Error(`not a request: ${text.slice(0, 200)}`);
    const { id, call, params } = request;
    this.calls.push({ call, params });
    if (call === "watch") {
      this.#send(output, { type: "response", id, ok: true, result: { seq: this.#seq, state: this.#state } });
      return;
    }
    const isDaemon = call === "daemon";
    const handler = this.handlers[isDaemon ? `daemon:${String(params["method"])}` : call];
    const inner = isDaemon ? (params["params"] as Record<string, unknown>) : params;
    const answer = (result: unknown): void =>
      this.#send(output, { type: "response", id, ok: true, result: result ?? {} });
    const refuse = (error: unknown): void =>
      this.#send(output, { type: "response", id, ok: false, error: error as ErrorBody });
    try {
      const result = handler?.(inner);
      if (result instanceof Promise) result.then(answer, refuse);
      else answer(result);
    } catch (error) {
      refuse(error);
    }
  }

  #send(output: (text: string) => void, message: ShellMessage): void {
    output(encodeMessage(message));
  }
}
