import type { Command } from "commander";
import { plainText } from "#contract/plain-text.ts";
import type { Preset } from "#contract/sharing.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { onOff } from "./parse-value.ts";
import { addShareLan } from "./share-lan.ts";

export function addShare(program: Command, context: CliContext): void {
  const share = clientCommand(
    program,
    "share",
    "switch on what an application needs (castaway presets lists them), or off",
  )
    .argument("<preset>", "such as iptv, dlna, cast, ros2, minecraft")
    .argument("[on|off]", "default: on", onOff)
    .action(async (preset: string, on: boolean | undefined, options: CommonOptions) => {
      const params = { preset, on: on ?? true };
      const result = await withClient(context, options, (client) => client.call("presets.set", params));
      print(context, options, result, shareText);
    });
  addShareLan(share, context);
}

function shareText({ name, on, summary, proxies, lanAccess }: Preset): string {
  if (!on) return `${plainText(name)} is off now.`;
  return [
    `${plainText(name)} is on now. ${plainText(summary)}`,
    ...(proxies.length > 0 ? [`Discovery proxies: ${plainText(proxies.join(", "))}.`] : []),
    ...(lanAccess
      ? ["Devices of the LAN are reached by members where the LAN is shared: castaway share lan on"]
      : []),
  ].join("\n");
}
