// A systemd of our own, as the first process of its own namespaces: services start as they do on a real computer,
// under all that their unit forbids them, in the network of a machine of the lab.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Child, Finished } from "./child.ts";
import { removeAtEnd } from "./lab/cleanup.ts";
import { Machine } from "./machine.ts";

const script = (name: string): string => fileURLToPath(new URL(`./systemd/${name}`, import.meta.url));
const SYSTEMD = "/lib/systemd/systemd";
/** What a unit with default dependencies refers to. */
const TARGETS = ["sysinit", "basic", "shutdown", "network", "multi-user"];
const BOOT_MS = 20_000;

export class Systemd {
  readonly #machine: Machine;
  readonly #child: Child;
  readonly #folder: string | undefined;
  readonly #forget: () => void;

  /** `folder`: goes with it. */
  private constructor(machine: Machine, child: Child, folder: string | undefined) {
    this.#machine = machine;
    this.#child = child;
    this.#folder = folder;
    this.#forget = folder === undefined ? () => undefined : removeAtEnd(folder);
  }

  /** Resolves when it takes commands. `units`: by file name; those in `start` are started. */
  static async boot(
    machine: Machine,
    options: {
      readonly units: Readonly<Record<string, string>>;
      readonly start: readonly string[];
      readonly program: string;
      readonly account: string;
    },
  ): Promise<Systemd> {
    const folder = mkdtempSync(join(tmpdir(), "castaway-systemd-"));
    const bare = "[Unit]\nDefaultDependencies=no\n";
    for (const name of TARGETS) writeFileSync(join(folder, `${name}.target`), bare);
    writeFileSync(join(folder, "castaway-test.target"), `${bare}Wants=${options.start.join(" ")}\n`);
    for (const [name, text] of Object.entries(options.units)) writeFileSync(join(folder, name), text);
    return Systemd.#start(machine, [], ["boot.sh", folder, options.program, options.account], folder);
  }

  /**
   * On a copy of this computer, with no network but loopback and none of its services: what is installed there, and what is
   * written, is gone with it. `files` is a folder that is /files there.
   */
  static bootCopy(files: string): Promise<Systemd> {
    return Systemd.#start(new Machine("a copy"), ["--net"], ["boot-copy.sh", files], undefined);
  }

  static async #start(
    machine: Machine,
    apart: readonly string[],
    [name = "", ...rest]: readonly string[],
    folder: string | undefined,
  ): Promise<Systemd> {
    const words = ["--mount", ...apart, "bash", script("isolate.sh"), script(name), ...rest];
    const systemd = new Systemd(machine, machine.spawn("unshare", words, { label: "systemd" }), folder);
    try {
      await systemd.until(
        "systemd answers",
        async () => (await systemd.run("systemctl", "list-units")).code === 0,
        BOOT_MS,
      );
      return systemd;
    } catch (error) {
      await systemd.dispose();
      throw error;
    }
  }

  /** Its first process, as this computer numbers it; undefined as long as it is not there. */
  get #init(): number | undefined {
    const { pid } = this.#child;
    if (pid === undefined || !existsSync(`/proc/${pid}`)) return undefined;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
    return children === "" ? undefined : Number(children.split(" ")[0]);
  }

  /** Where a file of that little computer is on this one. */
  path(file: string): string {
    return `/proc/${this.#init}/root${file}`;
  }

  /** What a command prints, without the blanks around it. Rejects with its own words unless it exits with 0. */
  async output(command: string, ...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, ...words);
    if (code !== 0) throw new Error(`${[command, ...words].join(" ")}: exit ${code}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  /** A command on that little computer, whatever its exit code. */
  async run(command: string, ...words: readonly string[]): Promise<Finished> {
    const init = this.#init;
    if (init === undefined)
      throw new Error(`systemd does not run: ${this.#child.stdout}${this.#child.stderr}`);
    const into = [
      "-t",
      String(init),
      "-m",
      "-p",
      "-u",
      "-i",
      "-C",
      "-n",
      "env",
      "-i",
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    ];
    return this.#machine.exec("nsenter", [...into, command, ...words], { anyExit: true, timeoutMs: 30_000 });
  }

  async until(what: string, holds: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const held = this.#init !== undefined && (await holds().catch(() => false));
      if (held) return;
      if (performance.now() > deadline || !this.#child.running)
        throw new Error(`not within ${timeoutMs} ms: ${what}\n${this.#child.stdout}${this.#child.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Ends everything that runs there. */
  async dispose(): Promise<void> {
    const { pid } = this.#child;
    await this.#child.stop("SIGKILL", 5_000);
    if (pid !== undefined) removeControlGroup(`castaway-test-${pid}`);
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    this.#forget();
  }
}

/** It stays for a moment after its last process. */
function removeControlGroup(name: string): void {
  const command = `
    cd "$0" && mount -t cgroup2 none . && cd "$0" || exit 1
    for try in 1 2 3 4 5 6 7 8 9 10; do
      find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
      [ -d "$1" ] || exit 0
      sleep 0.2
    done`;
  const folder = mkdtempSync(join(tmpdir(), "castaway-groups-"));
  spawnSync("unshare", ["--mount", "sh", "-c", command, folder, name]);
  rmSync(folder, { recursive: true, force: true });
}

/** Why systemd cannot run in namespaces here; undefined where it can. Tried out with a unit that does nothing. */
export function missingForSystemd(): string | undefined {
  if (!existsSync(SYSTEMD)) return "needs systemd";
  const folder = mkdtempSync(join(tmpdir(), "castaway-systemd-"));
  try {
    const done = join(folder, "done");
    cpSync("/dev/null", join(folder, "program"));
    writeFileSync(
      join(folder, "castaway-test.target"),
      "[Unit]\nDefaultDependencies=no\nWants=try.service\n",
    );
    // Behind all that follows from the unit's own lines: control groups, mounts, system call filters.
    writeFileSync(
      join(folder, "try.service"),
      "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nUser=nobody\nDevicePolicy=closed\nProtectSystem=strict\n" +
        "SystemCallFilter=@system-service\nStandardOutput=file:/run/done\nExecStart=/bin/echo done\n",
    );
    const words = [script("isolate.sh"), script("boot.sh"), folder, join(folder, "program"), "castaway"];
    const look = `unshare --mount bash "$@" >/dev/null 2>&1 & pid=$!
      for try in $(seq 100); do
        sleep 0.1
        init=$(cut -d' ' -f1 "/proc/$pid/task/$pid/children" 2>/dev/null)
        [ -n "$init" ] && grep -q done "/proc/$init/root/run/done" 2>/dev/null && touch "$0" && break
      done
      kill -9 $pid; wait $pid; echo $pid`;
    const { stdout } = spawnSync("bash", ["-c", look, done, ...words], { encoding: "utf8", timeout: 30_000 });
    removeControlGroup(`castaway-test-${stdout.trim()}`);
    return existsSync(done) ? undefined : "systemd does not run in namespaces here";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
