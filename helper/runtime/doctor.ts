import { readFile } from "node:fs/promises";
import type { Check } from "#contract/snapshot.ts";
import type { Engine } from "./engine.ts";
import { LanVif } from "./lan-vif.ts";
import { groupPortText } from "./socket-choice.ts";

/** Bytes of the receive queue below which bursts are lost; the kernel doubles what is asked for. */
const GOOD_BUFFER = 4 << 20;

/** What a person would look at first, each with what to do about it. */
export async function diagnose(engine: Engine): Promise<Check[]> {
  return [
    ok("service", `The service runs (process ${process.pid}).`),
    tun(engine),
    buffer(engine),
    ...sockets(engine),
    ...(await lans(engine)),
    ...networks(engine),
    ...packets(engine),
  ];
}

function ok(name: string, message: string): Check {
  return { name, status: "ok", message, remedy: null };
}

function tun({ tun: { name, mtu } }: Engine): Check {
  if (name !== undefined) return ok("tun", `The tunnel's interface is ${name}, MTU ${mtu}.`);
  return {
    name: "privileges",
    status: "warn",
    message:
      "The service runs without privileges. Missing: an interface of the tunnel (this computer's addresses in its " +
      "networks, programs that merely join a group) and shared LANs. What socket vifs send has this computer's " +
      "own source address.",
    remedy: "Start it as root: sudo castaway daemon, or its systemd unit",
  };
}

function sockets({ sockets }: Engine): Check[] {
  return [...sockets.values()].map(({ name, groups, problem }) => {
    const carried = groups.map(groupPortText).join(", ");
    if (problem === undefined) return ok(name, `${carried} by plain sockets.`);
    return {
      name,
      status: "fail",
      message: `${carried}: ${problem}`,
      remedy: "Name an interface that is up: --socket-vif GROUP:PORT%INTERFACE",
    };
  });
}

function buffer({ datagrams }: Engine): Check {
  const message = `UDP port ${datagrams.port}, with room for ${Math.round(datagrams.receiveBuffer / 1024)} KiB.`;
  if (datagrams.receiveBuffer >= GOOD_BUFFER) return ok("udp", message);
  return {
    name: "udp",
    status: "warn",
    message: `${message} Bursts may be lost.`,
    remedy: "Start the service with CAP_NET_ADMIN, or: sysctl -w net.core.rmem_max=8388608",
  };
}

async function lans({ lans, core, networks, access }: Engine): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [name, { reason }] of lans.failures)
    checks.push({
      name: `lan ${name}`,
      status: "fail",
      message: `${name} cannot be used: ${reason}`,
      remedy: `Or leave it out: castaway lans set ${name} off`,
    });
  const used = [...lans.vifs()];
  for (const vif of used) {
    checks.push(
      ok(
        `lan ${vif.name}`,
        vif.mode === "full" ? `${vif.name} is shared.` : `Programs on ${vif.name} are served.`,
      ),
    );
    const filter = await reversePathFilter(vif.name);
    if (filter === 1)
      checks.push({
        name: `rp_filter ${vif.name}`,
        status: "warn",
        message: `${vif.name} drops IPv4 packets whose sender is not reached through it (rp_filter is strict).`,
        remedy: `sysctl -w net.ipv4.conf.${vif.name}.rp_filter=2`,
      });
  }
  if (!access.devices) return checks;
  if (networks.hosted?.enabled && !used.some((vif) => vif.mode === "full"))
    checks.push({
      name: "lan",
      status: "warn",
      message: "This computer hosts a network, but shares no LAN: members reach its own programs alone.",
      remedy: "castaway lans list, then castaway lans set INTERFACE full",
    });
  if (![...core.vifs.values()].some((vif) => vif instanceof LanVif) && lans.failures.size === 0)
    checks.push({
      name: "lan",
      status: "warn",
      message: "No LAN interface is up.",
      remedy: "Connect to a network.",
    });
  return checks;
}

/** The stricter of the interface's setting and the one for all counts. undefined: it cannot be read. */
async function reversePathFilter(name: string): Promise<number | undefined> {
  try {
    const values = await Promise.all(
      ["all", name].map((which) => readFile(`/proc/sys/net/ipv4/conf/${which}/rp_filter`, "utf8")),
    );
    return Math.max(...values.map(Number));
  } catch {
    return undefined;
  }
}

function networks({ networks: { hosted, joined } }: Engine): Check[] {
  const checks: Check[] = [];
  if (!hosted && joined.size === 0)
    checks.push({
      name: "network",
      status: "warn",
      message: "This computer is in no network yet.",
      remedy: "Make one: castaway invite. Join one: castaway join LINK",
    });
  if (hosted) checks.push(ok("network", `This computer hosts ${hosted.name}.`));
  for (const network of joined.values()) {
    const { state, record, peer } = network;
    const name = `network ${record.networkName}`;
    const rtt = peer?.session.rtt;
    if (state.state === "connected")
      checks.push(ok(name, `Connected${rtt === undefined ? "" : `, ${rtt.toFixed(1)} ms`}.`));
    else if (state.state === "off")
      checks.push({ name, status: "warn", message: "Switched off.", remedy: "castaway up" });
    else if (state.state === "refused")
      checks.push({
        name,
        status: "fail",
        message: `The host refused: ${state.status}.`,
        remedy: "Ask for a new invite.",
      });
    else
      checks.push({
        name,
        status: "fail",
        message: "The host does not answer over UDP.",
        remedy: "Is the host switched on, and its UDP port forwarded to it? Does this network let UDP out?",
      });
  }
  return checks;
}

function packets({ fastPath, core }: Engine): Check[] {
  let ttl = 0;
  for (const id of core.vifs.keys()) ttl += fastPath.counters(id).drops.ttl ?? 0;
  if (ttl === 0) return [];
  return [
    {
      name: "ttl",
      status: "warn",
      message: `${ttl} packets ended here because their TTL was used up: many programs send with a TTL of 1.`,
      remedy: "Raise the TTL in the sending program (ffmpeg: ?ttl=16).",
    },
  ];
}
