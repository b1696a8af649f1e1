// What is handed out to Prometheus: the names, and what they mean. Written by hand and without prom-client: that counts
// by itself, while everything here is counted already, so that a scrape reads what is there and keeps nothing.

export interface Family {
  /** Counters get "_total" behind it, infos "_info". */
  readonly name: string;
  readonly type: "counter" | "gauge" | "info";
  readonly help: string;
}

const counter = (name: string, help: string): Family => ({ name, type: "counter", help });
const gauge = (name: string, help: string): Family => ({ name, type: "gauge", help });
const info = (name: string, help: string): Family => ({ name, type: "info", help });

export const FAMILIES = {
  build: info("castaway_build", "The daemon's version, as a label."),
  uptime: gauge("castaway_uptime_seconds", "How long the daemon runs."),
  resident: gauge("castaway_resident_memory_bytes", "Memory of the daemon's process, all threads."),
  leftOut: gauge("castaway_metrics_left_out", "How many of a kind are there beyond what is listed."),
  warnings: gauge("castaway_warnings", "Warnings that castaway status shows now, by code."),

  network: info("castaway_network", "The networks, by id: their names, and what this computer is in them."),
  networkUp: gauge("castaway_network_connected", "1: the network is connected."),
  requests: gauge("castaway_network_join_requests", "Guests who wait for the host's yes."),
  members: gauge("castaway_network_members", "Members of the network, this computer included."),

  member: info("castaway_member", "The other members, by network and number: their names."),
  memberOnline: gauge("castaway_member_online", "1: the member is online."),
  memberPath: gauge("castaway_member_path", "1 beside the way by which packets get to the member."),
  memberRtt: gauge("castaway_member_rtt_seconds", "Round trip to the member."),
  memberLoss: gauge(
    "castaway_member_receive_loss_ratio",
    "Share of what the member sends that is lost, lately.",
  ),
  memberSendLoss: gauge(
    "castaway_member_send_loss_ratio",
    "Share of what is sent to it that is lost, lately.",
  ),
  memberMtu: gauge("castaway_member_path_mtu_bytes", "Largest packet on the path, headers included."),
  memberBreaker: gauge(
    "castaway_member_breaker_tripped",
    "1: multicast to the member is held back, for loss.",
  ),

  vifUp: gauge("castaway_vif_up", "1: the interface of the router works."),
  vifRxPackets: counter("castaway_vif_received_packets", "Packets that came in by the interface."),
  vifRxBytes: counter("castaway_vif_received_bytes", "Bytes that came in by the interface."),
  vifTxPackets: counter("castaway_vif_sent_packets", "Packets that left by the interface."),
  vifTxBytes: counter("castaway_vif_sent_bytes", "Bytes that left by the interface."),
  vifDrops: counter("castaway_vif_dropped_packets", "Packets that the interface dropped, by reason."),
  vifQueries: counter("castaway_vif_queries_sent", "Membership queries (IGMP, MLD) sent."),
  vifReports: counter("castaway_vif_reports_received", "Membership reports (IGMP, MLD) received."),
  vifQuerier: gauge("castaway_vif_querier", "1: this computer is the link's querier."),

  groups: gauge("castaway_groups", "Multicast groups that flow, or that somebody listens to."),
  streams: gauge("castaway_streams", "Streams, (S,G), that came in and are not forgotten yet."),
  groupBytes: gauge("castaway_group_bytes_per_second", "Rate of the group, all its sources together."),
  groupPackets: gauge(
    "castaway_group_packets_per_second",
    "Packet rate of the group, all its sources together.",
  ),
  groupSources: gauge("castaway_group_sources", "Sources of the group."),
  groupListeners: gauge("castaway_group_listeners", "Interfaces behind which the group is listened to."),
  groupLoss: gauge("castaway_group_loss_ratio", "Loss of the group, of its worst source."),

  amtStreams: gauge("castaway_amt_streams", "Streams of the Internet's that are asked for, by state."),
  amtRelays: gauge(
    "castaway_amt_relays_in_use",
    "AMT relays that streams are asked of, by how they were found.",
  ),

  accepted: counter("castaway_session_handshakes_accepted", "Handshakes of others that were right."),
  handshakeDrops: counter(
    "castaway_session_handshakes_dropped",
    "Handshakes of others that were not, by reason.",
  ),
  cookies: counter("castaway_session_cookies_sent", "Handshakes answered with a cookie, because of load."),
  unknownFrames: counter("castaway_session_unknown_frames", "Datagrams that belong to no session."),
  transportDrops: counter(
    "castaway_transport_dropped_packets",
    "Packets that the port of the transport dropped before they had an interface, by reason.",
  ),
  forwardingDrops: counter(
    "castaway_forwarding_refused",
    "What the forwarding table had no room or use for.",
  ),
  notCompiled: gauge("castaway_forwarding_groups_not_compiled", "Groups that do not fit into the table now."),
  breakers: gauge("castaway_path_breakers", "Members to whom multicast is held back now, by state."),
  relayGateways: gauge("castaway_amt_relay_gateways", "Gateways that this computer serves as an AMT relay."),
  relayStreams: gauge("castaway_amt_relay_streams", "Streams, (S,G) and (*,G), that they want."),
  relayDrops: counter(
    "castaway_amt_relay_dropped_messages",
    "Messages of gateways and strangers that were not answered or believed, by reason.",
  ),
  relayRefused: counter("castaway_amt_relay_refused", "What gateways want and do not get, by reason."),
  announced: gauge("castaway_announced_streams", "Streams that are announced (SAP), and known."),
  events: counter(
    "castaway_events",
    "What else castaway stats counts. Sums over interfaces begin anew where one of them goes.",
  ),
  scrapes: counter("castaway_metrics_scrapes", "How often these figures were handed out."),
  refused: counter("castaway_metrics_refused", "Requests for these figures that were turned away."),
} as const satisfies Record<string, Family>;

export type FamilyKey = keyof typeof FAMILIES;

/** What the samples of the family are called. */
export function sampleName({ name, type }: Family): string {
  return type === "counter" ? `${name}_total` : type === "info" ? `${name}_info` : name;
}
