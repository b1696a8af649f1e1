import type { Command } from "commander";
import type { ControlClient } from "#contract/control-client.ts";
import { ControlError } from "#contract/errors.ts";
import { plainText } from "#contract/plain-text.ts";
import type { Check } from "#contract/snapshot.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { EXIT, exitCodeOf } from "./exit-code.ts";
import { paint } from "./paint.ts";

const STYLE = { ok: "green", warn: "yellow", fail: "red" } as const;
const ERASE_LINE = "\r\u001b[K";
/** Calls under way: the daemon takes 16 of one client. */
const AT_ONCE = 8;

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

/** A daemon that cannot be asked is a finding, not an end of the examination. Each finding is shown when it is there. */
export async function examine(
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
    await withClient(context, options, async (client) => {
      found(versions(context, client));
      await askAll(context, client, found);
    });
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    context.exitCode = exitCodeOf(error.code);
    found({ name: "daemon", status: "fail", message: error.message, remedy: error.remedy });
  }
  return checks;
}

function versions(context: CliContext, { hello }: ControlClient): Check {
  if (hello.buildVersion === context.version || hello.buildVersion.startsWith(`${context.version}-`))
    return { name: "daemon", status: "ok", message: "it runs and answers", remedy: null };
  return {
    name: "daemon",
    status: "warn",
    message: `it runs and answers, but is version ${hello.buildVersion}; this program is ${context.version}`,
    remedy: "Restart it: sudo systemctl restart castaway",
  };
}

/** Topics are asked for side by side, and shown in their order, each as soon as those before it are there. */
async function askAll(
  context: CliContext,
  client: ControlClient,
  found: (check: Check) => void,
): Promise<void> {
  const { topics } = await client.call("doctor.topics", {});
  const waiting = [...topics];
  const answers = new Map<string, readonly Check[]>();
  let shown = 0;
  const progress = (): void => {
    while (shown < topics.length && answers.has(topics[shown]!.id)) {
      clearProgress(context);
      for (const check of answers.get(topics[shown++]!.id)!) found(check);
    }
    if (shown < topics.length) showProgress(context, `looking at ${topics[shown]!.title} ...`);
  };
  progress();
  const askNext = async (): Promise<void> => {
    for (let topic; (topic = waiting.shift()); progress())
      answers.set(topic.id, (await client.call("doctor", { topic: topic.id })).checks);
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, askNext));
  } finally {
    clearProgress(context);
  }
}

/** For people who look on, and for nobody else. */
function showProgress({ err }: CliContext, text: string): void {
  if (err.isTTY) err.write(`${ERASE_LINE}${plainText(text)}`);
}

function clearProgress({ err }: CliContext): void {
  if (err.isTTY) err.write(ERASE_LINE);
}

export function checkText(context: CliContext, check: Check): string {
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
