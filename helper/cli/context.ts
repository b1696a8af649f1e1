import type { Command } from "commander";
import type { ControlClient } from "#contract/control-client.ts";
import { clientSocketPath } from "#contract/socket-path.ts";
import type { WebEvent, WebOptions } from "#contract/web-shell.ts";
import type { DaemonOptions } from "#runtime/daemon-options.ts";
import type { McasttunnelWords } from "./run-mcasttunnel.ts";
import type { MeetWords } from "./run-meet.ts";
import type { SixtunnelWords } from "./sixtunnel.ts";

export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number;
  /** Colour codes may be written: a terminal, and neither NO_COLOR nor TERM=dumb. */
  readonly color: boolean;
}

/** All that a command touches, so that tests run the real commands in their own process. */
export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly out: Output;
  readonly err: Output;
  /** Wall ms since 1970. */
  readonly wall: () => number;
  readonly version: string;
  readonly connect: (path: string) => Promise<ControlClient>;
  /** Returns when the daemon has ended. Loaded late: clients start faster without it. */
  readonly runDaemon: (options: DaemonOptions) => Promise<void>;
  /** Returns when the web shell has ended. */
  readonly runWeb: (options: WebOptions, say: (event: WebEvent) => void) => Promise<void>;
  /** Returns when the meeting point has ended. */
  readonly runMeet: (words: MeetWords) => Promise<void>;
  /** Returns when the tunnel has ended. */
  readonly runMcasttunnel: (words: McasttunnelWords) => Promise<void>;
  /** The same. */
  readonly runSixtunnel: (words: SixtunnelWords) => Promise<void>;
  /** Calls `handler` when somebody interrupts the program (Ctrl-C), instead of ending it. Returns how to undo that. */
  readonly onInterrupt?: (handler: () => void) => () => void;
  exitCode: number;
}

export interface CommonOptions {
  readonly json?: true;
  readonly socket?: string;
}

/** A command of the daemon's clients: each has --json and --socket. */
export function clientCommand(parent: Command, nameAndArguments: string, description: string): Command {
  return parent
    .command(nameAndArguments)
    .description(description)
    .option("--json", "print the result as JSON")
    .option("--socket <path>", "the daemon's control socket (CASTAWAY_SOCKET)");
}

export async function withClient<T>(
  context: CliContext,
  options: CommonOptions,
  use: (client: ControlClient) => Promise<T>,
): Promise<T> {
  const client = await context.connect(options.socket ?? clientSocketPath(context.environment));
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** The result as JSON, or as text for people. */
export function print<T>(
  context: CliContext,
  options: CommonOptions,
  value: T,
  human: (value: T) => string,
): void {
  context.out.write(options.json ? `${JSON.stringify(value, null, 2)}\n` : `${human(value).trimEnd()}\n`);
}
