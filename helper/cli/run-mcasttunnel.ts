// What `castaway mcasttunnel` does until it is told to end: started apart, so that no other command loads it.
import type { TunnelCounters } from "#protocol/mcasttunnel/counters.ts";
import type { EndEvent } from "#runtime/mcasttunnel/ends.ts";
import { Mcasttunnel, type TunnelOptions } from "#runtime/mcasttunnel/tunnel.ts";
import type { Output } from "./context.ts";

export interface McasttunnelWords extends TunnelOptions {
  readonly verbose?: true;
  readonly json?: true;
}

const VERBOSE_MS = 10_000;

/** Runs until a signal. SIGUSR1 prints figures. Rejects where the group or the port cannot be had. */
export async function runMcasttunnel(words: McasttunnelWords, out: Output): Promise<void> {
  const { verbose, json, ...options } = words;
  const say = (event: string, fields: object, text: string): void =>
    out.write(json ? `${JSON.stringify({ event, ...fields })}\n` : `${text}\n`);
  let unreachable: string | undefined;
  const tunnel = await Mcasttunnel.start(options, {
    said: ({ event, ...fields }) => {
      // Tried every second: told once, until it is another reason.
      const news = event === "unreachable" ? `${fields.peer} ${whyOf(fields)}` : undefined;
      const again = news !== undefined && news === unreachable;
      unreachable = news;
      if (!again) say(event, fields, eventText(event, fields.peer, whyOf(fields)));
    },
    failed: (error) => say("failed", { why: error.message }, `The group's socket: ${error.message}`),
  });
  const { server, address, port, group, groupPort } = options;
  const where = group.includes(":") ? `[${group}]:${groupPort}` : `${group}:${groupPort}`;
  const how = server ? `TCP port ${port} is open` : `it connects to ${address}, TCP port ${port}`;
  say("ready", { server, port, group, groupPort }, `${where} is joined; ${how}.`);
  const figures = (): void => say("figures", tunnel.counters, figuresText(tunnel.counters));
  process.on("SIGUSR1", figures);
  const timer = verbose ? setInterval(figures, VERBOSE_MS) : undefined;
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
  clearInterval(timer);
  if (json || verbose) figures();
  process.off("SIGUSR1", figures);
  await tunnel.close();
}

function whyOf(fields: object): string | undefined {
  return "why" in fields && typeof fields.why === "string" ? fields.why : undefined;
}

function eventText(event: EndEvent["event"], peer: string, why: string | undefined): string {
  switch (event) {
    case "connected":
      return `${peer} is connected.`;
    case "disconnected":
      return `${peer} is gone${why === undefined ? "" : `: ${why}`}.`;
    case "unreachable":
      return `${peer} cannot be reached: ${why}. It is tried every second.`;
    case "refused":
      return `${peer} is one client too many.`;
  }
}

function figuresText({ toPeers, fromPeers, drops }: TunnelCounters): string {
  const dropped = Object.entries(drops)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  return `${toPeers} datagrams sent through TCP, ${fromPeers} received. Dropped: ${dropped.join(", ") || "nothing"}.`;
}
