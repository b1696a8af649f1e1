// What `castaway sixtunnel` does until it is told to end: started apart, so that no other command loads it.
import { openPlainTun } from "#edge/linux/plain-tun.ts";
import { sixCounters, type SixCounters } from "#protocol/sixtunnel/counters.ts";
import { SixtunnelClient } from "#runtime/sixtunnel/client.ts";
import {
  clientConfigSchema,
  readClientConfig,
  readServerConfig,
  serverConfigSchema,
} from "#runtime/sixtunnel/config-file.ts";
import type { SixEndOptions, SixEvent } from "#runtime/sixtunnel/far-end.ts";
import { clientIdSchema } from "#runtime/sixtunnel/greetings.ts";
import { ownId } from "#runtime/sixtunnel/own-id.ts";
import { SixtunnelServer } from "#runtime/sixtunnel/server.ts";
import { prefixText } from "#wire/address.ts";
import * as v from "valibot";
import type { Output } from "./context.ts";
import type { SixtunnelWords } from "./sixtunnel.ts";

const VERBOSE_MS = 10_000;

/** Runs until a signal. SIGUSR1 prints figures. Rejects where the device, the port or a file cannot be had. */
export async function runSixtunnel(words: SixtunnelWords, out: Output): Promise<void> {
  const { verbose, json, tun, mtu, queue } = words;
  const say = (event: string, fields: object, text: string): void =>
    out.write(json ? `${JSON.stringify({ event, ...fields })}\n` : `${text}\n`);
  let unreachable: string | undefined;
  const counters = sixCounters();
  const options: SixEndOptions = {
    openTun: openPlainTun,
    device: { name: tun, mtu, queueLength: queue },
    counters,
    said: (event) => {
      // Tried every two seconds: told once, until it is another reason.
      const news = event.event === "unreachable" ? event.why : undefined;
      const again = news !== undefined && news === unreachable;
      unreachable = news;
      const { event: name, ...fields } = event;
      if (!again) say(name, fields, eventText(event));
    },
  };
  const end = await start(words, options, say);
  const figures = (): void => say("figures", counters, figuresText(counters));
  process.on("SIGUSR1", figures);
  const timer = verbose ? setInterval(figures, VERBOSE_MS) : undefined;
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
  clearInterval(timer);
  figures();
  process.off("SIGUSR1", figures);
  end.close();
}

async function start(
  words: SixtunnelWords,
  options: SixEndOptions,
  say: (event: string, fields: object, text: string) => void,
): Promise<{ close(): void }> {
  const { name } = options.device;
  if (words.role === "server") {
    const { localhost: address, listenport, prefixrange, assignments } = await serverConfig(words);
    const server = await SixtunnelServer.start({
      ...options,
      address,
      port: listenport,
      range: prefixrange,
      assignments,
      knownOnly: words.knownOnly === true,
    });
    const { port, ownAddress, assigned } = server;
    say(
      "ready",
      { role: "server", port, device: name, address: ownAddress ?? null, assigned },
      `TCP port ${port} is open, ${name} is there${ownAddress === undefined ? "" : ` with ${ownAddress}`}; ` +
        `${assigned} clients are known. Out of ${prefixText(prefixrange)} each new one gets a /64.`,
    );
    return server;
  }
  const { remotehost, remoteport } = await clientConfig(words);
  const id = clientId(words.id);
  const defaultRoute = words.defaultRoute !== false;
  const client = new SixtunnelClient({ ...options, host: remotehost, port: remoteport, id, defaultRoute });
  say(
    "ready",
    { role: "client", host: remotehost, port: remoteport, device: name, id },
    `${name} is there; it connects to ${remotehost}, TCP port ${remoteport}, as ${id}.`,
  );
  return client;
}

async function serverConfig(words: SixtunnelWords) {
  const { config: path, address, port, range, assignments } = words;
  const said = {
    ...(address !== undefined && { localhost: address }),
    ...(port !== undefined && { listenport: port }),
    ...(range !== undefined && { prefixrange: range }),
    ...(assignments !== undefined && { assignments }),
  };
  if (path === undefined) return checked(v.safeParse(serverConfigSchema, said), SERVER_NEEDS);
  const { config, problems } = await readServerConfig(path);
  if (!config) throw new Error(`${path} cannot be used: ${problems.join("; ")}`);
  return checked(
    v.safeParse(serverConfigSchema, { ...config, prefixrange: prefixText(config.prefixrange), ...said }),
    SERVER_NEEDS,
  );
}

async function clientConfig(words: SixtunnelWords) {
  const { config: path, address, port } = words;
  const said = {
    ...(address !== undefined && { remotehost: address }),
    ...(port !== undefined && { remoteport: port }),
  };
  if (path === undefined) return checked(v.safeParse(clientConfigSchema, said), CLIENT_NEEDS);
  const { config, problems } = await readClientConfig(path);
  if (!config) throw new Error(`${path} cannot be used: ${problems.join("; ")}`);
  return checked(v.safeParse(clientConfigSchema, { ...config, ...said }), CLIENT_NEEDS);
}

const SERVER_NEEDS = "A server needs --port, --range and --assignments, or a file with --config";
const CLIENT_NEEDS = "A client needs --address and --port, or a file with --config";

function checked<T>(result: v.SafeParseResult<v.GenericSchema<unknown, T>>, needs: string): T {
  if (result.success) return result.output;
  // What is missing is in `needs`.
  const wrong = result.issues
    .filter(({ received }) => received !== "undefined")
    .map((issue) => `${v.getDotPath(issue) ?? ""} ${issue.message}`);
  throw new Error(wrong.length === 0 ? needs : `${needs}: ${wrong.join("; ")}`);
}

function clientId(text: string | undefined): string {
  const id = text ?? ownId();
  if (id === undefined) throw new Error("No network interface has a MAC address: choose an Id with --id");
  return checked(v.safeParse(clientIdSchema, id), "The Id is six bytes such as 00:11:22:33:44:55");
}

function eventText(event: SixEvent): string {
  switch (event.event) {
    case "connected":
      return `${event.peer} is connected: ${event.id} has ${event.prefix}.`;
    case "disconnected":
      return `${event.peer} is gone${event.why === undefined ? "" : `: ${event.why}`}.`;
    case "unreachable":
      return `${event.peer} cannot be reached: ${event.why}. It is tried every two seconds.`;
    case "refused":
      return `${event.peer} was refused: ${event.why}.`;
  }
}

function figuresText({ toPeers, fromPeers, drops }: SixCounters): string {
  const dropped = Object.entries(drops)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  return `${toPeers} packets sent through TCP, ${fromPeers} received. Dropped: ${dropped.join(", ") || "nothing"}.`;
}
