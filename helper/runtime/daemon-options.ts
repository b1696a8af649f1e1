import type { ProxyChange } from "#contract/proxy.ts";
import type { LogLevel } from "#ports/log.ts";
import type { SocketChoice } from "./socket-choice.ts";

/** What `castaway daemon` was started with. Undefined: the daemon chooses. */
export interface DaemonOptions {
  readonly stateDirectory: string;
  readonly socketPath: string;
  /** UDP and TCP port of the transport. */
  readonly port: number | undefined;
  readonly lans: readonly { readonly name: string; readonly mode: "full" | "local" | "off" }[];
  /** Undefined: the system's own, where there is one. */
  readonly routesFile: string | undefined;
  /** Static peers; undefined: the system's own file, where there is one. */
  readonly peersFile: string | undefined;
  /** Print the log as JSON, a line each. */
  readonly jsonLog?: boolean;
  /** Be a multicast proxy between LANs and nothing else: no tunnel, no members. */
  readonly proxy?: ProxyChange | undefined;
  readonly socketVifs: readonly SocketChoice[];
  /** Be an AMT relay for others in this run, whatever is set. */
  readonly amtRelay: boolean;
  /** false: no network devices, so no privileges. */
  readonly tunName: string | false | undefined;
  /** May the kernel forward streams from LAN to LAN? */
  readonly kernelForwarding: boolean;
  /** Account to change to once the devices are open. */
  readonly user: string | undefined;
  /** Log for people on a terminal, not for the journal. */
  readonly foreground: boolean;
  readonly logLevel: LogLevel;
  /** Make a new identity where the state is damaged or lost. */
  readonly newState: boolean;
  /** Who ran sudo, if somebody did: may drive the daemon. */
  readonly sudoUid: number | undefined;
}
