import { InvalidArgumentError, type Command } from "commander";
import { groupRefusal, scopePolicy } from "#protocol/forwarding/scope.ts";
import { canonicalAddress, isMulticast, type Address } from "#wire/address.ts";
import type { CliContext } from "./context.ts";
import { wholeNumber } from "./parse-value.ts";

interface Options {
  readonly server?: true;
  readonly address?: string;
  readonly port: number;
  readonly interface?: string;
  readonly group: Address;
  readonly groupPort: number;
  readonly ttl: number;
  readonly verbose?: true;
  readonly json?: true;
}

const HELP = `
Group, its port and the TTL are said at both ends. The TCP connection is neither encrypted nor authenticated: whoever
reaches the server's port sends to the group and hears it. SIGUSR1 prints figures.

  castaway mcasttunnel -s -p 9000 -g 239.1.2.3 -r 5004 -i 192.168.1.2
  castaway mcasttunnel -a home.example -p 9000 -g 239.1.2.3 -r 5004`;

export function addMcasttunnel(program: Command, context: CliContext): void {
  program
    .command("mcasttunnel")
    .description(
      "one group through TCP, with mcasttunnel's options and wire format; no daemon, no root, no encryption",
    )
    .option("-s, --server", "wait for clients; otherwise be one")
    .option(
      "-a, --address <address>",
      "client: the server's address or name; server: its own address (all otherwise)",
      hostOrAddress,
    )
    .requiredOption("-p, --port <number>", "TCP port of the server", wholeNumber(1, 65_535))
    .option("-i, --interface <address>", "own address, or name, of the group's interface", hostOrAddress)
    .requiredOption("-g, --group <group>", "the multicast group, IPv4 or IPv6", multicastGroup)
    .requiredOption("-r, --group-port <number>", "UDP port of the group", wholeNumber(1, 65_535))
    .option("-t, --ttl <number>", "TTL of what is sent to the group", wholeNumber(0, 255), 1)
    .option("-v, --verbose", "print figures every ten seconds")
    .option("--json", "print what happens as JSON, a line each")
    .addHelpText("after", HELP)
    .action(async ({ server, interface: via, ...rest }: Options) => {
      if (!server && rest.address === undefined)
        throw new InvalidArgumentError(
          "A client needs the server's address: -a ADDRESS, or -s to be the server.",
        );
      await context.runMcasttunnel({ ...rest, server: server === true, via, address: rest.address });
    });
}

function multicastGroup(text: string): Address {
  const group = canonicalAddress(text);
  if (group === undefined || !isMulticast(group))
    throw new InvalidArgumentError("It is a multicast group, such as 239.1.2.3 or ff1e::1.");
  if (groupRefusal(scopePolicy(), group) === "never-routed")
    throw new InvalidArgumentError(`${group} belongs to one link and is never carried to another.`);
  return group;
}

function hostOrAddress(text: string): string {
  if (!/^[\w.:%-]{1,253}$/.test(text)) throw new InvalidArgumentError("It is an address or a name.");
  return text;
}
