// The daemon and the CLI from source, in a machine of the lab, with a state folder and a control socket of their
// own: namespaces do not separate sockets in the file system.
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Child, Finished } from "./child.ts";
import { connect } from "#contract/client.ts";
import type { Snapshot } from "#contract/snapshot.ts";
import { removeAtEnd } from "./lab/cleanup.ts";
import type { Lab } from "./lab.ts";
import type { Machine } from "./machine.ts";

/** From the sources; or what CASTAWAY_BIN names, as the benches do with the built executable. */
const SOURCES = fileURLToPath(new URL("../../helper/cli/main.ts", import.meta.url));
const [PROGRAM, ...PROGRAM_ARGS]: [string, ...string[]] = process.env["CASTAWAY_BIN"]
  ? [process.env["CASTAWAY_BIN"]]
  : [process.execPath, SOURCES];
const START_MS = 15_000;

export interface TestDaemonOptions {
  /** `castaway proxy`, with `args` alone; by default it is the daemon. */
  readonly command?: "proxy";
  readonly port?: number;
  /** "lan", "lan=full", "wan=local", "wan=off" */
  readonly lan?: readonly string[];
  readonly tun?: string;
  readonly logLevel?: "debug" | "info" | "warn" | "error";
  /** Of a machine that runs its commands as another user: whose the daemon's folder is. */
  readonly uid?: number;
  /** Further words of the command line. */
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export interface CreatedInvite {
  readonly link: string;
  readonly networkName: string;
  readonly endpoints: readonly string[];
}

export class TestDaemon {
  readonly machine: Machine;
  readonly folder: string;
  readonly socketPath: string;
  readonly #options: TestDaemonOptions;
  readonly #forget: () => void;
  #child: Child | undefined;

  private constructor(machine: Machine, options: TestDaemonOptions) {
    this.machine = machine;
    this.#options = options;
    this.folder = mkdtempSync(join(tmpdir(), `castaway-${machine.name}-`));
    if (options.uid !== undefined) chownSync(this.folder, options.uid, options.uid);
    this.socketPath = join(this.folder, "control.sock");
    this.#forget = removeAtEnd(this.folder);
  }

  /** Resolves once the control socket answers. Rejects with what the daemon printed if it does not. */
  static async start(machine: Machine, options: TestDaemonOptions = {}): Promise<TestDaemon> {
    const daemon = new TestDaemon(machine, options);
    try {
      await daemon.#launch();
      return daemon;
    } catch (error) {
      await daemon.dispose();
      throw error;
    }
  }

  /** The same in a host of a lab, with which it ends. */
  static async inLab(lab: Lab, host: string, options: TestDaemonOptions = {}): Promise<TestDaemon> {
    const daemon = await TestDaemon.start(lab.host(host), options);
    lab.beforeDispose(() => daemon.dispose());
    return daemon;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.machine.name}: no daemon runs`);
    return pid;
  }

  get running(): boolean {
    return this.#child?.running ?? false;
  }

  /** Both outputs of the daemon since its last start. */
  get output(): string {
    return (this.#child?.stdout ?? "") + (this.#child?.stderr ?? "");
  }

  /** One command line of the CLI, whatever its exit code. */
  castaway(...words: readonly string[]): Promise<Finished> {
    return this.machine.exec(PROGRAM, [...PROGRAM_ARGS, ...words], {
      anyExit: true,
      timeoutMs: 40_000,
      env: { CASTAWAY_SOCKET: this.socketPath, NO_COLOR: "1" },
    });
  }

  /** The same with --json. Rejects with the command's own words unless it exits with 0. */
  async json<Result>(...words: readonly string[]): Promise<Result> {
    const { code, stdout, stderr } = await this.castaway(...words, "--json");
    if (code !== 0) throw new Error(`castaway ${words.join(" ")}: exit ${code}: ${stderr}${stdout}`);
    return JSON.parse(stdout) as Result;
  }

  /** By the control socket itself: tests ask all the time, and each command is a process. */
  async status(): Promise<Snapshot> {
    const client = await connect(this.socketPath, { checkOwner: false, helloDeadlineMs: 10_000 });
    try {
      return await client.call("status", {});
    } finally {
      client.close();
    }
  }

  /** Makes the network if there is none, and an invite into it. `endpoint`: how guests reach this end. */
  async invite(endpoint: string, ...words: readonly string[]): Promise<CreatedInvite> {
    const { networks, reach } = await this.status();
    // Without a DHT of the lab's own there is none to be had here, and its process would be in the way.
    if (reach.dht && reach.dhtBootstrap.length === 0) await this.json("reach", "--dht", "off");
    if (networks.length === 0) await this.json("up", "--name", "home");
    return this.json<CreatedInvite>("invite", "--endpoint", endpoint, ...words);
  }

  async join(link: string): Promise<{ readonly networkName: string; readonly addresses: readonly string[] }> {
    return this.json("join", link);
  }

  /** Polls the snapshot until the condition holds. */
  async until(what: string, holds: (snapshot: Snapshot) => boolean, timeoutMs = 10_000): Promise<Snapshot> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const snapshot = await this.status();
      if (holds(snapshot)) return snapshot;
      if (performance.now() > deadline) {
        const seen = JSON.stringify(snapshot.networks, undefined, 1);
        throw new Error(
          `${this.machine.name}: not within ${timeoutMs} ms: ${what}\n${seen}\n${this.output.slice(-2_000)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<Finished | undefined> {
    return this.#child?.stop(signal, 5_000);
  }

  /** On the same state, after the end of the one before. */
  async restart(): Promise<void> {
    if (this.running) await this.kill("SIGTERM");
    await this.#launch();
  }

  /** Safe to repeat. */
  async dispose(): Promise<void> {
    await this.kill("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
    this.#forget();
  }

  async #launch(): Promise<void> {
    const { port, lan = [], tun, logLevel, args = [], env } = this.#options;
    const daemon = [
      "daemon",
      "--foreground",
      "--state",
      join(this.folder, "state"),
      "--socket",
      this.socketPath,
      ...(port === undefined ? [] : ["--port", String(port)]),
      ...lan.flatMap((choice) => ["--lan", choice]),
      ...(tun === undefined ? [] : ["--tun", tun]),
      ...(logLevel === undefined ? [] : ["--log-level", logLevel]),
      ...args,
    ];
    const words =
      this.#options.command === "proxy" ? ["proxy", "--socket", this.socketPath, ...args] : daemon;
    const label = `${this.machine.name}: castaway daemon`;
    this.#child = this.machine.spawn(PROGRAM, [...PROGRAM_ARGS, ...words], {
      label,
      ...(env && { env }),
    });
    const deadline = performance.now() + START_MS;
    while (!(await answers(this.socketPath))) {
      if (!this.running || performance.now() > deadline) {
        const how = this.running ? `does not answer within ${START_MS} ms` : "ended at its start";
        throw new Error(`${label} ${how}:\n${this.output.slice(-3_000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.status();
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
