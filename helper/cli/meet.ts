import { InvalidArgumentError, type Command } from "commander";
import type { CliContext } from "./context.ts";
import { wholeNumber } from "./parse-value.ts";

/** Next to the daemon's own port (42268) and the one that marks re-sent datagrams (42269). */
export const MEET_PORT = 42_270;
const FIRST_RELAY_PORT = 42_300;

interface Options {
  readonly port: number;
  readonly address?: string;
  readonly relayPort: number;
  readonly pairs: number;
  readonly hosts: number;
  readonly pairRate: number;
  readonly totalRate: number;
  readonly json?: true;
}

export function addMeet(program: Command, context: CliContext): void {
  program
    .command("meet")
    .description(
      "be a meeting point: computers behind routers find each other here, and are relayed where nothing else works",
    )
    .option("--port <number>", "UDP and TCP port", wholeNumber(1, 65_535), MEET_PORT)
    .option(
      "--address <address>",
      "answer from this one; needed where this computer has several on the internet",
      ipAddress,
    )
    .option(
      "--relay-port <number>",
      "the first UDP port of relayed pairs, which take one each",
      wholeNumber(1, 65_535),
      FIRST_RELAY_PORT,
    )
    .option("--pairs <number>", "relayed pairs at one time; 0: no relaying", wholeNumber(0, 4_096), 128)
    .option("--hosts <number>", "networks that may be called here", wholeNumber(1, 100_000), 10_000)
    .option("--pair-rate <mbit>", "Mbit/s of one relayed pair", wholeNumber(1, 10_000), 50)
    .option("--total-rate <mbit>", "Mbit/s of all relayed pairs", wholeNumber(1, 100_000), 500)
    .option("--json", "print what happens as JSON, a line each")
    .action(async (options: Options) => {
      if (options.relayPort + options.pairs > 65_536)
        throw new InvalidArgumentError("There are not so many ports behind --relay-port.");
      await context.runMeet(options);
    });
}

function ipAddress(text: string): string {
  if (!/^[\da-fA-F:.]+$/.test(text) || !(text.includes(":") || /^\d+(\.\d+){3}$/.test(text)))
    throw new InvalidArgumentError("It is an IP address of this computer.");
  return text;
}
