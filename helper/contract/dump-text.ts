// The whole state as text, for `castaway dump` and SIGUSR1: everything that ecmh's dump file carries
// (subscriptions per group and interface, interfaces, statistics), and what Castaway has beyond it.
import type { AmtRelayDump } from "./amt.ts";
import { agoText, durationText, plainText, ratioText } from "./plain-text.ts";
import type { Proxy } from "./proxy.ts";
import type { Group, Network, Snapshot, Stats, Vif } from "./snapshot.ts";

/** `now`: wall ms since 1970. */
export function dumpText(snapshot: Snapshot, stats: Stats, now: number, amtRelay?: AmtRelayDump): string {
  return [
    ...section("Subscription Information Dump", groupLines(snapshot.groups, now)),
    ...section("Interface Dump", snapshot.vifs.flatMap(vifLines)),
    ...section(
      "Network Dump",
      snapshot.networks.flatMap((network) => networkLines(network, now)),
    ),
    ...section("Proxy Dump", proxyLines(snapshot.proxy)),
    ...section("Static Routes Dump", routeLines(snapshot)),
    ...(amtRelay ? section("AMT Relay Dump", relayLines(amtRelay, now)) : []),
    ...section("Statistics Dump", statisticsLines(snapshot, stats, now)),
  ].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return [`*** ${title}`, ...lines, `*** ${title} (end)`, ""];
}

function field(name: string, value: string | number, indent = 1): string {
  return `${"  ".repeat(indent)}${name.padEnd(24 - 2 * indent)}: ${value}`;
}

function groupLines(groups: readonly Group[], now: number): string[] {
  const lines = groups.flatMap((group) => [
    `Group : ${group.group}`,
    field("Name", group.name === null ? "-" : `${plainText(group.name)} (${group.nameFrom})`),
    field("Source", group.source ?? "any"),
    field("Source name", plainText(group.sourceName ?? "-")),
    field("Carries", group.payload === null ? "-" : `${group.payload}, port ${group.port}`),
    field("Incoming interface", plainText(group.inVif ?? "none yet")),
    field("Packets", group.packets),
    field("Bytes", group.bytes),
    field("Rate", `${Math.round(group.rateBps)} bit/s, ${Math.round(group.pps)} packets/s`),
    field("Loss", `${ratioText(group.lossRatio)}${group.lossOf === "session" ? " of the session" : ""}`),
    field("TTL", group.ttl ?? "-"),
    field("First seen", agoText(group.firstSeen, now)),
    field("Last seen", agoText(group.lastSeen, now)),
    ...group.listeners.flatMap((listener) => [
      field("Interface", `${plainText(listener.vif)}${listener.local ? " (programs on this computer)" : ""}`),
      field("Mode", listener.mode.toUpperCase(), 2),
      field("Sources", listener.sources.join(", ") || (listener.mode === "exclude" ? "any" : "none"), 2),
      field("Packets", listener.packets, 2),
      field("Bytes", listener.bytes, 2),
      field("Age", durationText(now - listener.since), 2),
    ]),
  ]);
  const subscriptions = groups.reduce((sum, group) => sum + group.listeners.length, 0);
  return [...lines, `${groups.length} groups, ${subscriptions} subscriptions`];
}

function vifLines(vif: Vif): string[] {
  return [
    `Interface : ${plainText(vif.name)}`,
    field("Index", vif.id),
    field("Type", vif.mode ? `${vif.kind}, ${vif.mode}` : vif.kind),
    field("State", vif.detail ? `${vif.state}: ${plainText(vif.detail)}` : vif.state),
    field("MTU", vif.mtu ?? "-"),
    field("Addresses", vif.addresses.join(", ") || "-"),
    ...vif.queriers.flatMap((querier) => [
      field(
        querier.family === 4 ? "IGMP version" : "MLD version",
        `v${querier.version}, querier ${querier.self ? "this daemon" : (querier.address ?? "none known")}`,
      ),
      field("Queries sent", querier.queriesSent, 2),
      field("Reports received", querier.reportsReceived, 2),
    ]),
    field("Packets received", vif.traffic.rxPackets),
    field("Packets sent", vif.traffic.txPackets),
    field("Bytes received", vif.traffic.rxBytes),
    field("Bytes sent", vif.traffic.txBytes),
    ...dropLines(vif.drops),
  ];
}

function dropLines(drops: Readonly<Record<string, number>>): string[] {
  return Object.entries(drops).map(([reason, packets]) => field(`Dropped, ${plainText(reason)}`, packets));
}

function networkLines(network: Network, now: number): string[] {
  return [
    `Network : ${plainText(network.name)} (${network.id})`,
    field("Role", network.role),
    field("State", `${network.state}: ${plainText(network.detail)}`),
    field("Addresses", network.ownAddresses.join(", ") || "-"),
    field("Prefixes", network.prefixes.join(", ") || "-"),
    field("Shared ranges", network.sharedRanges.join(", ") || "-"),
    ...network.members.flatMap((member) => [
      field("Member", `${member.number} ${plainText(member.name)}${member.self ? " (this computer)" : ""}`),
      field("Path", `${member.online ? "online" : "offline"}, ${member.path}, ${member.endpoint ?? "-"}`, 2),
      field("Addresses", member.addresses.join(", ") || "-", 2),
      field("Round trip, loss", `${member.rttMs?.toFixed(1) ?? "-"} ms, ${ratioText(member.lossRatio)}`, 2),
      field("Packets", `${member.traffic.rxPackets} received, ${member.traffic.txPackets} sent`, 2),
      field("Bytes", `${member.traffic.rxBytes} received, ${member.traffic.txBytes} sent`, 2),
      field("Last seen", agoText(member.lastSeen, now), 2),
    ]),
  ];
}

function relayLines({ gateways, moreGateways, streams, moreStreams }: AmtRelayDump, now: number): string[] {
  return [
    ...gateways.flatMap(({ endpoint, since, groups, packets, bytes, limited }) => [
      `Gateway : ${endpoint}`,
      field("Groups", groups),
      field("Packets", packets),
      field("Bytes", bytes),
      ...(limited > 0 ? [field("Above its rate", limited)] : []),
      field("Age", durationText(now - since)),
    ]),
    ...streams.flatMap(({ group, source, gateways: wanting, packets, bytes }) => [
      `Stream : ${group}`,
      field("Source", source ?? "any"),
      field("Gateways", wanting),
      field("Packets", packets),
      field("Bytes", bytes),
    ]),
    `${gateways.length + moreGateways} gateways, ${streams.length + moreStreams} streams`,
  ];
}

function proxyLines(proxy: Proxy): string[] {
  const { state, detail, upstream, downstream, sources, allowed, denied, bitsPerSecond } = proxy;
  const limit = bitsPerSecond === null ? "none" : `${bitsPerSecond} bit/s on each downstream`;
  return [
    field("State", `${state}: ${plainText(detail)}`),
    ...(state === "off"
      ? []
      : [
          field("Upstream", plainText(upstream ?? "none")),
          field("Downstream", plainText(downstream.join(", ")) || "none"),
          field("Sources", sources.join(", ") || "any"),
          field("Groups", allowed.join(", ") || "any"),
          field("Groups denied", denied.join(", ") || "none"),
          field("Rate limit", limit),
          field("Set by", plainText(proxy.origin ?? "command")),
        ]),
  ];
}

function routeLines(snapshot: Snapshot): string[] {
  return snapshot.routes.map((route) => {
    const to = route.toVifs.length > 0 ? `to ${route.toVifs.join(", ")}` : "static join";
    return `  ${route.id}: (${route.source ?? "*"}, ${route.group}) from ${plainText(route.fromVif)} ${plainText(to)}${route.active ? "" : ", waiting for an interface"}`;
  });
}

function statisticsLines(snapshot: Snapshot, stats: Stats, now: number): string[] {
  const subscriptions = snapshot.groups.reduce((sum, group) => sum + group.listeners.length, 0);
  return [
    field("Version", snapshot.daemon.version),
    field("Started", new Date(snapshot.daemon.startedAt).toISOString()),
    field("Uptime", durationText(now - snapshot.daemon.startedAt)),
    field("Process", snapshot.daemon.pid),
    field("Memory", `${Math.round(stats.rssBytes / 1024)} KiB`),
    field("Interfaces monitored", snapshot.vifs.length),
    field("Groups managed", snapshot.groups.length),
    field("Total subscriptions", subscriptions),
    field("Packets received", stats.traffic.rxPackets),
    field("Packets sent", stats.traffic.txPackets),
    field("Bytes received", stats.traffic.rxBytes),
    field("Bytes sent", stats.traffic.txBytes),
    ...dropLines(stats.drops),
    ...Object.entries(stats.counters).map(([name, value]) => field(plainText(name), value)),
  ];
}
