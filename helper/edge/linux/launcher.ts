// Starts programs for the service as another user, after the service itself has given up the power to do so: a
// shell that was made before, with that user's rights already, waits for its word. It is a shell because it waits
// for as long as the service runs, and another Node would hold 40 MB for that.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, realpathSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Account } from "./accounts.ts";
import { F_DUPFD, F_SETFD, FD_CLOEXEC } from "./constants.ts";
import { fcntl } from "./libc.ts";
import { forbidNewPrivileges, withoutCapabilities } from "./privileges.ts";
import { checked } from "./system-error.ts";

/** The launcher's descriptor and user, for the service's second run (privileges.ts). */
const VARIABLE = "CASTAWAY_LAUNCHER";
const SHELL = "/bin/sh";

// "start VALUE TOKEN" ends the program where it runs, and starts it anew; "end" ends it. So does the service's end.
const script = (variable: string): string => `
child=
end() { [ -z "$child" ] || { kill -9 "$child"; wait "$child"; child=; }; }
while read -r word name token; do
  end
  case $word in start) ${variable}="$name $token" "$@" </dev/null >/dev/null & child=$! ;; esac
done 2>/dev/null
end`;

export interface Launcher {
  /** Whose rights the program has. */
  readonly uid: number;
  /** \`name\`: where it finds us; \`token\`: what it proves itself by. Ends the one that runs, if one does. */
  start(name: string, token: string): void;
  /** At once, whatever it is doing. */
  end(): void;
}

/** What is started: an executable, its arguments, and the files that it reads by name to start at all. */
export interface Program {
  readonly executable: string;
  readonly arguments: readonly string[];
  readonly files: readonly string[];
  /** Of its environment: "name token". */
  readonly variable: string;
}

/**
 * To be called as root, before privileges are reduced. Does nothing where the account could not start the program,
 * because its files are in a folder that is closed to others.
 */
export function prepareLauncher(account: Account, program: Program): void {
  delete process.env[VARIABLE];
  const { executable, files } = program;
  // A lone executable is handed over open, wherever it lies. Sources are read by name.
  const alone = files.length === 0;
  if (!alone && ![executable, ...files].every(openToOthers)) return;
  forbidNewPrivileges();
  const image = openSync(executable, "r");
  const command = [alone ? "/proc/self/fd/3" : executable, ...program.arguments];
  const child = spawn(SHELL, ["-c", script(program.variable), "castaway-launcher", ...command], {
    uid: account.uid,
    gid: account.gid,
    cwd: "/",
    env: {},
    detached: true, // a Ctrl-C is for the service, which ends it
    stdio: ["pipe", "ignore", "ignore", image],
  });
  closeSync(image);
  // A copy that stays open when the service executes itself anew.
  const handle = Reflect.get(child.stdin!, "_handle") as { fd: number };
  const kept = checked("F_DUPFD", fcntl(handle.fd, F_DUPFD, 3));
  process.env[VARIABLE] = `${kept} ${account.uid}`;
}

/** The launcher that the first run of this process has prepared, if it has. To be called once. */
export function takeLauncher(): Launcher | undefined {
  const [fd, uid] = (process.env[VARIABLE] ?? "").split(" ").map(Number);
  delete process.env[VARIABLE];
  if (fd === undefined || uid === undefined || !Number.isInteger(fd) || fd < 3) return undefined;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return undefined;
  const say = (line: string): void => {
    try {
      writeSync(fd, `${line}\n`);
    } catch (error) {
      // A signal to all of the service's processes ends the launcher first: what it started does not come again.
      if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
    }
  };
  return {
    uid,
    start: (name, token) => say(`start ${name} ${token}`),
    end: () => say("end"),
  };
}

function openToOthers(file: string): boolean {
  let path = realpathSync(file);
  if ((statSync(path).mode & 0o004) === 0) return false;
  while (path !== "/") {
    path = dirname(path);
    if ((statSync(path).mode & 0o001) === 0) return false;
  }
  return true;
}

/** Without a launcher: as the user that the service runs as, but without its capabilities. */
export function ownLauncher(program: Program): Launcher {
  let child: ChildProcess | undefined;
  const end = (): void => {
    child?.kill("SIGKILL");
    child = undefined;
  };
  return {
    uid: process.getuid!(),
    start: (name, token) => {
      end();
      forbidNewPrivileges();
      child = withoutCapabilities(() =>
        spawn(program.executable, [...program.arguments], {
          cwd: "/",
          env: { [program.variable]: `${name} ${token}` },
          stdio: "ignore",
        }),
      );
      child.on("error", () => {}); // it does not come, which is noticed by that
    },
    end,
  };
}
