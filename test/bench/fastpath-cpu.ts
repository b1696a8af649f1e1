// CPU microseconds a packet that each end's fast path takes, LAN to UDP (out) and UDP to TUN (in), paced and at
// saturation: node test/bench/fastpath-cpu.ts [bytes] [packets a second...]. Root. Needs ../shared/peers (the load
// generator and the sink) and gcc. What the kernel does in softirq while a thread sends is charged to that thread.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PEER, TUN, LAN, makePair, toLocal, toPeer } from "../net/fastpath-pair.ts";

const SOURCES = resolve(import.meta.dirname, "../../../shared/peers/src");
const GROUP = process.env["GROUP"] ?? "239.1.2.3";
const SECONDS = 3;

/** Worker threads of this process, by thread id. */
function workerThreads(): number[] {
  return readdirSync("/proc/self/task")
    .map(Number)
    .filter((tid) => readFileSync(`/proc/self/task/${tid}/comm`, "utf8").startsWith("cw-"));
}

/** Nanoseconds that a thread was on a processor. */
function cpuTime(tid: number): number {
  return Number(readFileSync(`/proc/self/task/${tid}/schedstat`, "utf8").split(" ")[0]);
}

function run(namespace: string, program: string, args: readonly string[]): Promise<Record<string, number>> {
  return new Promise((done, failed) => {
    const child = spawn("ip", ["netns", "exec", namespace, program, ...args]);
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.pipe(process.stderr);
    child.on("exit", () => {
      if (text === "") failed(new Error(`${program} said nothing`));
      else done(JSON.parse(text.slice(text.indexOf("{"))) as Record<string, number>);
    });
  });
}

async function main(): Promise<void> {
  if (!existsSync(SOURCES) || process.getuid?.() !== 0) {
    console.log("skipped: needs root and ../shared/peers");
    return;
  }
  const bytes = Number(process.argv[2] ?? 1300);
  const rates = process.argv.slice(3).map(Number);
  const work = mkdtempSync(join(tmpdir(), "cw-fp-"));
  for (const name of ["mcsend", "mcsink"])
    execFileSync("gcc", ["-O2", "-o", join(work, name), join(SOURCES, `${name}.c`)]);
  const cipher = process.env["CIPHER"] === "chacha" ? "chacha20-poly1305" : "aes-256-gcm";
  const pair = await makePair({ prefix: "b", cipher });
  try {
    pair.routes("home", { [GROUP]: [toPeer()] });
    pair.routes("away", { [GROUP]: [toLocal(TUN)] });
    const [home, away] = workerThreads() as [number, number];
    console.log(`${bytes} bytes, ${cipher}; threads ${home} ${away}`);
    for (const rate of rates.length > 0 ? rates : [1000, 10_000, 400_000]) {
      const size = ["-g", GROUP, "-s", String(bytes)];
      const sending = ["-i", "wire0", "-d", String(SECONDS), "-t", "16"];
      const sink = run(pair.away.namespace, join(work, "mcsink"), [
        "-g",
        GROUP,
        "-i",
        "castaway0",
        "-T",
        String(SECONDS + 2),
      ]);
      await new Promise((done) => setTimeout(done, 300));
      const before = [home, away].map(cpuTime);
      const packets = [
        pair.home.fastPath.counters(PEER).txPackets,
        pair.away.fastPath.counters(TUN).txPackets,
      ];
      const sent = await run(pair.source, join(work, "mcsend"), [...size, ...sending, "-r", String(rate)]);
      await new Promise((done) => setTimeout(done, 200));
      const cost = [home, away].map((tid, i) => cpuTime(tid) - before[i]!);
      const out = pair.home.fastPath.counters(PEER).txPackets - packets[0]!;
      const into = pair.away.fastPath.counters(TUN).txPackets - packets[1]!;
      const got = await sink;
      console.log(
        `${rate}/s: sent ${sent["sent"]} (${sent["actual_pps"]}/s), out ${out}, in ${into}, sink ${got["unique"]}`,
        `| out ${(cost[0]! / 1000 / out).toFixed(2)} us, in ${(cost[1]! / 1000 / into).toFixed(2)} us`,
        `| latency p50 ${got["p50_us"]} p99 ${got["p99_us"]} us`,
      );
    }
    console.log(
      JSON.stringify(pair.home.fastPath.counters(LAN).drops),
      JSON.stringify(pair.away.fastPath.counters(PEER).drops),
      JSON.stringify(pair.away.fastPath.transportCounters().drops),
    );
  } finally {
    await pair.remove();
    rmSync(work, { recursive: true });
  }
}

await main();
