import type { Command } from "commander";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";

export function addLeave(program: Command, context: CliContext): void {
  clientCommand(
    program,
    "leave [network]",
    "leave a network for good; coming back takes a new invite",
  ).action(async (network: string | undefined, options: CommonOptions) => {
    const params = network === undefined ? {} : { network };
    const result = await withClient(context, options, (client) => client.call("leave", params));
    print(
      context,
      options,
      result,
      () => "Left. This computer's key and addresses in that network are gone.",
    );
  });
}
