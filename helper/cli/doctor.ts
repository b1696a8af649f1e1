import type { Command } from "commander";
import { ControlError } from "#contract/errors.ts";
import { plainText } from "#contract/plain-text.ts";
import type { Check } from "#contract/snapshot.ts";
import { examineDaemon, unreachableCheck } from "#report/examine.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { EXIT, exitCodeOf } from "./exit-code.ts";
import { paint } from "./paint.ts";

const STYLE = { ok: "green", warn: "yellow", fail: "red" } as const;
const ERASE_LINE = "\r\u001b[K";

export function addDoctor(program: Command, context: CliContext): void {
  clientCommand(
    program,
    "doctor",
    "check everything that must be right, and say what to do where it is not",
  ).action(async (options: CommonOptions) => {
    const show = (check: Check): void => {
      if (!options.json) context.out.write(`${checkText(context, check)}\n`);
    };
    const checks = await examine(context, options, show);
    if (options.json) print(context, options, { checks }, () => "");
    else context.out.write(`${summary(checks)}\n`);
    if (context.exitCode === EXIT.ok && checks.some((check) => check.status === "fail"))
      context.exitCode = EXIT.failed;
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
  return `${status} ${plainText(check.name)}: ${plainText(check.message)}${remedy}`;
}

function summary(checks: readonly Check[]): string {
  const count = (status: Check["status"]): number => checks.filter((check) => check.status === status).length;
  const [warned, failed] = [count("warn"), count("fail")];
  if (warned + failed === 0) return "All is well.";
  return [...(failed > 0 ? [`${failed} failed`] : []), ...(warned > 0 ? [`${warned} to look at`] : [])].join(
    ", ",
  );
}
