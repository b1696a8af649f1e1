// What an AMT relay costs with 1 to 1,000 gateways: CPU a delivered packet, memory, and how long a join takes.
// `npm run bench -- amt-fanout`, or from the sources: node test/bench/amt-fanout.ts. Root. What the kernel does in softirq
// while the relay sends is charged to the relay: on veth that is everything up to the gateway's socket.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startRelay } from "#test/support/amt/relay-scene.ts";
import type { Child } from "#test/support/child.ts";
import type { TestDaemon } from "#test/support/daemon.ts";
import { Lab, type LabHost } from "#test/support/lab.ts";
import { PYTHON } from "#test/support/python.ts";
import { cpuSeconds, memoryMiB } from "./process-cost.ts";

const GATEWAYS = fileURLToPath(new URL("./amt/gateways.py", import.meta.url));
const STREAMS = fileURLToPath(new URL("./amt/streams.py", import.meta.url));
const ADDRESSES = Array.from({ length: 8 }, (_, i) => `198.18.0.${i + 1}`);
const SIZE = 1316;
const SECONDS = 8;
const JOINS = 100;
/** A stream of 1,000 packets a second beside the others, so that a join's first packet tells of the join. */
const JOINED = 60_000;

interface Case {
  readonly gateways: number;
  readonly groups: number;
  /** That each gateway joins. */
  readonly each: number;
  /** Packets a second of each group. */
  readonly rate: number;
}

/** One stream; a hundred, of which each gateway has ten; and one that comes so fast that packets travel together. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  "one stream of 40 packets a second": [1, 10, 100, 1_000].map((gateways) => ({
    gateways,
    groups: 1,
    each: 1,
    rate: 40,
  })),
  "100 groups of 4 packets a second, ten a gateway": [10, 100, 1_000].map((gateways) => ({
    gateways,
    groups: 100,
    each: 10,
    rate: 4,
  })),
  "one stream of 4,000 packets a second": [1, 10].map((gateways) => ({
    gateways,
    groups: 1,
    each: 1,
    rate: 4_000,
  })),
};

interface Row extends Case {
  readonly delivered: number;
  readonly arrived: number;
  readonly fastUs: number;
  readonly allUs: number;
  readonly memory: number;
  readonly handshake: readonly [number, number];
  readonly request: readonly [number, number];
  readonly join: readonly [number, number];
  readonly joins: number;
}

export async function runAmtFanout(): Promise<string> {
  const lab = await Lab.create();
  try {
    const internet = lab.host("internet");
    for (const address of ADDRESSES) await internet.exec("ip", ["addr", "add", `${address}/32`, "dev", "lo"]);
    const tables: string[] = [];
    for (const [title, cases] of Object.entries(CASES)) {
      const rows: Row[] = [];
      for (const one of cases) rows.push(await measure(lab, one));
      tables.push(`${title}\n\n${table(rows)}`);
      console.log(`\n${tables.at(-1)}\n`);
    }
    return tables.join("\n\n");
  } finally {
    await lab.dispose();
  }
}

async function measure(lab: Lab, one: Case): Promise<Row> {
  const daemon = await startRelay(lab);
  const [internet, source] = [lab.host("internet"), lab.host("source")];
  const gateways = await startGateways(lab, one);
  try {
    const handshake = pair(await gateways.line(/^joined .* end$/, 60_000), 1);
    await daemon.until("all are served", ({ amt }) => amt.relay.gateways === one.gateways, 20_000);
    const streams = await startStreams(source, 0, one.groups, one.rate);
    await wait(1_500); // the kernel's joins are on their way through the bridge
    const before = await look(daemon, internet);
    await wait(SECONDS * 1_000);
    const after = await look(daemon, internet);
    const quick = await startStreams(source, JOINED, 1, 1_000);
    gateways.write(`latency ${JOINS} ${JOINED}\n`);
    const latency = await gateways.line(/^latency .* end$/, 120_000);
    await Promise.all([streams.stop(), quick.stop()]);
    const delivered = after.delivered - before.delivered;
    return {
      ...one,
      delivered,
      arrived: after.arrived - before.arrived,
      fastUs: (busiest(before.threads, after.threads) / delivered) * 1e6,
      allUs: ((after.all - before.all) / delivered) * 1e6,
      memory: after.memory,
      handshake,
      joins: Number(latency.split(" ")[1]),
      request: pair(latency, 2),
      join: pair(latency, 4),
    };
  } finally {
    await gateways.stop();
    await daemon.dispose();
  }
}

async function startStreams(source: LabHost, first: number, groups: number, rate: number): Promise<Child> {
  const words = [source.address4, first, groups, rate, SIZE].map(String);
  const streams = source.spawn(PYTHON, [STREAMS, ...words], { label: "streams" });
  await streams.line(/^sending/);
  return streams;
}

async function startGateways(lab: Lab, { gateways, groups, each }: Case): Promise<Child> {
  const relay = lab.host("home-router").address4;
  const words = [relay, gateways, lab.host("source").address4, groups, each].map(String);
  return lab.host("internet").spawn(PYTHON, [GATEWAYS, ...words, ...ADDRESSES], { label: "gateways" });
}

interface Look {
  readonly delivered: number;
  /** Datagrams that the kernel had for sockets there, read or not. */
  readonly arrived: number;
  /** Seconds of each thread but the main one. */
  readonly threads: ReadonlyMap<string, number>;
  readonly all: number; // of the process
  readonly memory: number;
}

async function look(daemon: TestDaemon, internet: LabHost): Promise<Look> {
  const { amt } = await daemon.status();
  const { stdout } = await internet.exec("cat", ["/proc/net/snmp"]);
  const [names, values] = stdout
    .split("\n")
    .flatMap((line) => (line.startsWith("Udp:") ? [line.split(" ")] : []));
  const udp = (name: string): number => Number(values![names!.indexOf(name)]);
  return {
    delivered: amt.relay.packets,
    arrived: udp("InDatagrams") + udp("RcvbufErrors"),
    threads: threadSeconds(daemon.pid),
    all: cpuSeconds(daemon.pid),
    memory: memoryMiB(daemon.pid),
  };
}

function threadSeconds(pid: number): Map<string, number> {
  const threads = readdirSync(`/proc/${pid}/task`).filter((thread) => thread !== String(pid));
  const time = (thread: string): number =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e9;
  return new Map(threads.map((thread) => [thread, time(thread)]));
}

/** The fast path's. */
function busiest(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number {
  return Math.max(...[...after].map(([thread, seconds]) => seconds - (before.get(thread) ?? 0)));
}

function table(rows: readonly Row[]): string {
  const head = [
    "gateways",
    "delivered/s",
    "arrived",
    "CPU us a delivered packet, fast path",
    "whole process",
    "memory MiB",
    "KiB a further gateway",
    "handshake ms p50 / p99",
    "join to first packet ms p50 / p99",
  ];
  const lines = rows.map((row, i) => {
    const [first] = rows;
    const more = i > 0 && ((row.memory - first!.memory) * 1_024) / (row.gateways - first!.gateways);
    return [
      row.gateways,
      Math.round(row.delivered / SECONDS),
      `${((row.arrived / row.delivered) * 100).toFixed(1)} %`,
      row.fastUs.toFixed(2),
      row.allUs.toFixed(2),
      row.memory.toFixed(0),
      more === false ? "" : more.toFixed(1),
      `${row.request[0].toFixed(1)} / ${row.request[1].toFixed(1)}`,
      `${row.join[0].toFixed(1)} / ${row.join[1].toFixed(1)} (${row.joins} joins)`,
    ].join(" | ");
  });
  return [head.join(" | "), head.map(() => "---").join(" | "), ...lines]
    .map((line) => `| ${line} |`)
    .join("\n");
}

function pair(line: string, at: number): readonly [number, number] {
  const words = line.split(" ");
  return [Number(words[at]), Number(words[at + 1])];
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) await runAmtFanout();
