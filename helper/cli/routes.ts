import type { Command } from "commander";
import { plainText } from "#contract/plain-text.ts";
import type { StaticRoute } from "#contract/snapshot.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { table } from "./table.ts";

interface AddOptions extends CommonOptions {
  readonly from: string;
  readonly source?: string;
  readonly to?: string[];
}

export function addRoutes(program: Command, context: CliContext): void {
  const list = async (options: CommonOptions): Promise<void> => {
    const result = await withClient(context, options, (client) => client.call("routes.list", {}));
    print(context, options, result, ({ routes }) => routesText(routes));
  };
  const routes = clientCommand(
    program,
    "routes",
    "static joins and routes, beside what listeners ask for",
  ).action(list);
  clientCommand(routes, "list", "the static joins and routes").action(list);

  clientCommand(routes, "add <group>", "add a static route, or without --to a static join")
    .requiredOption("--from <interface>", "where the packets enter; eth+ stands for any that starts with eth")
    .option("--source <address>", "this source alone; a prefix such as 192.0.2.0/24 fits too")
    .option("--to <interface...>", "where the packets leave")
    .action(async (group: string, options: AddOptions) => {
      const result = await withClient(context, options, (client) =>
        client.call("routes.add", {
          group,
          fromVif: options.from,
          toVifs: options.to ?? [],
          ...(options.source !== undefined && { source: options.source }),
        }),
      );
      print(
        context,
        options,
        result,
        ({ id }) => `Added as ${id}. Take it back: castaway routes remove ${id}`,
      );
    });

  clientCommand(routes, "remove <id>", "remove a static join or route").action(
    async (id: string, options: CommonOptions) => {
      const result = await withClient(context, options, (client) => client.call("routes.remove", { id }));
      print(context, options, result, () => `Removed ${id}.`);
    },
  );
}

function routesText(routes: readonly StaticRoute[]): string {
  if (routes.length === 0)
    return "No static joins or routes. They are not needed where listeners speak IGMP or MLD.";
  return table(routes, [
    { title: "ID", value: (row) => row.id },
    { title: "KIND", value: (row) => (row.toVifs.length > 0 ? "route" : "join") },
    { title: "GROUP", value: (row) => row.group },
    { title: "SOURCE", value: (row) => row.source ?? "any" },
    { title: "FROM", value: (row) => row.fromVif },
    { title: "TO", value: (row) => row.toVifs.join(", ") || "-" },
    { title: "STATE", value: (row) => (row.active ? "active" : "waits for an interface") },
    ...(routes.some((row) => row.origin !== undefined)
      ? [{ title: "SET BY", value: (row: StaticRoute) => plainText(row.origin ?? "routes add") }]
      : []),
  ]);
}
