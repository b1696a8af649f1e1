// The one way from the interface to the shell around it. Two implementations of `Channel` (Electron's preload, the
// web shell's WebSocket) and one `ShellClient` on top of them; tests have a third.
import type { Method, Params, Result } from "#contract/methods.ts";
import type { CallName, CallParams, CallResult, DaemonMethod } from "#main/contract/calls.ts";
import type { AppState } from "#main/contract/state.ts";

/** A line of text messages that may break and come back by itself. */
export interface Channel {
  send(text: string): void;
  /** Called once, before anything else. */
  listen(handlers: ChannelHandlers): void;
}

export interface ChannelHandlers {
  readonly opened: () => void;
  /** `final`: it will not come back; a sentence says why. */
  readonly closed: (final: string | null) => void;
  readonly message: (text: string) => void;
}

/** open; lost: it comes back by itself; ended: it does not, and `reason` says what to do. */
export type LinkState =
  | { readonly state: "opening" | "open" | "lost" }
  | { readonly state: "ended"; readonly reason: string };

export interface Bridge {
  /** The state, at once where it is known and after each change; the link to the shell whenever that changes. */
  watch(onState: (state: AppState) => void, onLink: (link: LinkState) => void): void;
  /** Asks for the whole state again. */
  refresh(): void;
  /** Rejects with a CallError. */
  call<C extends CallName>(name: C, params: CallParams<C>): Promise<CallResult<C>>;
  /** A call of the daemon's. Rejects with a CallError. */
  daemon<M extends DaemonMethod & Method>(method: M, params: Params<M>): Promise<Result<M>>;
}
