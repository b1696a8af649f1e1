import { Argument, InvalidArgumentError, type Command } from "commander";
import { plainText } from "#contract/plain-text.ts";
import type { Tunnel, TunnelToAdd } from "#contract/tunnels.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { wholeNumber } from "./parse-value.ts";
import { table } from "./table.ts";

interface McasttunnelOptions extends CommonOptions {
  readonly server?: true;
  readonly address?: string;
  readonly port: number;
  readonly group: string;
  readonly groupPort: number;
  readonly ttl: number;
}

interface SixtunnelOptions extends CommonOptions {
  readonly address?: string;
  readonly port: number;
  readonly range?: string;
  readonly knownOnly?: true;
  readonly id?: string;
  readonly defaultRoute: boolean;
}

const port = wholeNumber(1, 65_535);
const PLAIN = "\nWhat goes through it is neither encrypted nor authenticated.";

export function addTunnels(program: Command, context: CliContext): void {
  const list = async (options: CommonOptions): Promise<void> => {
    const result = await withClient(context, options, (client) => client.call("tunnels.list", {}));
    print(context, options, result, ({ tunnels }) => tunnelsText(tunnels));
  };
  const add = async (options: CommonOptions, tunnel: TunnelToAdd): Promise<void> => {
    const result = await withClient(context, options, (client) => client.call("tunnels.add", tunnel));
    print(
      context,
      options,
      result,
      ({ id }) => `Added as ${id}. Take it back: castaway tunnels remove ${id}`,
    );
  };
  const tunnels = clientCommand(
    program,
    "tunnels",
    "tunnels of other programs' kinds that end in the daemon: mcasttunnel, the stateful IPv6 tunnel",
  ).action(list);
  clientCommand(tunnels, "list", "the tunnels, who is connected, and what is wrong").action(list);

  const added = clientCommand(tunnels, "add", "begin a tunnel, and have it after each start");
  clientCommand(added, "mcasttunnel", "one group through TCP, to and from the LANs and networks here")
    .option("-s, --server", "wait for clients; otherwise be one")
    .option("-a, --address <address>", "client: the server; server: its own address (all otherwise)")
    .requiredOption("-p, --port <number>", "TCP port of the server", port)
    .requiredOption("-g, --group <group>", "the multicast group, IPv4 or IPv6")
    .requiredOption("-r, --group-port <number>", "UDP port of the group", port)
    .option("-t, --ttl <number>", "TTL of what is sent to the LANs", wholeNumber(1, 254), 16)
    .addHelpText("after", PLAIN)
    .action((options: McasttunnelOptions) => {
      const { server, address = null, group, groupPort, ttl } = options;
      const role = server ? ("server" as const) : ("client" as const);
      return add(options, { kind: "mcasttunnel", role, address, port: options.port, group, groupPort, ttl });
    });

  clientCommand(added, "sixtunnel", "the IPv6 tunnel: a /64 for each client, and IPv6 multicast both ways")
    .addArgument(new Argument("<role>", "which end").choices(["server", "client"]))
    .option("--address <address>", "client: the server; server: its own address (all otherwise)")
    .requiredOption("--port <number>", "TCP port of the server", port)
    .option("--range <prefix>", "server: what the /64s come out of, such as 2001:db8:1::/48")
    .option("--known-only", "server: only clients that have a prefix already")
    .option("--id <id>", "client: six bytes as a MAC address is written (that of an interface otherwise)")
    .option("--no-default-route", "client: only the own /64")
    .addHelpText("after", PLAIN)
    .action((role: "server" | "client", options: SixtunnelOptions) => add(options, sixtunnel(role, options)));

  clientCommand(tunnels, "remove <id>", "end a tunnel").action(async (id: string, options: CommonOptions) => {
    const result = await withClient(context, options, (client) => client.call("tunnels.remove", { id }));
    print(context, options, result, () => `Removed ${id}.`);
  });
}

function sixtunnel(role: "server" | "client", options: SixtunnelOptions): TunnelToAdd {
  const { address, range, knownOnly = false, id: clientId = null, defaultRoute } = options;
  const kind = "sixtunnel";
  if (role === "server") {
    if (range === undefined)
      throw new InvalidArgumentError("A server needs the prefix that the /64s come out of: --range PREFIX.");
    return { kind, role, address: address ?? null, port: options.port, range, knownOnly };
  }
  if (address === undefined)
    throw new InvalidArgumentError("A client needs the server's address: --address ADDRESS.");
  return { kind, role, address, port: options.port, clientId, defaultRoute };
}

function tunnelsText(tunnels: readonly Tunnel[]): string {
  if (tunnels.length === 0) return "No tunnels. They are for hosts that run mcasttunnel or the IPv6 tunnel.";
  return table(tunnels, [
    { title: "ID", value: (row) => row.id },
    { title: "KIND", value: (row) => `${row.kind} ${row.role}` },
    { title: "TCP", value: (row) => `${row.address ?? "*"} port ${row.port}` },
    { title: "CARRIES", value: carries },
    { title: "STATE", value: stateText },
    { title: "OUT", value: (row) => String(row.toPeers) },
    { title: "IN", value: (row) => String(row.fromPeers) },
  ]);
}

function carries(tunnel: Tunnel): string {
  if (tunnel.kind === "mcasttunnel") return `${tunnel.group} port ${tunnel.groupPort}`;
  return tunnel.role === "server" ? `IPv6 out of ${tunnel.range}` : "IPv6";
}

function stateText({ state, detail, peers }: Tunnel): string {
  if (state === "failed") return `does not work: ${plainText(detail)}`;
  return state === "up" ? peers.map(plainText).join(", ") : "nobody is connected";
}
