import type { Command } from "commander";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";

interface Options extends CommonOptions {
  readonly network?: string;
}

export function addDown(program: Command, context: CliContext): void {
  clientCommand(program, "down", "disconnect; addresses, members and invites stay")
    .option("--network <network>", "one network alone, by name or id")
    .action(async (options: Options) => {
      const params = options.network === undefined ? {} : { network: options.network };
      const result = await withClient(context, options, (client) => client.call("down", params));
      print(context, options, result, () => "Disconnected. Connect again: castaway up");
    });
}
