import type { Command } from "commander";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { lanMode, type LanMode } from "./parse-value.ts";
import { table } from "./table.ts";

export function addLans(program: Command, context: CliContext): void {
  const list = async (options: CommonOptions): Promise<void> => {
    const result = await withClient(context, options, (client) => client.call("lans.list", {}));
    print(context, options, result, ({ lans }) =>
      lans.length === 0
        ? "No LAN interfaces."
        : table(lans, [
            { title: "INTERFACE", value: (row) => row.name },
            { title: "MODE", value: (row) => (row.pinned ? row.mode : `${row.mode} (chosen by the daemon)`) },
            { title: "LINK", value: (row) => (row.up ? "up" : "down") },
            { title: "ADDRESSES", value: (row) => row.addresses.join(", ") || "-" },
          ]),
    );
  };
  const lans = clientCommand(program, "lans", "the LAN interfaces whose multicast is shared").action(list);
  clientCommand(lans, "list", "the LAN interfaces and how far each is shared").action(list);
  clientCommand(
    lans,
    "set",
    "share an interface: full (the whole LAN), local (this computer's programs) or off",
  )
    .argument("<interface>")
    .argument("<mode>", "full, local or off", lanMode)
    .action(async (name: string, mode: LanMode, options: CommonOptions) => {
      const result = await withClient(context, options, (client) => client.call("lans.set", { name, mode }));
      print(context, options, result, () => `${name} is ${mode} now.`);
    });
}
