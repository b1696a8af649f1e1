import type { Command } from "commander";
import type { Metrics } from "#contract/metrics.ts";
import { plainText } from "#contract/plain-text.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";

export function addMetrics(program: Command, context: CliContext): void {
  const metrics = clientCommand(
    program,
    "metrics",
    "figures for Prometheus on this computer, off until they are wanted; alone: how that is set",
  ).action(async (options: CommonOptions) => {
    const result = await withClient(context, options, (client) => client.call("metrics.get", {}));
    print(context, options, result, metricsText);
  });
  clientCommand(metrics, "on", "hand them out, from now on and after each start")
    .option(
      "--listen <address:port|path>",
      "a loopback address (127.0.0.1:9469), or a Unix socket beside the control socket; stays as it is set",
    )
    .action(async ({ listen, ...options }: CommonOptions & { readonly listen?: string }) => {
      const change = { on: true, ...(listen !== undefined && { listen }) };
      const result = await withClient(context, options, (client) => client.call("metrics.set", change));
      print(context, options, result, metricsText);
    });
  clientCommand(metrics, "off", "hand them out no more").action(async (options: CommonOptions) => {
    const result = await withClient(context, options, (client) => client.call("metrics.set", { on: false }));
    print(context, options, result, metricsText);
  });
}

function metricsText({ state, detail, scrapes, refused }: Metrics): string {
  const asked = `Answered: ${scrapes}. Refused: ${refused}.`;
  const word = { off: "off", listening: "on", failed: "on, but failed" }[state];
  return [`Metrics are ${word}. ${plainText(detail)}`, ...(state === "off" ? [] : [asked])].join("\n");
}
