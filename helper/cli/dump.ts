import type { Command } from "commander";
import { dumpText } from "#contract/dump-text.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";

export function addDump(program: Command, context: CliContext): void {
  clientCommand(program, "dump", "the whole state: subscriptions, interfaces, members, statistics").action(
    async (options: CommonOptions) => {
      const dump = await withClient(context, options, (client) => client.call("dump", {}));
      print(context, options, dump, ({ snapshot, stats, amtRelay }) =>
        dumpText(snapshot, stats, context.wall(), amtRelay),
      );
    },
  );
}
