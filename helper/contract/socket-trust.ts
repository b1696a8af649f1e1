// A client tells the daemon invite links, and shows what it hears as the truth: so it must know whose socket
// it is. The socket's owner says that, as long as nobody else can swap files in its folder.
import { readFileSync, statSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { ControlError } from "./errors.ts";

/** The account that the service unit runs as. */
const SERVICE_ACCOUNT = "castaway";

/** Who may own the socket: root, the user itself, and the service's account. */
function trustedOwners(): Set<number> {
  const owners = new Set([0]);
  if (process.getuid) owners.add(process.getuid());
  const service = accountUid(SERVICE_ACCOUNT);
  if (service !== undefined) owners.add(service);
  return owners;
}

/** The uid of an account of this computer; undefined where there is none of that name. Only root writes that file. */
export function accountUid(name: string, passwd = "/etc/passwd"): number | undefined {
  let text: string;
  try {
    text = readFileSync(passwd, "utf8");
  } catch {
    return undefined;
  }
  for (const line of text.split("\n")) {
    const [account, , uid] = line.split(":");
    if (account === name && uid && /^\d+$/.test(uid)) return Number(uid);
  }
  return undefined;
}

/** Throws a ControlError where there is no socket at `path`, or one that somebody else could have put there. */
export function checkSocketOwner(path: string): void {
  if (process.platform === "win32") return; // named pipes carry no owner in stat
  const owners = trustedOwners();
  const socket = inspect(path);
  if (!socket.isSocket())
    throw new ControlError(
      "untrusted-socket",
      `${path} is not a socket`,
      "Name the daemon's socket with --socket.",
    );
  const folder = inspect(dirname(path));
  const swappable = (folder.mode & 0o022) !== 0 && (folder.mode & 0o1000) === 0;
  if (!owners.has(socket.uid) || swappable)
    throw new ControlError(
      "untrusted-socket",
      swappable
        ? `the folder of ${path} can be written by others, so the socket in it cannot be trusted`
        : `${path} belongs to uid ${socket.uid}, not to root, the castaway service or you`,
      `Look who made it: ls -ld ${dirname(path)} ${path}`,
    );
}

function inspect(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw openError(path, error);
  }
}

/** errno of the way to the socket, with the command that helps. */
export function openError(path: string, error: unknown): ControlError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const start = "Start it: sudo systemctl start castaway, or by hand: sudo castaway daemon";
  if (code === "ENOENT" || code === "ENOTDIR")
    return new ControlError("not-running", `the castaway daemon is not running (there is no ${path})`, start);
  if (code === "ECONNREFUSED")
    return new ControlError(
      "not-listening",
      `the castaway daemon has ended without a word (nothing listens on ${path} any more)`,
      start,
    );
  if (code === "EACCES" || code === "EPERM")
    return new ControlError("permission-denied", `no access to ${path}`, "Run the same command with sudo.");
  return new ControlError(
    "disconnected",
    `cannot reach ${path}: ${error instanceof Error ? error.message : code}`,
  );
}
