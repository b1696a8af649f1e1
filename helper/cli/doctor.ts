import type { Command } from "commander";
import { ControlError } from "#contract/errors.ts";
import type { Result } from "#contract/methods.ts";
import { plainText } from "#contract/plain-text.ts";
import type { Check } from "#contract/snapshot.ts";
import { examineDaemon, unreachableCheck } from "#report/examine.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { EXIT, exitCodeOf } from "./exit-code.ts";
import { paint } from "./paint.ts";

const STYLE = { ok: "green", warn: "yellow", fail: "red" } as const;
const ERASE_LINE = "\r\u001b[K";

interface Options extends CommonOptions {
  readonly fix?: true;
}

type Mended = Result<"doctor.fix">;

export function addDoctor(program: Command, context: CliContext): void {
  clientCommand(program, "doctor", "check everything that must be right, and say what to do where it is not")
    .option("--fix", "do what the daemon can do about it by itself, and say how to take it back")
    .action(async (options: Options) => {
      const show = (check: Check): void => {
        if (!options.json) context.out.write(`${checkText(context, check)}\n`);
      };
      const checks = await examine(context, options, show);
      const mended = options.fix ? await mendAll(context, options, checks) : undefined;
      if (options.json) print(context, options, { checks, ...(mended && { mended }) }, () => "");
      else context.out.write(`${summary(checks, mended)}\n`);
      if (context.exitCode === EXIT.ok && checks.some((check) => check.status === "fail"))
        context.exitCode = EXIT.failed;
    });
}

/** One after the other; what was done is shown, with the way back. */
async function mendAll(
  context: CliContext,
  options: Options,
  checks: readonly Check[],
): Promise<readonly Mended[]> {
  const ids = new Set(checks.flatMap(({ fix }) => (fix ? [fix.id] : [])));
  if (ids.size === 0) return [];
  return withClient(context, options, async (client) => {
    const mended: Mended[] = [];
    for (const fix of ids) {
      const done = await client.call("doctor.fix", { fix });
      mended.push(done);
      if (!options.json)
        context.out.write(`Done: ${plainText(done.label)}\n     To take it back: ${plainText(done.undo)}\n`);
    }
    return mended;
  });
}

async function examine(
  context: CliContext,
  options: CommonOptions,
  show: (check: Check) => void,
): Promise<Check[]> {
  const checks: Check[] = [];
  const found = (check: Check): void => {
    checks.push(check);
    show(check);
  };
  try {
    await withClient(context, options, (client) =>
      examineDaemon(client, {
        version: context.version,
        found,
        waiting: (title) => (title === undefined ? clearProgress(context) : showProgress(context, title)),
      }),
    );
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    context.exitCode = exitCodeOf(error.code);
    found(unreachableCheck(error));
  }
  return checks;
}

/** For people who look on, and for nobody else. */
function showProgress({ err }: CliContext, title: string): void {
  if (err.isTTY) err.write(`${ERASE_LINE}looking at ${plainText(title)} ...`);
}

function clearProgress({ err }: CliContext): void {
  if (err.isTTY) err.write(ERASE_LINE);
}

function checkText(context: CliContext, check: Check): string {
  const status = paint(context.out, STYLE[check.status], check.status.padEnd(4));
  const remedy = check.remedy ? `\n     ${plainText(check.remedy)}` : "";
  const fix = check.fix ? `\n     castaway doctor --fix: ${plainText(check.fix.label)}` : "";
  return `${status} ${plainText(check.name)}: ${plainText(check.message)}${remedy}${fix}`;
}

function summary(checks: readonly Check[], mended: readonly Mended[] = []): string {
  if (mended.length > 0) return "See what is left: castaway doctor";
  const count = (status: Check["status"]): number => checks.filter((check) => check.status === status).length;
  const [warned, failed] = [count("warn"), count("fail")];
  if (warned + failed === 0) return "All is well.";
  return [...(failed > 0 ? [`${failed} failed`] : []), ...(warned > 0 ? [`${warned} to look at`] : [])].join(
    ", ",
  );
}
