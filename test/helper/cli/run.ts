import { connect } from "#contract/client.ts";
import type { CliContext } from "#cli/context.ts";
import { runCli } from "#cli/program.ts";
import type { WebEvent, WebOptions } from "#contract/web-shell.ts";
import type { McasttunnelWords } from "#cli/run-mcasttunnel.ts";
import type { MeetWords } from "#cli/run-meet.ts";
import type { SixtunnelWords } from "#cli/sixtunnel.ts";
import type { DaemonOptions } from "#runtime/daemon-options.ts";
import { NOW } from "../control/sample-state.ts";

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** What `castaway daemon` would have been started with. */
  readonly daemon: DaemonOptions | undefined;
  /** The same for `castaway meet`. */
  readonly meet: MeetWords | undefined;
  /** The same for `castaway mcasttunnel`. */
  readonly mcasttunnel: McasttunnelWords | undefined;
  /** The same for `castaway sixtunnel`. */
  readonly sixtunnel: SixtunnelWords | undefined;
  /** The same for `castaway web`. */
  readonly web: WebOptions | undefined;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  readonly columns?: number;
  /** Called with each piece of output. */
  readonly onOutput?: (text: string) => void;
  /** What the web shell says while it runs. */
  readonly webEvents?: readonly WebEvent[];
  /** Is given what Ctrl-C does. */
  readonly onInterrupt?: (interrupt: () => void) => void;
}

/** One command line, in this process, with the real client. */
export async function run(words: readonly string[], options: RunOptions = {}): Promise<Run> {
  let out = "";
  let err = "";
  let daemon: DaemonOptions | undefined;
  let meet: MeetWords | undefined;
  let mcasttunnel: McasttunnelWords | undefined;
  let sixtunnel: SixtunnelWords | undefined;
  let web: WebOptions | undefined;
  const terminal = {
    isTTY: options.tty ?? false,
    columns: options.columns ?? 80,
    color: options.tty ?? false,
  };
  const context: CliContext = {
    environment: options.environment ?? {},
    out: {
      ...terminal,
      write: (text) => {
        out += text;
        options.onOutput?.(text);
      },
    },
    err: { ...terminal, write: (text) => void (err += text) },
    wall: () => NOW,
    version: "0.1.0",
    connect,
    runDaemon: async (given) => void (daemon = given),
    runWeb: async (given, say) => {
      web = given;
      for (const event of options.webEvents ?? []) say(event);
    },
    runMeet: async (given) => void (meet = given),
    runMcasttunnel: async (given) => void (mcasttunnel = given),
    runSixtunnel: async (given) => void (sixtunnel = given),
    onInterrupt: (handler) => {
      options.onInterrupt?.(handler);
      return () => {};
    },
    exitCode: 0,
  };
  await runCli(context, words);
  return { code: context.exitCode, out, err, daemon, meet, mcasttunnel, sixtunnel, web };
}
