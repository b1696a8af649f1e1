import { CommanderError } from "commander";
import { ControlError, type ErrorBody } from "#contract/errors.ts";
import { plainText } from "#contract/plain-text.ts";
import type { CliContext } from "./context.ts";
import { EXIT, exitCodeOf } from "./exit-code.ts";

/** One line what is wrong, one line what to do; with --json an object. Returns the exit code. */
export function reportFailure(context: CliContext, error: unknown, json: boolean): number {
  if (error instanceof CommanderError) return reportUsage(context, error, json);
  const known = error instanceof ControlError;
  const body: ErrorBody = known
    ? error.body()
    : {
        code: "internal",
        message: error instanceof Error ? error.message : String(error),
        remedy: remedyOf(error),
      };
  const exitCode = known ? exitCodeOf(error.code) : EXIT.failed;
  write(context, body, exitCode, json);
  return exitCode;
}

/** What keeps the daemon from starting says what to do, some of it in its message already. */
function remedyOf(error: unknown): string | null {
  if (!(error instanceof Error && "remedy" in error && typeof error.remedy === "string")) return null;
  return error.message.includes(error.remedy) ? null : error.remedy;
}

/** Commander has printed its help already where that was asked for. */
function reportUsage(context: CliContext, error: CommanderError, json: boolean): number {
  if (error.exitCode === 0) return EXIT.ok;
  const message = error.message
    .replace(/^error: /, "")
    .replaceAll("\n", " ")
    .trim(); // a second line: "Did you mean ...?"
  write(
    context,
    { code: "bad-request", message, remedy: "See castaway --help, or --help behind a command." },
    EXIT.usage,
    json,
  );
  return EXIT.usage;
}

function write(context: CliContext, body: ErrorBody, exitCode: number, json: boolean): void {
  if (json) {
    context.err.write(`${JSON.stringify({ error: { ...body, exitCode } })}\n`);
    return;
  }
  context.err.write(`castaway: ${plainText(body.message)}\n`);
  if (body.remedy) context.err.write(`  ${plainText(body.remedy)}\n`);
}
