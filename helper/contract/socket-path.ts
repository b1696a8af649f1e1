import { existsSync } from "node:fs";
import { join } from "node:path";

export const SYSTEM_SOCKET = "/run/castaway/control.sock";

type Environment = Readonly<Record<string, string | undefined>>;

function userSocket(environment: Environment): string | undefined {
  const folder = environment["XDG_RUNTIME_DIR"];
  return folder?.startsWith("/") ? join(folder, "castaway", "control.sock") : undefined;
}

/** Where a client looks: CASTAWAY_SOCKET, the system's daemon, or one that this user runs without privileges. */
export function clientSocketPath(environment: Environment): string {
  const chosen = environment["CASTAWAY_SOCKET"];
  if (chosen) return chosen;
  const own = userSocket(environment);
  return own && !existsSync(SYSTEM_SOCKET) && existsSync(own) ? own : SYSTEM_SOCKET;
}

/** Where a daemon listens: CASTAWAY_SOCKET, the service manager's folder, or the place that fits its uid. */
export function daemonSocketPath(environment: Environment, uid: number): string {
  const chosen = environment["CASTAWAY_SOCKET"];
  if (chosen) return chosen;
  const folder = environment["RUNTIME_DIRECTORY"];
  if (folder) return join(folder, "control.sock");
  return uid === 0 ? SYSTEM_SOCKET : (userSocket(environment) ?? SYSTEM_SOCKET);
}
