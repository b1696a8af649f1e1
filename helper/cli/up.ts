import type { Command } from "commander";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { networksText } from "./status.ts";

interface Options extends CommonOptions {
  readonly network?: string;
  readonly name?: string;
}

export function addUp(program: Command, context: CliContext): void {
  clientCommand(program, "up", "connect: this computer's networks, or one of them")
    .option("--network <network>", "one network alone, by name or id")
    .option("--name <name>", "name of the network that is made where there is none yet")
    .action(async (options: Options) => {
      const snapshot = await withClient(context, options, async (client) => {
        await client.call("up", {
          ...(options.network !== undefined && { network: options.network }),
          ...(options.name !== undefined && { name: options.name }),
        });
        return client.call("status", {});
      });
      print(context, options, { networks: snapshot.networks }, ({ networks }) =>
        networksText(context.out, networks),
      );
    });
}
