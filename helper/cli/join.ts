import type { Command } from "commander";
import { plainText } from "#contract/plain-text.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";

interface Options extends CommonOptions {
  readonly name?: string;
}

export function addJoin(program: Command, context: CliContext): void {
  clientCommand(program, "join <link>", "join another network with its invite link")
    .option("--name <name>", "what the others call this computer (its host name otherwise)")
    .action(async (link: string, options: Options) => {
      const params = options.name === undefined ? { link } : { link, name: options.name };
      const joined = await withClient(context, options, (client) => client.call("join", params));
      print(context, options, joined, () =>
        [
          `Joined ${plainText(joined.networkName)}. This computer's addresses in it: ${joined.addresses.join(", ")}`,
          "Programs receive its multicast by joining a group, as they would at home. See castaway groups",
        ].join("\n"),
      );
    });
}
