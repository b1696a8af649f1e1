import type { Command } from "commander";
import type { ControlClient } from "#contract/control-client.ts";
import { agoText, amountText, ratioText } from "#contract/plain-text.ts";
import type { Group, Listener } from "#contract/snapshot.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { onOff } from "./parse-value.ts";
import { table } from "./table.ts";

interface Options extends CommonOptions {
  readonly watch?: true;
}

const REDRAW_MS = 1_000;
const HOME_AND_CLEAR = "\u001b[H\u001b[J";

export function addGroups(program: Command, context: CliContext): void {
  const groups = clientCommand(program, "groups", "the multicast groups: who sends, who listens, how much")
    .option("--watch", "go on showing them, until interrupted")
    .action(async (options: Options) => {
      await withClient(context, options, async (client) => {
        if (options.watch) return watchGroups(context, client, options);
        const { groups } = await client.call("status", {});
        print(context, options, { groups }, () => groupsText(groups, context.wall()));
      });
    });
  clientCommand(groups, "raise-ttl", "carry a group although it is sent with TTL 1, or do not any more")
    .argument("<group>")
    .argument("[on|off]", "default: on", onOff)
    .action(async (group: string, on: boolean | undefined, options: CommonOptions) => {
      const params = { group, on: on ?? true };
      const result = await withClient(context, options, (client) => client.call("groups.raise-ttl", params));
      print(context, options, result, () =>
        params.on
          ? `${group} is carried from now on, whatever TTL it is sent with.`
          : `${group} is carried as far as its TTL says.`,
      );
    });
}

/** Ends with the connection, by its error. Draws once a second at most. */
async function watchGroups(context: CliContext, client: ControlClient, options: Options): Promise<void> {
  const { out } = context;
  let groups: Group[] = [];
  let timer: NodeJS.Timeout | undefined;
  let drawn = Number.NEGATIVE_INFINITY;
  const draw = (): void => {
    timer = undefined;
    drawn = context.wall();
    if (options.json) out.write(`${JSON.stringify({ groups })}\n`);
    else out.write(`${out.isTTY ? HOME_AND_CLEAR : ""}${groupsText(groups, drawn)}\n`);
  };
  const over = new Promise<never>((_, reject) => client.onClose(reject));
  await client.watch((snapshot, changed) => {
    if (!changed.includes("groups")) return;
    groups = snapshot.groups;
    timer ??= setTimeout(draw, Math.max(0, drawn + REDRAW_MS - context.wall()));
  });
  try {
    await over;
  } finally {
    clearTimeout(timer);
  }
}

function groupsText(groups: readonly Group[], now: number): string {
  if (groups.length === 0) return "No groups: nothing on the shared interfaces listens or sends.\n";
  const busiest = [...groups].sort((a, b) => b.rateBps - a.rateBps || a.group.localeCompare(b.group));
  return table(busiest, [
    { title: "GROUP", value: (row) => row.group },
    { title: "NAME", value: (row) => row.name ?? "-" },
    { title: "SOURCE", value: sourceText },
    { title: "FROM", value: (row) => row.inVif ?? "-" },
    { title: "TO", value: (row) => row.listeners.map(listenerText).join(", ") || "nobody" },
    { title: "CARRIES", value: carriesText },
    { title: "RATE", value: (row) => amountText(row.rateBps, "bit/s"), align: "right" },
    { title: "PACKETS/S", value: (row) => Math.round(row.pps), align: "right" },
    { title: "PACKETS", value: (row) => row.packets, align: "right" },
    { title: "LOSS", value: lossText, align: "right" },
    { title: "TTL", value: ttlText },
    { title: "SEEN", value: (row) => seenText(row, now) },
  ]);
}

function sourceText({ source, sourceName }: Group): string {
  return sourceName === null ? (source ?? "any") : `${source} (${sourceName})`;
}

function carriesText({ payload, port }: Group): string {
  return payload === null ? "-" : `${payload}, port ${port}`;
}

function seenText({ pps, lastSeen, listeners }: Group, now: number): string {
  if (lastSeen === null && listeners.length === 0) return "announced";
  return pps > 0 ? "now" : agoText(lastSeen, now);
}

function ttlText({ ttl, ttlRaised }: Group): string | number {
  if (ttl !== 1) return ttl ?? "-";
  return ttlRaised ? "1 (raised)" : "1 (too low to be routed)";
}

/** What the whole session lost stands for a stream that does not number its packets. */
function lossText({ lossRatio, lossOf }: Group): string {
  return `${lossOf === "session" && lossRatio !== null ? "~" : ""}${ratioText(lossRatio)}`;
}

function listenerText(listener: Listener): string {
  const sources = listener.sources.length > 0 ? ` ${listener.mode} ${listener.sources.length}` : "";
  return `${listener.vif}${listener.local ? " (here)" : ""}${sources}`;
}
