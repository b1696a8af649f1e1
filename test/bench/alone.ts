// The quick mode: Castaway against socat in our own lab, with our own sender and receiver. Python makes the load,
// so rates are floors and latencies contain its delay on both sides alike.
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import type { Machine } from "#test/support/machine.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { say, step } from "#test/demo/steps.ts";
import type { Figures } from "./figures.ts";
import { cpuSeconds, memoryMiB, wakeUps } from "./process-cost.ts";

const GROUP = "239.1.2.3";
const GROUP_PORT = 5004;
const TARGET = `${GROUP}:${GROUP_PORT}`;
const PORT = 4810;
const IDLE_S = 10;
const REMEDY = "The message has the reason. npm run demo shows each step alone.";

interface Tunnel {
  readonly name: string;
  readonly title: string;
  readonly encrypted: boolean;
  readonly receiver: Machine;
  readonly receiverInterface: string;
  readonly homePid: number;
  readonly awayPid: number;
}

export async function runAlone(): Promise<Figures[]> {
  const lab = await Lab.create({ portForward: PORT, neighbours: true, superPackets: true });
  try {
    const socat = await step("socat", async () => measure(lab, await socatTunnel(lab)), { remedy: REMEDY });
    for (const name of ["home", "away"]) await lab.host(name).stopAll();
    const tunnel = await step("Castaway comes up", () => castawayTunnel(lab), { remedy: REMEDY });
    await step(`Castaway idle for ${IDLE_S} s`, () => idle(tunnel), {
      done: ([home, away]) => `wakes ${home.toFixed(1)} and ${away.toFixed(1)} times a second (aim: under 2)`,
      remedy: REMEDY,
    });
    const castaway = await step("Castaway", () => measure(lab, tunnel), { remedy: REMEDY });
    return [castaway, socat];
  } finally {
    await lab.dispose();
  }
}

async function castawayTunnel(lab: Lab): Promise<Tunnel> {
  const home = await TestDaemon.inLab(lab, "home", { port: PORT, lan: ["lan=full"] });
  const away = await TestDaemon.inLab(lab, "away", { tun: "castaway0", lan: ["wan=off"] });
  const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
  await away.join(link);
  await away.until("connected", ({ networks }) => networks.some(({ state }) => state === "connected"));
  return {
    name: "castaway",
    title: "Castaway",
    encrypted: true,
    receiver: lab.host("away"),
    receiverInterface: "castaway0",
    homePid: home.pid,
    awayPid: away.pid,
  };
}

/** It has no way through a NAT: the hotel's router forwards a port to it. */
async function socatTunnel(lab: Lab): Promise<Tunnel> {
  const [home, away, router] = [lab.host("home"), lab.host("away"), lab.host("away-router")];
  await router.exec("nft", [`add rule ip nat forwards udp dport 7004 dnat to ${away.address4}`]);
  const far = away.spawn("socat", [
    "-u",
    "UDP4-RECV:7004",
    `UDP4-DATAGRAM:${TARGET},ip-multicast-if=${away.address4},ip-multicast-ttl=16`,
  ]);
  const near = home.spawn("socat", [
    "-u",
    `UDP4-RECV:${GROUP_PORT},bind=${GROUP},ip-add-membership=${GROUP}:${home.address4},reuseaddr`,
    `UDP4-DATAGRAM:${router.address4}:7004`,
  ]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  if (near.pid === undefined || far.pid === undefined)
    throw new Error("socat is not here: apt-get install socat");
  return {
    name: "socat",
    title: "socat UDP relay",
    encrypted: false,
    receiver: lab.host("neighbour"),
    receiverInterface: "lan",
    homePid: near.pid,
    awayPid: far.pid,
  };
}

async function measure(lab: Lab, tunnel: Tunnel): Promise<Figures> {
  const slow = await trial(lab, tunnel, 1_000, 5);
  const fast = await trial(lab, tunnel, 5_000, 4);
  let lossFree = 0;
  let sourceBound = true;
  for (let rate = 5_000; rate <= 80_000; rate *= 1.5) {
    const { sent, received, reached } = await trial(lab, tunnel, rate, 2);
    sourceBound = reached < 0.9 * rate;
    if (received < sent * 0.9999) {
      sourceBound = false;
      break;
    }
    lossFree = reached;
    if (sourceBound) break;
  }
  const flowing = await startSender(lab.host("source"), { group: TARGET, rate: 1_000 });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const joining = await startReceiver(tunnel.receiver, {
    group: TARGET,
    interface: tunnel.receiverInterface,
  });
  const joinMs = await joining.first();
  await joining.stop();
  await flowing.stop();
  return {
    name: tunnel.name,
    title: tunnel.title,
    encrypted: tunnel.encrypted,
    p50: slow.p50,
    p99: slow.p99,
    lossFree,
    sourceBound,
    cpuOut: fast.cpuOut,
    cpuIn: fast.cpuIn,
    memory: [memoryMiB(tunnel.homePid), memoryMiB(tunnel.awayPid)],
    // socat sends on whether or not anybody has joined.
    joinMs: tunnel.name === "socat" ? undefined : joinMs,
  };
}

interface Trial {
  readonly sent: number;
  readonly received: number;
  readonly reached: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuOut: number;
  readonly cpuIn: number;
}

async function trial(lab: Lab, tunnel: Tunnel, rate: number, seconds: number): Promise<Trial> {
  const joined = { group: TARGET, interface: tunnel.receiverInterface };
  const receiver = await startReceiver(tunnel.receiver, joined);
  // The join has reached the source's network when one datagram has come.
  const probe = await startSender(lab.host("source"), { group: TARGET, rate: 100, run: 1 });
  await receiver.first();
  await probe.stop();
  await receiver.stop();
  const counted = await startReceiver(tunnel.receiver, { ...joined, run: 2 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = [cpuSeconds(tunnel.homePid), cpuSeconds(tunnel.awayPid)] as const;
  const sender = await startSender(lab.host("source"), { group: TARGET, rate, seconds, run: 2 });
  const { sent, rate: reached } = await sender.finished();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const after = [cpuSeconds(tunnel.homePid), cpuSeconds(tunnel.awayPid)] as const;
  const report = await counted.stop();
  const perPacket = (seconds: number): number => (seconds * 1e6) / Math.max(1, report.received);
  return {
    sent,
    received: report.received,
    reached,
    p50: report.p50_us ?? Number.NaN,
    p99: report.p99_us ?? Number.NaN,
    cpuOut: perPacket(after[0] - before[0]),
    cpuIn: perPacket(after[1] - before[1]),
  };
}

/** Wake-ups a second of both ends while nothing happens. */
async function idle(tunnel: Tunnel): Promise<[home: number, away: number]> {
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const before = [wakeUps(tunnel.homePid), wakeUps(tunnel.awayPid)] as const;
  await new Promise((resolve) => setTimeout(resolve, IDLE_S * 1000));
  return [(wakeUps(tunnel.homePid) - before[0]) / IDLE_S, (wakeUps(tunnel.awayPid) - before[1]) / IDLE_S];
}

/** Idle behaviour alone, beside a run of the harness. */
export async function reportIdle(): Promise<void> {
  const lab = await Lab.create({ portForward: PORT });
  try {
    const [home, away] = await idle(await castawayTunnel(lab));
    say(
      `Idle, Castaway wakes ${home.toFixed(1)} (home) and ${away.toFixed(1)} (away) times a second (aim: under 2).`,
    );
  } finally {
    await lab.dispose();
  }
}
