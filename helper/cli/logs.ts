import type { Command } from "commander";
import { plainText } from "#contract/plain-text.ts";
import type { LogLine } from "#contract/snapshot.ts";
import { clientCommand, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { wholeNumber } from "./parse-value.ts";

interface Options extends CommonOptions {
  readonly follow?: true;
  readonly lines: number;
}

export function addLogs(program: Command, context: CliContext): void {
  clientCommand(program, "logs", "the daemon's last log lines")
    .option("-f, --follow", "go on with each new line, until interrupted")
    .option("-n, --lines <number>", "how many of the last lines", wholeNumber(0, 2000), 200)
    .action(async (options: Options) => {
      await withClient(context, options, async (client) => {
        const show = linePrinter(context, options);
        if (!options.follow) {
          for (const line of (await client.call("logs", { limit: options.lines })).lines) show(line);
          return;
        }
        const over = new Promise<never>((_, reject) => client.onClose(reject));
        await client.followLogs(options.lines, show);
        await over;
      });
    });
}

/** With --json one object a line. Says where lines were lost because they came faster than they were read. */
function linePrinter(context: CliContext, options: Options): (line: LogLine) => void {
  let last: number | undefined;
  return (line) => {
    if (options.json) {
      context.out.write(`${JSON.stringify(line)}\n`);
      return;
    }
    if (last !== undefined && line.number > last + 1)
      context.out.write(`... ${line.number - last - 1} lines left out\n`);
    last = line.number;
    const fields = Object.entries(line.fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
    const text = `${new Date(line.wall).toISOString()} ${line.level.padEnd(5)} ${line.message}${fields.join("")}`;
    context.out.write(`${plainText(text)}\n`);
  };
}
