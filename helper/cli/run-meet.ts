// What `castaway meet` does until it is told to end: started apart, so that no other command loads it.
import { MEET_LIMITS, MeetPoint, type MeetStats } from "#meet/meet-point.ts";
import type { Output } from "./context.ts";

export interface MeetWords {
  readonly port: number;
  readonly address?: string;
  readonly relayPort: number;
  readonly pairs: number;
  readonly hosts: number;
  /** Mbit/s. */
  readonly pairRate: number;
  readonly totalRate: number;
  readonly json?: true;
}

const MBIT = 1_000_000 / 8;

/** Runs until a signal. SIGUSR1 prints figures. Rejects where a port cannot be had. */
export async function runMeet(words: MeetWords, out: Output): Promise<void> {
  const { port, address, relayPort, pairs, hosts, pairRate, totalRate, json } = words;
  const point = await MeetPoint.start({
    port,
    address,
    firstRelayPort: relayPort,
    limits: { ...MEET_LIMITS, pairs, hosts, pairRate: pairRate * MBIT, totalRate: totalRate * MBIT },
  });
  const say = (event: string, fields: object, text: string): void =>
    out.write(json ? `${JSON.stringify({ event, ...fields })}\n` : `${text}\n`);
  const relays =
    pairs === 0 ? "it relays nothing" : `it relays by UDP ports ${relayPort} to ${relayPort + pairs - 1}`;
  say(
    "ready",
    { port, relayPort, pairs },
    `The meeting point is open on UDP and TCP port ${port}; ${relays}.`,
  );
  const figures = (): void => say("figures", point.stats(), figuresText(point.stats()));
  process.on("SIGUSR1", figures);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
  figures();
  process.off("SIGUSR1", figures);
  point.close();
}

function figuresText(stats: MeetStats): string {
  const { hosts, calls, relayedPairs, relayedBytes, streams, drops } = stats;
  const dropped = Object.entries(drops)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  return (
    `${hosts} networks, ${calls} calls, ${relayedPairs} relayed pairs (${Math.round(relayedBytes / 1e6)} MB so far), ` +
    `${streams} TCP connections. Dropped: ${dropped.join(", ") || "nothing"}.`
  );
}
