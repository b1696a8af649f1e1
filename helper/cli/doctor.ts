import type { Command } from "commander";
import { ControlError } from "#contract/errors.ts";
import { plainText } from "#contract/plain-text.ts";
import type { Check } from "#contract/snapshot.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { EXIT, exitCodeOf } from "./exit-code.ts";
import { paint } from "./paint.ts";

const STYLE = { ok: "green", warn: "yellow", fail: "red" } as const;

export function addDoctor(program: Command, context: CliContext): void {
  clientCommand(
    program,
    "doctor",
    "check everything that must be right, and say what to do where it is not",
  ).action(async (options: CommonOptions) => {
    const checks = await examine(context, options);
    print(context, options, { checks }, () => checks.map((check) => checkText(context, check)).join("\n"));
    if (context.exitCode === EXIT.ok && checks.some((check) => check.status === "fail"))
      context.exitCode = EXIT.failed;
  });
}

/** A daemon that cannot be asked is a finding, not an end of the examination. */
async function examine(context: CliContext, options: CommonOptions): Promise<Check[]> {
  try {
    const { checks } = await withClient(context, options, (client) => client.call("doctor", {}));
    return [{ name: "daemon", status: "ok", message: "it runs and answers", remedy: null }, ...checks];
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    context.exitCode = exitCodeOf(error.code);
    return [{ name: "daemon", status: "fail", message: error.message, remedy: error.remedy }];
  }
}

function checkText(context: CliContext, check: Check): string {
  const status = paint(context.out, STYLE[check.status], check.status.padEnd(4));
  const remedy = check.remedy ? `\n     ${plainText(check.remedy)}` : "";
  return `${status} ${plainText(check.name)}: ${plainText(check.message)}${remedy}`;
}
