// The TCP fallback beside mcasttunnel's technique (a length-prefixed frame per write, one thread) and udptunnel, in one
// run: node test/bench/tcp.ts [bytes]. Root, gcc; udptunnel is left out where it is missing. The other two are not
// encrypted. Absolute figures are this machine's; the ratios are what counts: aims are 2 and 0.5.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Child } from "#test/support/child.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import type { Machine } from "#test/support/machine.ts";
import { hasCommand, missingForLab } from "#test/support/requirements.ts";
import { cpuSeconds } from "./process-cost.ts";

const GROUP = "239.1.2.3";
const PORT = 5004;
const TCP_PORT = 4810;
const SECONDS = 4;
const TRIALS = 3;
/** Packets a second at which processor time is compared: all three carry it. */
const PACED = 10_000;

interface Tunnel {
  readonly name: string;
  readonly pids: readonly number[];
  readonly sink: Machine;
  readonly sinkAddress: string;
  end(): Promise<void>;
}

interface Figure {
  readonly kpps: number;
  readonly cpuUs: number; // a packet, at the paced rate
  readonly cpuUsAtFull: number;
  readonly delivered: number; // share at the paced rate
}

const work = mkdtempSync(join(tmpdir(), "castaway-bench-"));
const program = (name: string): string => join(work, name);

async function frameRelay(lab: Lab): Promise<Tunnel> {
  const [home, away] = [lab.host("home"), lab.host("away")];
  const place = [GROUP, String(PORT)];
  const relay = program("frame-relay");
  const near = home.spawn(relay, ["home", String(TCP_PORT), ...place, home.address4]);
  const far = away.spawn(relay, ["away", lab.homePublic.address4, String(TCP_PORT), ...place, away.address4]);
  return relayed(lab, "a frame per write, one thread", near, far);
}

async function udpTunnel(lab: Lab): Promise<Tunnel> {
  const group = `${GROUP}/${PORT}/16`;
  const near = lab.host("home").spawn("udptunnel", ["-s", String(TCP_PORT), group]);
  await pause(300);
  const far = lab.host("away").spawn("udptunnel", ["-c", `${lab.homePublic.address4}/${TCP_PORT}`, group]);
  return relayed(lab, "udptunnel", near, far);
}

async function relayed(lab: Lab, name: string, near: Child, far: Child): Promise<Tunnel> {
  await pause(1_500);
  const sink = lab.host("neighbour");
  return {
    name,
    pids: [near.pid!, far.pid!],
    sink,
    sinkAddress: sink.address4,
    end: async () => {
      await Promise.all([near.stop(), far.stop()]);
    },
  };
}

async function castaway(lab: Lab): Promise<Tunnel> {
  await lab.setUdpBlocked("away", true);
  const home = await TestDaemon.inLab(lab, "home", { port: TCP_PORT, lan: ["lan=full"] });
  const away = await TestDaemon.inLab(lab, "away", { lan: ["wan=off"] });
  const { link } = await home.invite(`${lab.homePublic.address4}:${TCP_PORT}`);
  await away.join(link);
  const { networks } = await away.until("by TCP", (snapshot) =>
    snapshot.networks.some(({ members }) => members.some(({ path }) => path === "tcp")),
  );
  const own = networks[0]!.ownAddresses.find((address) => !address.includes(":"))!.split("/")[0]!;
  return {
    name: "Castaway",
    pids: [home.pid, away.pid],
    sink: lab.host("away"),
    sinkAddress: own,
    end: async () => {
      await Promise.all([home.dispose(), away.dispose()]);
      await lab.setUdpBlocked("away", false);
    },
  };
}

/** `rate` 0: as much as the source can. */
async function trial(
  lab: Lab,
  tunnel: Tunnel,
  bytes: number,
  rate: number,
): Promise<Omit<Figure, "cpuUsAtFull">> {
  const source = lab.host("source");
  const load = program("load");
  const place = [GROUP, String(PORT)];
  const sink = tunnel.sink.spawn(load, ["sink", ...place, tunnel.sinkAddress, String(SECONDS)]);
  await sink.line(/ready/, 10_000);
  await pause(1_500); // the join has to reach the source's network
  const before = tunnel.pids.map(cpuSeconds);
  const sending = ["send", ...place, source.address4, String(bytes), String(rate), String(SECONDS)];
  const { stdout } = await source.exec(load, sending, { timeoutMs: 30_000 });
  const { sent } = JSON.parse(stdout) as { sent: number };
  const used = tunnel.pids.reduce((sum, pid, i) => sum + cpuSeconds(pid) - before[i]!, 0);
  await sink.exited;
  const line = sink.stdout.split("\n").find((text) => text.startsWith("{"))!;
  const { received, seconds } = JSON.parse(line) as { received: number; seconds: number };
  return {
    kpps: received / seconds / 1000,
    cpuUs: (used * 1e6) / Math.max(1, received),
    delivered: received / sent,
  };
}

async function measure(lab: Lab, start: (lab: Lab) => Promise<Tunnel>, bytes: number): Promise<Figure> {
  const tunnel = await start(lab);
  const paced: Omit<Figure, "cpuUsAtFull">[] = [];
  const full: Omit<Figure, "cpuUsAtFull">[] = [];
  for (let i = 0; i < TRIALS; i++) {
    paced.push(await trial(lab, tunnel, bytes, PACED));
    full.push(await trial(lab, tunnel, bytes, 0));
  }
  await tunnel.end();
  const kpps = median(full.map((figure) => figure.kpps));
  const cpuUs = median(paced.map((figure) => figure.cpuUs));
  const cpuUsAtFull = median(full.map((figure) => figure.cpuUs));
  const delivered = median(paced.map((figure) => figure.delivered));
  console.log(
    `${tunnel.name.padEnd(32)} ${kpps.toFixed(1).padStart(6)} kpps at most, ${cpuUsAtFull.toFixed(1).padStart(5)} us a packet then; ` +
      `at ${PACED / 1000} kpps ${cpuUs.toFixed(1).padStart(5)} us a packet, ${(100 * delivered).toFixed(1)} % arrive`,
  );
  return { kpps, cpuUs, cpuUsAtFull, delivered };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function main(): Promise<void> {
  const missing = missingForLab("gcc");
  if (missing) return console.log(`skipped: ${missing}`);
  const bytes = Number(process.argv[2] ?? 1316);
  for (const name of ["load", "frame-relay"])
    execFileSync("gcc", ["-O2", "-o", program(name), join(import.meta.dirname, `tcp/${name}.c`)]);
  const lab = await Lab.create({ portForward: TCP_PORT, neighbours: true, superPackets: true });
  try {
    await lab.setInboundBlocked6("home", true);
    console.log(`${bytes} bytes a packet, medians of ${TRIALS}, both ends together`);
    const own = await measure(lab, castaway, bytes);
    const others = [await measure(lab, frameRelay, bytes)];
    if (hasCommand("udptunnel")) others.push(await measure(lab, udpTunnel, bytes));
    for (const [i, other] of others.entries())
      console.log(
        `against ${i === 0 ? "a frame per write" : "udptunnel"}: ${(own.kpps / other.kpps).toFixed(2)} x the packets, ` +
          `${(own.cpuUs / other.cpuUs).toFixed(2)} x the processor time a packet at ${PACED / 1000} kpps, ` +
          `${(own.cpuUsAtFull / other.cpuUsAtFull).toFixed(2)} x with as much as each can`,
      );
  } finally {
    await lab.dispose();
    rmSync(work, { recursive: true });
  }
}

await main();
