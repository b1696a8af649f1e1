import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { ControlError } from "#contract/errors.ts";
import { clientSocketPath } from "#contract/socket-path.ts";
import { makeReport } from "#report/make-report.ts";
import { reportText } from "#report/report-text.ts";
import { clientCommand, type CliContext, type CommonOptions } from "./context.ts";
import { wholeNumber } from "./parse-value.ts";

interface Options extends CommonOptions {
  readonly full?: true;
  readonly output?: string;
  readonly lines: number;
}

export function addReport(program: Command, context: CliContext): void {
  clientCommand(
    program,
    "report",
    "all that helps others to help: doctor, dump, settings and log, without keys, links, names and addresses",
  )
    .option("--full", "leave addresses and names in; keys and links are never")
    .option("--output <file>", "write it to a new file that you alone may read, instead of printing it")
    .option("-n, --lines <number>", "how many of the last log lines", wholeNumber(0, 2000), 300)
    .addHelpText("after", "\nNothing is sent anywhere: it is yours to read, and to pass on.")
    .action(async (options: Options) => {
      const full = options.full === true;
      const report = await makeReport({
        version: context.version,
        wall: context.wall(),
        lines: options.lines,
        full,
        connect: () => context.connect(options.socket ?? clientSocketPath(context.environment)),
      });
      const text = options.json ? JSON.stringify(report, null, 2) : reportText(report, full);
      if (options.output === undefined) context.out.write(`${text}\n`);
      else {
        writeNew(options.output, `${text}\n`);
        context.out.write(
          options.json
            ? `${JSON.stringify({ file: options.output })}\n`
            : `Written to ${options.output}. Read it before you pass it on.\n`,
        );
      }
    });
}

/** Never over another file, and not through a link that somebody put there. */
function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx", mode: 0o600 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST")
      throw new ControlError(
        "conflict",
        `${path} is there already`,
        "Choose another name, or remove it first.",
      );
    throw new ControlError(
      code === "EACCES" || code === "EPERM" ? "permission-denied" : "not-found",
      `${path} cannot be written (${code})`,
      "Choose a folder that is there and yours: --output report.txt",
    );
  }
}
