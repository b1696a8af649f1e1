// Between the command line and the web shell, which runs as a thread of its own: what it is started with, and what it
// says.

export interface WebOptions {
  /** undefined: the usual one, or any other where that is taken. */
  readonly port: number | undefined;
  /** Open the link in this computer's browser, where it has one. */
  readonly open: boolean;
  /** Minutes without anybody doing anything until it ends; 0: never. */
  readonly idleMinutes: number;
  /** The daemon's control socket; undefined: the usual one. */
  readonly socket: string | undefined;
  /** Of this program. */
  readonly version: string;
}

export type WebEvent =
  | { readonly type: "ready"; readonly url: string; readonly port: number }
  | { readonly type: "link"; readonly url: string }
  /** One sentence for the terminal. */
  | { readonly type: "note"; readonly text: string }
  | { readonly type: "failed"; readonly message: string; readonly remedy: string | null };

/** link: one more link is wanted, for another browser. */
export type WebCommand = "link" | "end";
