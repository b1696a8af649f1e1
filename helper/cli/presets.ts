import type { Command } from "commander";
import { plainText } from "#contract/plain-text.ts";
import type { Preset } from "#contract/sharing.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { table } from "./table.ts";

export function addPresets(program: Command, context: CliContext): void {
  clientCommand(
    program,
    "presets",
    "what applications need, as switches: what each opens, and which are on",
  ).action(async (options: CommonOptions) => {
    const result = await withClient(context, options, (client) => client.call("presets.list", {}));
    print(context, options, result, ({ presets }) => presetsText(presets));
  });
}

function presetsText(presets: readonly Preset[]): string {
  const rows = table(presets, [
    { title: "PRESET", value: ({ name }) => plainText(name) },
    { title: "", value: ({ on }) => (on ? "on" : "off") },
    { title: "PROXIES", value: ({ proxies }) => plainText(proxies.join(", ")) || "-" },
    { title: "LAN ACCESS", value: ({ lanAccess }) => (lanAccess ? "wanted" : "-") },
    { title: "OPENS", value: ({ summary }) => plainText(summary) },
  ]);
  return `${rows.trimEnd()}\n\nSwitch one: castaway share PRESET, castaway share PRESET off`;
}
