import { Argument, InvalidArgumentError, type Command } from "commander";
import type { CliContext } from "./context.ts";
import { wholeNumber } from "./parse-value.ts";

/** As they were written; looked at where the rest of the tunnel is, which is loaded late. */
export interface SixtunnelWords {
  readonly role: "server" | "client";
  readonly config?: string;
  readonly address?: string;
  readonly port?: number;
  readonly range?: string;
  readonly assignments?: string;
  readonly knownOnly?: true;
  readonly id?: string;
  readonly defaultRoute?: boolean;
  readonly tun: string;
  readonly mtu: number;
  readonly queue: number;
  readonly verbose?: true;
  readonly json?: true;
}

const HELP = `
The stateful IPv6 tunnel over TCP and IPv4, with the original's wire format. Each client has a /64, for ever. Nothing is
encrypted, and a client is known by its Id alone: whoever knows one can have its prefix while it is not connected.

  castaway sixtunnel server --port 5000 --range 2001:db8:1::/48 --assignments /var/lib/sixtunnel.json
  castaway sixtunnel client --address home.example --port 5000

The configuration file has the original's names, a line each: localhost, listenport, prefixrange and assignments;
remotehost and remoteport. An option wins over the file. SIGUSR1 prints figures. Both need root.`;

export function addSixtunnel(program: Command, context: CliContext): void {
  program
    .command("sixtunnel")
    .description("the stateful IPv6 tunnel over TCP, as server or client; no daemon, no encryption")
    .addArgument(new Argument("<role>", "which end").choices(["server", "client"]))
    .option("-c, --config <file>", "a configuration file with the original's names")
    .option("--address <address>", "client: the server; server: its own address (all otherwise)", host)
    .option("--port <number>", "TCP port of the server", wholeNumber(1, 65_535))
    .option("--range <prefix>", "server: the IPv6 prefix that the /64s come out of, such as 2001:db8:1::/48")
    .option("--assignments <file>", "server: where it is kept who has which /64")
    .option("--known-only", "server: only clients that stand in the assignments already")
    .option("--id <id>", "client: six bytes as a MAC address is written (that of an interface otherwise)")
    .option("--no-default-route", "client: only the own /64")
    .option("--tun <name>", "name of the TUN device", deviceName, "sixtunnel0")
    .option("--mtu <bytes>", "of the TUN device", wholeNumber(1_280, 4_096), 1_500)
    .option("--queue <packets>", "how many wait while there is no connection", wholeNumber(1, 65_536), 500)
    .option("-v, --verbose", "print figures every ten seconds")
    .option("--json", "print what happens as JSON, a line each")
    .addHelpText("after", HELP)
    .action(async (role: SixtunnelWords["role"], options: Omit<SixtunnelWords, "role">) =>
      context.runSixtunnel({ ...options, role }),
    );
}

function host(text: string): string {
  if (!/^[\w.:-]{1,253}$/.test(text)) throw new InvalidArgumentError("It is an address or a name.");
  return text;
}

function deviceName(text: string): string {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(text))
    throw new InvalidArgumentError("It is an interface name of 15 characters at most.");
  return text;
}
