import type { Command } from "commander";
import { amountText, durationText, plainText } from "#contract/plain-text.ts";
import type { Stats } from "#contract/snapshot.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";

export function addStats(program: Command, context: CliContext): void {
  clientCommand(program, "stats", "what the daemon counts: traffic, drops by reason, sessions").action(
    async (options: CommonOptions) => {
      const stats = await withClient(context, options, (client) => client.call("stats", {}));
      print(context, options, stats, statsText);
    },
  );
}

function statsText(stats: Stats): string {
  const { rxPackets, rxBytes, txPackets, txBytes } = stats.traffic;
  return [
    ["up for", durationText(stats.uptimeMs)],
    ["memory", amountText(stats.rssBytes, "B")],
    ["received", `${rxPackets} packets, ${amountText(rxBytes, "B")}`],
    ["sent", `${txPackets} packets, ${amountText(txBytes, "B")}`],
    ...Object.entries(stats.drops).map(([reason, packets]) => [`dropped, ${reason}`, `${packets} packets`]),
    ...Object.entries(stats.counters),
  ]
    .map(([name, value]) => `${plainText(String(name)).padEnd(32)} ${value}`)
    .join("\n");
}
