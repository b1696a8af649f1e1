import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { daemonSocketPath } from "#contract/socket-path.ts";
import type { LogLevel } from "#ports/log.ts";
import { print, withClient, type CliContext } from "./context.ts";
import type { SocketChoice } from "#runtime/socket-choice.ts";
import { lanChoice, socketChoice, wholeNumber, type LanMode } from "./parse-value.ts";

interface Options {
  readonly state?: string;
  readonly socket?: string;
  readonly port?: number;
  readonly lan: { name: string; mode: LanMode }[];
  readonly socketVif: SocketChoice[];
  readonly routes?: string;
  readonly peers?: string;
  readonly amtRelay?: true;
  readonly tun?: string | boolean;
  readonly kernelForwarding: boolean;
  readonly user?: string;
  readonly foreground?: true;
  readonly logLevel: LogLevel;
  readonly stop?: true;
  readonly newState?: true;
  readonly json?: true;
}

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

export function addDaemon(program: Command, context: CliContext): void {
  program
    .command("daemon")
    .description("run the service that does the work; every other command talks to it")
    .option("--state <folder>", "where keys, members and settings are kept (/var/lib/castaway)")
    .option("--socket <path>", "the control socket (CASTAWAY_SOCKET)")
    .option("--port <number>", "UDP and TCP port for the other members", wholeNumber(1, 65_535))
    .option(
      "--lan <interface[=mode]>",
      "share this LAN interface: full, local or off; may be repeated",
      lanChoice,
      [],
    )
    .option(
      "--socket-vif <group:port>",
      "carry this group by plain sockets, without privileges; [IPv6 group]:port; @source for source-specific, " +
        "%interface to choose one; may be repeated",
      socketChoice,
      [],
    )
    .option(
      "--routes <file>",
      "static joins and routes, as smcroute.conf has them (/etc/castaway/routes.conf)",
    )
    .option("--peers <file>", "computers to be joined with without an invite (/etc/castaway/peers.conf)")
    .option("--amt-relay", "be an AMT relay for others in this run; castaway amt relay says how")
    .option("--tun <name>", "name of the TUN device", interfaceName)
    .option("--no-tun", "open no network device, and give up root's powers: needs --socket-vif")
    .option("--no-kernel-forwarding", "forward streams from LAN to LAN here, and never by the kernel")
    .option("--user <account>", "change to this account once the devices are open")
    .option("--foreground", "log for people on a terminal, not for the journal")
    .option("--log-level <level>", "debug, info, warn or error", logLevel, "info")
    .option("--new-state", "start with a new identity where the kept one is damaged or lost")
    .option("--stop", "stop the daemon that runs")
    .option("--json", "with --stop: print the result as JSON")
    .action(async (options: Options) => {
      if (options.stop) return stop(context, options);
      const uid = process.getuid?.() ?? 0;
      const sudoUid = context.environment["SUDO_UID"];
      await context.runDaemon({
        stateDirectory: options.state ?? stateDirectory(context, uid),
        socketPath: options.socket ?? daemonSocketPath(context.environment, uid),
        port: options.port,
        lans: options.lan,
        routesFile: options.routes,
        peersFile: options.peers,
        socketVifs: options.socketVif,
        amtRelay: options.amtRelay ?? false,
        tunName: options.tun === true ? undefined : options.tun,
        kernelForwarding: options.kernelForwarding,
        user: options.user,
        foreground: options.foreground ?? false,
        logLevel: options.logLevel,
        newState: options.newState ?? false,
        sudoUid:
          uid === 0 && sudoUid !== undefined && /^\d{1,10}$/.test(sudoUid) ? Number(sudoUid) : undefined,
      });
    });
}

async function stop(context: CliContext, options: Options): Promise<void> {
  const result = await withClient(context, options, (client) => client.call("shutdown", {}));
  print(context, options, result, () => "The daemon stops.");
}

/** The service manager's folder, the system's, or the user's own (XDG base directories). */
function stateDirectory({ environment }: CliContext, uid: number): string {
  const managed = environment["STATE_DIRECTORY"];
  if (managed) return managed;
  const home = environment["HOME"];
  if (uid === 0 || !home) return "/var/lib/castaway";
  return `${environment["XDG_STATE_HOME"] ?? `${home}/.local/state`}/castaway`;
}

function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (!level) throw new InvalidArgumentError(`It is one of ${LOG_LEVELS.join(", ")}.`);
  return level;
}

function interfaceName(text: string): string {
  if (!/^[^\s/%:]{1,15}$/.test(text))
    throw new InvalidArgumentError("It is an interface name of 15 characters at most.");
  return text;
}
