// One window or one browser tab: text in, text out. What it sends is parsed and bounded in size, rate and number; what
// it does not read in time is not kept for it, since it can ask for the whole at any moment.
import { ControlError, type ErrorBody } from "#contract/errors.ts";
import type { NumberedChanges } from "#main/app/app-core.ts";
import { decodeRequest, encodeMessage, type Request } from "#main/contract/messages.ts";
import type { Shell } from "#main/contract/state.ts";
import type { ShellCalls } from "./shell-calls.ts";

export interface SessionParts {
  readonly calls: ShellCalls;
  readonly send: (text: string) => void;
  /** Over: a sentence for whoever sits there. */
  readonly end: (reason: string) => void;
  /** Characters or bytes that were sent and not taken yet. 0 where the way takes everything at once. */
  readonly unread?: () => number;
  /** What this one's shell is like, other than the rest: its languages. */
  readonly shell?: Partial<Shell>;
  /** Monotonic ms. */
  readonly now?: () => number;
}

const MAX_OPEN_CALLS = 64;
/** Calls a second in the long run, and how many may come at once. */
const RATE = 50;
const BURST = 200;
/** What is no request at all: a page of ours never sends one. */
const MAX_NONSENSE = 20;
/** Above this nothing new is sent until the rest is taken: a snapshot of a large daemon is a fraction of it. */
const MAX_UNREAD = 4_194_304;

export class RendererSession {
  readonly #parts: SessionParts;
  readonly #now: () => number;
  #unsubscribe: (() => void) | undefined;
  #openCalls = 0;
  #tokens = BURST;
  #filledAt: number;
  #nonsense = 0;
  #watching = false;
  #skipped = false;
  #closed = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
    this.#filledAt = this.#now();
    this.#unsubscribe = parts.calls.core.subscribe((step) => this.#tell(step));
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  /** One message from the renderer. */
  receive(text: string): void {
    if (this.#closed) return;
    if (this.#unread() > 2 * MAX_UNREAD) return this.#end("This page asks, and does not read. Reload it.");
    if (!this.#mayCall()) return this.#end("This page asks too much of Castaway. Reload it.");
    const request = decodeRequest(text);
    if (!request) {
      this.#nonsense++;
      // It has no number that could be answered; 0 is nobody's.
      this.#fail(0, { code: "bad-request", message: "This is no request.", remedy: null });
      if (this.#nonsense >= MAX_NONSENSE)
        this.#end("This page does not speak Castaway's language. Reload it.");
      return;
    }
    if (request.call === "watch") this.#watch(request);
    else void this.#call(request);
  }

  /** What was unread has been taken. */
  drained(): void {
    if (!this.#skipped || this.#closed || this.#full()) return;
    this.#skipped = false;
    // One more than the last, which this renderer does not have: the gap makes it ask for the whole.
    this.#send(encodeMessage({ type: "changes", seq: this.#parts.calls.core.seq + 1, changes: {} }));
  }

  #watch({ id }: Request): void {
    const { core } = this.#parts.calls;
    if (this.#full()) {
      this.#skipped = true;
      this.#fail(id, { code: "busy", message: "This page reads too slowly.", remedy: null });
      return;
    }
    this.#watching = true;
    this.#skipped = false;
    const state = { ...core.state, shell: { ...core.state.shell, ...this.#parts.shell } };
    this.#send(encodeMessage({ type: "response", id, ok: true, result: { seq: core.seq, state } }));
  }

  async #call({ id, call, params }: Request): Promise<void> {
    if (this.#openCalls >= MAX_OPEN_CALLS || this.#full()) {
      this.#fail(id, { code: "busy", message: "Too much is asked at one time.", remedy: null });
      return;
    }
    this.#openCalls++;
    try {
      const result = await this.#parts.calls.answer(call, params);
      this.#send(encodeMessage({ type: "response", id, ok: true, result }));
    } catch (error) {
      this.#fail(id, errorBody(error));
    } finally {
      this.#openCalls--;
    }
  }

  #tell(step: NumberedChanges): void {
    if (!this.#watching || this.#closed) return;
    if (this.#full()) this.#skipped = true;
    else if (!this.#skipped) this.#send(encodeStep(step));
  }

  #mayCall(): boolean {
    const now = this.#now();
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#filledAt) / 1000) * RATE);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #full(): boolean {
    return this.#unread() > MAX_UNREAD;
  }

  #unread(): number {
    return this.#parts.unread?.() ?? 0;
  }

  #fail(id: number, error: ErrorBody): void {
    this.#send(encodeMessage({ type: "response", id, ok: false, error }));
  }

  #send(text: string): void {
    if (!this.#closed) this.#parts.send(text);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#parts.end(reason);
  }
}

/** Every session is told the same: the text is made once. */
const texts = new WeakMap<NumberedChanges, string>();

function encodeStep(step: NumberedChanges): string {
  const known = texts.get(step);
  if (known !== undefined) return known;
  const text = encodeMessage({ type: "changes", seq: step.seq, changes: step.changes });
  texts.set(step, text);
  return text;
}

/** An error of our own has a sentence for people; any other is a fault in the program. */
function errorBody(error: unknown): ErrorBody {
  if (error instanceof ControlError) return error.body();
  const message = error instanceof Error ? error.message : String(error);
  return { code: "internal", message: `Something in Castaway failed: ${message}`, remedy: null };
}
