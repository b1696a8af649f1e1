import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { ControlClient } from "#contract/control-client.ts";
import { ControlError } from "#contract/errors.ts";
import { plainText, ratioText } from "#contract/plain-text.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { findMember, type FoundMember } from "./find-member.ts";
import { seconds, wholeNumber } from "./parse-value.ts";

interface Options extends CommonOptions {
  readonly network?: string;
  readonly count: number;
  readonly interval: number;
  readonly timeout: number;
}

interface Summary {
  readonly sent: number;
  readonly received: number;
  readonly lossRatio: number;
  readonly minMs: number | null;
  readonly avgMs: number | null;
  readonly maxMs: number | null;
}

export function addPing(program: Command, context: CliContext): void {
  clientCommand(
    program,
    "ping <member>",
    "measure the round trip to a member: its number, name or address, or a network's name for its host",
  )
    .option("--network <network>", "the network, by name or id")
    .option("-c, --count <number>", "how many times", wholeNumber(1, 10_000), 5)
    .option("-i, --interval <seconds>", "from one to the next", seconds(0.2, 60), 1)
    .option("-W, --timeout <seconds>", "how long to wait for an answer", seconds(0.1, 20), 2)
    .action((who: string, options: Options) =>
      withClient(context, options, (client) => ping(context, client, who, options)),
    );
}

async function ping(
  context: CliContext,
  client: ControlClient,
  who: string,
  options: Options,
): Promise<void> {
  const { networks } = await client.call("status", {});
  const found = findMember(chosen(networks, options.network), who);
  const say = (line: string): void => {
    if (!options.json) context.out.write(`${plainText(line)}\n`);
  };
  say(`${found.member.name} of ${found.network.name}, ${wayText(found)}`);
  const times = await measure(context, client, found, options, (number, ms, by) =>
    say(
      ms === null
        ? `${number}: no answer within ${options.timeout} s`
        : `${number}: ${ms.toFixed(1)} ms${by === "tunnel" ? " by an echo through the tunnel" : ""}`,
    ),
  );
  const summary = summaryOf(times);
  const { name, number, path, endpoint } = found.member;
  print(
    context,
    options,
    { network: found.network.name, member: number, name, path, endpoint, ...summary, timesMs: times },
    () => summaryText(summary),
  );
  if (summary.received === 0) context.exitCode = EXIT.timeout;
}

function chosen<N extends { readonly id: string; readonly name: string }>(
  networks: readonly N[],
  named: string | undefined,
): readonly N[] {
  if (named === undefined) return networks;
  const found = networks.filter(({ id, name }) => id === named || name === named);
  if (found.length === 0)
    throw new ControlError("not-found", `there is no network "${named}"`, "List them: castaway status");
  return found;
}

/** One after the other; a slow answer delays none but its own line. Ends early where somebody interrupts it. */
async function measure(
  context: CliContext,
  client: ControlClient,
  { network, member }: FoundMember,
  { count, interval, timeout }: Options,
  show: (number: number, ms: number | null, by: "session" | "tunnel") => void,
): Promise<(number | null)[]> {
  const times: (number | null)[] = [];
  const stop = new AbortController();
  const { signal } = stop;
  const ignore = context.onInterrupt?.(() => stop.abort());
  const once = async (): Promise<{ rttMs: number | null; by: "session" | "tunnel" }> => {
    const params = { network: network.id, member: member.number, timeoutMs: Math.round(timeout * 1000) };
    try {
      return await client.call("ping", params);
    } catch (error) {
      // It may come back: what is measured is loss. Who was never there is an error.
      if (times.length > 0 && error instanceof ControlError && error.code === "unreachable")
        return { rttMs: null, by: "session" };
      throw error;
    }
  };
  try {
    for (let number = 1; number <= count && !signal.aborted; number++) {
      const started = performance.now();
      const { rttMs, by } = await once();
      times.push(rttMs);
      show(number, rttMs, by);
      const rest = interval * 1000 - (performance.now() - started);
      if (number < count && rest > 0) await sleep(rest, undefined, { signal }).catch(() => {});
    }
  } finally {
    ignore?.();
  }
  return times;
}

export function summaryOf(times: readonly (number | null)[]): Summary {
  const answered = times.filter((ms) => ms !== null);
  const any = answered.length > 0;
  return {
    sent: times.length,
    received: answered.length,
    lossRatio: times.length === 0 ? 0 : 1 - answered.length / times.length,
    minMs: any ? Math.min(...answered) : null,
    avgMs: any ? answered.reduce((sum, ms) => sum + ms, 0) / answered.length : null,
    maxMs: any ? Math.max(...answered) : null,
  };
}

function summaryText({ sent, received, lossRatio, minMs, avgMs, maxMs }: Summary): string {
  const counts = `${sent} sent, ${received} answered, ${ratioText(lossRatio)} loss`;
  if (minMs === null || avgMs === null || maxMs === null) return counts;
  return `${counts}; min/avg/max ${minMs.toFixed(1)}/${avgMs.toFixed(1)}/${maxMs.toFixed(1)} ms`;
}

function wayText({ network, member }: FoundMember): string {
  const way = member.path === "host" ? `through the host of ${network.name}` : member.path;
  return member.endpoint ? `${way} ${member.endpoint}` : way;
}
