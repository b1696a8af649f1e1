// npm run bench -- proxy: LAN in, LAN out. Castaway with and without the kernel, beside smcroute and igmpproxy (the
// kernel forwards for both) and a static forwarder in Python, in one run. Source, router and listener are three network
// namespaces; the load is C (the harness's mcsend and mcsink), so rates are floors of what one machine does to itself.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TestDaemon } from "#test/support/daemon.ts";
import type { Child } from "#test/support/child.ts";
import { removeAtEnd } from "#test/support/lab/cleanup.ts";
import { LanScene } from "#test/support/lan-scene.ts";
import { hasCommand } from "#test/support/requirements.ts";
import { PYTHON } from "#test/support/python.ts";
import { say } from "#test/demo/steps.ts";
import { cpuSeconds } from "./process-cost.ts";

const GROUP = "239.1.1.1";
const PORT = 5004;
const ROUNDS = 3;
const LOSS_LIMIT = 1e-4;
const FORWARDER = fileURLToPath(new URL("./kth_forwarder.py", import.meta.url));
const ROUTES = `phyint north enable\nphyint south enable\nmgroup from north group ${GROUP}\nmroute from north group ${GROUP} to south\n`;

interface Running {
  readonly pid: number;
  stop(): Promise<unknown>;
}

interface Contestant {
  readonly title: string;
  /** The command that it needs; undefined: nothing. */
  readonly needs?: string;
  start(bench: Bench): Promise<Running>;
}

const CONTESTANTS: readonly Contestant[] = [
  {
    title: "Castaway, by itself",
    start: (bench) => bench.castaway("--no-kernel-forwarding"),
  },
  {
    title: "Castaway, kernel",
    start: (bench) => bench.castaway(),
  },
  {
    title: "smcroute (kernel)",
    needs: "smcrouted",
    start: async (bench) => {
      const conf = bench.write("smcroute.conf", ROUTES);
      const files = ["-P", join(bench.folder, "pid"), "-u", join(bench.folder, "sock")];
      return bench.run("smcrouted", ["-n", "-N", "-f", conf, ...files]);
    },
  },
  {
    title: "igmpproxy (kernel)",
    needs: "igmpproxy",
    start: async (bench) => {
      const text =
        "quickleave\nphyint north upstream ratelimit 0 threshold 1\n  altnet 10.0.0.0/8\n" +
        "phyint south downstream ratelimit 0 threshold 1\n";
      return bench.run("igmpproxy", ["-n", bench.write("igmpproxy.conf", text)]);
    },
  },
  {
    title: "Python forwarder",
    start: (bench) => bench.run(PYTHON, [FORWARDER, GROUP, String(PORT), "10.77.1.1", "10.77.2.1"]),
  },
];

interface Trial {
  readonly sent: number;
  readonly received: number;
  readonly reached: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuUs: number;
}

class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), "castaway-bench-"));
  readonly #keepFolder = removeAtEnd(this.folder);
  readonly #scene = new LanScene(["north", "south"], {
    router: ["north", "south"].map((lan) => ({ lan, host: 1 })),
    source: [{ lan: "north", host: 2 }],
    listener: [{ lan: "south", host: 2 }],
  });
  #run = 0;

  constructor(sources: string) {
    for (const name of ["mcsend", "mcsink"])
      execFileSync("gcc", ["-O2", "-o", join(this.folder, name), join(sources, `${name}.c`)]);
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  async run(command: string, args: readonly string[]): Promise<Running> {
    const child = this.#scene.machines["router"]!.spawn(command, args);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    if (child.pid === undefined || !child.running) throw new Error(`${command}: ${child.stderr}`);
    return { pid: child.pid, stop: () => child.stop("SIGTERM") };
  }

  async castaway(...args: readonly string[]): Promise<Running> {
    const routes = this.write("routes.conf", ROUTES);
    const router = this.#scene.machines["router"]!;
    const daemon = await TestDaemon.start(router, { args: ["--routes", routes, ...args] });
    return { pid: daemon.pid, stop: () => daemon.dispose() };
  }

  /** `warm`: seconds of the stream before it is measured, in which the kernel is given it. */
  async trial(pid: number, rate: number, seconds: number, warm: number): Promise<Trial> {
    const run = String(++this.#run);
    const at = ["-g", GROUP, "-p", String(PORT)];
    // Before the measured stream another one of the same source and group, which the sink does not count.
    const sink = this.#spawn("listener", "mcsink", [
      ...at,
      "-i",
      "south",
      "-R",
      run,
      "-T",
      String(seconds + warm + 60),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    if (warm > 0) await this.#send(["-r", "200", "-d", String(warm), "-R", "9999"]);
    const before = cpuSeconds(pid);
    const sent = await this.#send(["-r", String(rate), "-d", String(seconds), "-R", run]);
    const cpu = cpuSeconds(pid) - before;
    await new Promise((resolve) => setTimeout(resolve, 300));
    sink.signal("SIGTERM");
    const got = parse((await sink.finished(20_000)).stdout);
    return {
      sent: sent["sent"]!,
      received: got["unique"]!,
      reached: sent["actual_pps"]!,
      p50: got["p50_us"]!,
      p99: got["p99_us"]!,
      cpuUs: (cpu * 1e6) / Math.max(1, got["unique"]!),
    };
  }

  async dispose(): Promise<void> {
    await this.#scene.dispose();
    rmSync(this.folder, { recursive: true });
    this.#keepFolder();
  }

  async #send(args: readonly string[]): Promise<Record<string, number>> {
    const to = ["-g", GROUP, "-p", String(PORT), "-i", "north", "-t", "16", "-s", "1316"];
    return parse((await this.#spawn("source", "mcsend", [...to, ...args]).finished(60_000)).stdout);
  }

  #spawn(machine: string, program: string, args: readonly string[]): Child {
    return this.#scene.machines[machine]!.spawn(join(this.folder, program), args);
  }
}

function parse(text: string): Record<string, number> {
  return JSON.parse(text.slice(text.indexOf("{"))) as Record<string, number>;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** `harness`: the folder of the load generator. */
export async function runProxyBench(harness: string): Promise<string> {
  const rows: string[] = [];
  for (const { title, needs, start } of CONTESTANTS) {
    if (needs !== undefined && !hasCommand(needs)) {
      say(`${title}: skipped, ${needs} is not here`);
      continue;
    }
    const bench = new Bench(join(harness, "src"));
    try {
      const running = await start(bench);
      const warm = title.includes("kernel") ? 6 : 1;
      const rounds: Trial[] = [];
      for (let n = 0; n < ROUNDS; n++)
        rounds.push(await bench.trial(running.pid, 1_000, 4, n === 0 ? warm : 1));
      const slow = rounds.reduce(
        (sum, { sent, received }) => ({ sent: sum.sent + sent, received: sum.received + received }),
        { sent: 0, received: 0 },
      );
      const fast = await bench.trial(running.pid, 10_000, 4, warm);
      let lossFree = 0;
      let bound = "";
      for (let rate = 10_000; rate <= 300_000; rate *= 1.4) {
        const { sent, received, reached } = await bench.trial(
          running.pid,
          rate,
          2,
          lossFree === 0 ? warm : 0,
        );
        if (received < sent * (1 - LOSS_LIMIT)) break;
        lossFree = reached;
        bound = reached < 0.9 * rate ? ">= " : "";
        if (bound) break;
      }
      const row = [
        title.padEnd(22),
        median(rounds.map(({ p50 }) => p50))
          .toFixed(0)
          .padStart(8),
        median(rounds.map(({ p99 }) => p99))
          .toFixed(0)
          .padStart(8),
        fast.cpuUs.toFixed(2).padStart(10),
        `${bound}${(lossFree / 1000).toFixed(0)}`.padStart(10),
        `${slow.received}/${slow.sent}`.padStart(14),
      ].join("");
      say(row);
      rows.push(row);
      await running.stop();
    } finally {
      await bench.dispose();
    }
  }
  const head =
    "LAN in, LAN out         p50 us  p99 us   CPU us/p  loss-free  got at 1k/s\n" +
    "1,316 bytes             at 1 kpps        at 10 kpps     kpps";
  return `${head}\n${rows.join("\n")}`;
}
