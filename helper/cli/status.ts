import type { Command } from "commander";
import { networkFingerprint } from "#contract/fingerprint.ts";
import { agoText, amountText, durationText, plainText } from "#contract/plain-text.ts";
import type { Network, Snapshot } from "#contract/snapshot.ts";
import { limitText } from "#contract/sending-text.ts";
import {
  clientCommand,
  print,
  withClient,
  type CliContext,
  type CommonOptions,
  type Output,
} from "./context.ts";
import { lanLines } from "./share-lan.ts";
import { paint } from "./paint.ts";

export function addStatus(program: Command, context: CliContext): void {
  clientCommand(program, "status", "the networks, their members and what needs attention").action(
    async (options: CommonOptions) => {
      const snapshot = await withClient(context, options, (client) => client.call("status", {}));
      print(context, options, snapshot, () => statusText(context, snapshot));
    },
  );
}

function statusText(context: CliContext, snapshot: Snapshot): string {
  const now = context.wall();
  const streams = snapshot.groups.filter((group) => group.pps > 0);
  const rate = streams.reduce((sum, group) => sum + group.rateBps, 0);
  const { version, startedAt, pid } = snapshot.daemon;
  const { sharing } = snapshot;
  return [
    networksText(context.out, snapshot.networks),
    ...snapshot.networks.flatMap((network) =>
      network.members.filter((m) => !m.self).map((m) => memberLine(m, now)),
    ),
    ...snapshot.networks.flatMap(({ lanAccess }) => lanLines({ ...lanAccess, opens: [] })),
    `Streams: ${streams.length} running, ${amountText(rate, "bit/s")}; ${snapshot.groups.length} groups known`,
    `LAN interfaces: ${
      plainText(
        snapshot.lans
          .filter((lan) => lan.mode !== "off")
          .map((lan) => `${lan.name} (${lan.mode})`)
          .join(", "),
      ) || "none"
    }`,
    ...(snapshot.proxy.state === "off" ? [] : [`Proxy: ${plainText(snapshot.proxy.detail)}`]),
    ...(sharing.presets.length > 0 || sharing.proxies.length > 0
      ? [
          `Shared for applications: ${plainText(sharing.presets.join(", ")) || "nothing here"}; discovery proxies: ${plainText(sharing.proxies.join(", ")) || "none"}`,
        ]
      : []),
    ...snapshot.warnings.map((warning) => warningLine(context.out, warning.message, warning.remedy)),
    `Daemon ${plainText(version)}, process ${pid}, up for ${durationText(now - startedAt)}`,
  ].join("\n");
}

/** One line a network, and one a guest who waits to be let in. */
export function networksText(output: Output, networks: readonly Network[]): string {
  if (networks.length === 0)
    return "No network yet. Make one here: castaway up, or join one: castaway join LINK";
  return networks
    .flatMap((network) => [
      `${paint(output, "bold", plainText(network.name))} (${network.role}): ${stateText(output, network)}. ${plainText(network.detail)}`,
      `  addresses: ${network.ownAddresses.join(", ") || "none yet"}`,
      // For the guest who asks on the telephone whether an invite is really from here.
      ...(network.role === "host" ? [`  fingerprint: ${networkFingerprint(network.id)}`] : []),
      ...network.requests.map((request) =>
        warningLine(
          output,
          `${request.name} at ${request.endpoint} asks to join`,
          `castaway invite approve ${request.id}, or castaway invite deny ${request.id}`,
        ),
      ),
    ])
    .join("\n");
}

/** What paths usually carry, and nobody asks about. */
const ETHERNET_MTU = 1500;

const STATE_STYLE = {
  connected: "green",
  connecting: "yellow",
  attention: "yellow",
  refused: "red",
  off: "dim",
} as const;

function stateText(output: Output, network: Network): string {
  return paint(output, STATE_STYLE[network.state], network.state);
}

function warningLine(output: Output, message: string, remedy: string | null): string {
  return `${paint(output, "yellow", "!")} ${plainText(message)}${remedy ? `\n  ${plainText(remedy)}` : ""}`;
}

function memberLine(member: Network["members"][number], now: number): string {
  const where = member.online
    ? `${member.path}${member.endpoint ? ` ${member.endpoint}` : ""}${member.rttMs === null ? "" : `, ${member.rttMs.toFixed(1)} ms`}`
    : `offline, seen ${agoText(member.lastSeen, now)}`;
  const mtu = member.online ? member.sending?.pathMtu : undefined;
  const narrow = typeof mtu === "number" && mtu < ETHERNET_MTU ? `, path MTU ${mtu}` : "";
  const limit = limitText(member.sending);
  const line = `  ${member.number} ${plainText(member.name)}: ${plainText(where)}${narrow}`;
  return limit === undefined ? line : `${line}\n    ${limit}`;
}
