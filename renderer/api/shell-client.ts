// The renderer's end of main/contract: calls with deadlines, and a state that is kept whole.
import { METHODS, type Method, type Params, type Result } from "#contract/methods.ts";
import {
  type CallName,
  type CallParams,
  type CallResult,
  CALLS,
  type DaemonMethod,
} from "#main/contract/calls.ts";
import { decodeShellMessage, encodeMessage, type ShellMessage } from "#main/contract/messages.ts";
import { type AppState, withChanges } from "#main/contract/state.ts";
import * as v from "valibot";
import type { Bridge, Channel, LinkState } from "./bridge.ts";
import { CallError } from "./call-error.ts";

/** Longer than the shell waits for the daemon, and as long as a person may need for a password. */
const DEADLINE_MS = 40_000;
const PERSON_DEADLINE_MS = 600_000;
const WAITS_FOR_A_PERSON: ReadonlySet<CallName> = new Set(["service.act", "report.save"]);

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: CallError) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

type Changes = Extract<ShellMessage, { type: "changes" }>;

export class ShellClient implements Bridge {
  readonly #channel: Channel;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #open = false;
  #state: { seq: number; state: AppState } | undefined;
  #early: Changes[] = [];
  #onState: (state: AppState) => void = () => {};
  #onLink: (link: LinkState) => void = () => {};

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  watch(onState: (state: AppState) => void, onLink: (link: LinkState) => void): void {
    this.#onState = onState;
    this.#onLink = onLink;
    this.#channel.listen({
      opened: () => {
        this.#open = true;
        this.#onLink({ state: "open" });
        this.#resync();
      },
      closed: (final) => this.#lost(final),
      message: (text) => this.#receive(text),
    });
  }

  refresh(): void {
    if (this.#open) this.#resync();
  }

  async call<C extends CallName>(name: C, params: CallParams<C>): Promise<CallResult<C>> {
    const parsed = v.safeParse(CALLS[name].result, await this.#ask(name, params));
    if (!parsed.success) throw malformed(name);
    return parsed.output as CallResult<C>; // the schema of this call: TypeScript cannot follow an indexed generic
  }

  async daemon<M extends DaemonMethod & Method>(method: M, params: Params<M>): Promise<Result<M>> {
    const answer = await this.call("daemon", { method, params: params as Record<string, unknown> });
    const parsed = v.safeParse(METHODS[method].result, answer);
    if (!parsed.success) throw malformed(method);
    return parsed.output as Result<M>;
  }

  #ask(name: CallName, params: Record<string, unknown>): Promise<unknown> {
    if (!this.#open) return Promise.reject(new CallError(NOT_CONNECTED));
    const id = this.#nextId++;
    const limit = WAITS_FOR_A_PERSON.has(name) ? PERSON_DEADLINE_MS : DEADLINE_MS;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new CallError({ code: "timeout", message: "No answer within the time limit.", remedy: null }));
      }, limit);
      this.#pending.set(id, { resolve, reject, timer });
      this.#channel.send(encodeMessage({ id, call: name, params }));
    });
  }

  #receive(text: string): void {
    const message = decodeShellMessage(text);
    if (!message) return;
    if (message.type === "changes") {
      this.#apply(message);
      return;
    }
    const pending = this.#pending.get(message.id);
    if (!pending) return; // it came after its deadline
    this.#pending.delete(message.id);
    clearTimeout(pending.timer);
    if (message.ok) pending.resolve(message.result);
    else pending.reject(new CallError(message.error));
  }

  #apply(message: Changes): void {
    const current = this.#state;
    if (!current) {
      this.#early.push(message); // the whole is on its way
      return;
    }
    if (message.seq <= current.seq) return; // part of the whole already
    const state = message.seq === current.seq + 1 ? withChanges(current.state, message.changes) : undefined;
    if (!state) {
      this.#resync();
      return;
    }
    this.#state = { seq: message.seq, state };
    this.#onState(state);
  }

  #resync(): void {
    this.#state = undefined;
    this.#early = [];
    this.call("watch", {}).then(
      (whole) => {
        this.#state = whole;
        this.#onState(whole.state);
        for (const message of this.#early.splice(0)) this.#apply(message);
      },
      () => {}, // the link broke: it is asked for again when that is back
    );
  }

  #lost(final: string | null): void {
    this.#open = false;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new CallError(NOT_CONNECTED));
    }
    this.#pending.clear();
    this.#onLink(final === null ? { state: "lost" } : { state: "ended", reason: final });
  }
}

const NOT_CONNECTED = {
  code: "disconnected",
  message: "The app is not connected at the moment.",
  remedy: null,
} as const;

function malformed(name: string): CallError {
  return new CallError({ code: "internal", message: `The answer to "${name}" is malformed.`, remedy: null });
}
