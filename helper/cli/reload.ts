import type { Command } from "commander";
import { plainText } from "#contract/plain-text.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";

export function addReload(program: Command, context: CliContext): void {
  clientCommand(program, "reload", "have the daemon read its routes file and its peers file anew").action(
    async (options: CommonOptions) => {
      const result = await withClient(context, options, (client) => client.call("routes.reload", {}));
      print(
        context,
        options,
        result,
        ({ file, entries, peersFile, peers }) =>
          `${plainText(file)} is in force: ${entries} joins and routes.\n` +
          `${plainText(peersFile)} is in force: ${peers} ${peers === 1 ? "peer" : "peers"}.`,
      );
    },
  );
}
