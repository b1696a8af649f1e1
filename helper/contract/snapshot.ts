// What the daemon tells about itself. Every client (CLI, desktop app, web shell, tests) shows this and nothing
// else. Times are wall milliseconds since 1970, rates are per second, ratios lie in 0..1. Keys and invite
// secrets have no field here, and unknown fields are stripped on both sides.
import * as v from "valibot";
import { amtSchema } from "./amt.ts";
import { proxySchema } from "./proxy.ts";
import { reachSchema } from "./reach.ts";
import { sharingSchema } from "./sharing.ts";
import { lanAccessSchema } from "./lan-access.ts";

const text = v.string();
const count = v.pipe(v.number(), v.finite(), v.minValue(0));
const time = count;
const ratio = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

export const trafficSchema = v.object({
  rxPackets: count,
  rxBytes: count,
  txPackets: count,
  txBytes: count,
});
export type Traffic = v.InferOutput<typeof trafficSchema>;

export const daemonSchema = v.object({
  version: text,
  startedAt: time,
  pid: count,
  hostname: text,
  /** Names of this computer's own parts: the TUN device, and the UDP port that the transport listens on. */
  tun: v.nullable(text),
  port: v.nullable(count),
});
export type DaemonInfo = v.InferOutput<typeof daemonSchema>;

/** What is known of the way to a member, and what limits it. Rates with all headers. */
export const sendingSchema = v.object({
  /** Of the path over UDP, IP and UDP headers included; null where a byte stream carries it, or nothing is known yet. */
  pathMtu: v.nullable(count),
  /** Share of our datagrams that the member did not get lately; null while it has not said. */
  lossRatio: v.nullable(ratio),
  /** limiting: multicast goes at `breakerBps` at most, because more was lost; open: none goes for some time. */
  breaker: v.picklist(["closed", "limiting", "open"]),
  breakerBps: v.nullable(count),
  /** What was set with `members limit`. */
  maximumBps: v.nullable(count),
});
export type Sending = v.InferOutput<typeof sendingSchema>;

export const memberSchema = v.object({
  number: count,
  name: text,
  /** peer: of the peers file, in which nobody is the host. */
  role: v.picklist(["host", "guest", "peer"]),
  self: v.boolean(),
  online: v.boolean(),
  /**
   * How packets get there: direct, mapped and punched (UDP between the two: to an address of its own, to one that its
   * router mapped, through a hole in both routers), tcp and tls (the fallbacks), relayed (a third party carries the
   * ciphertext), host (the network's host forwards), none (offline, or oneself).
   */
  path: v.picklist(["direct", "mapped", "punched", "tcp", "tls", "relayed", "host", "none"]),
  /** Outer address and port of the other end, "192.0.2.1:4000". */
  endpoint: v.nullable(text),
  rttMs: v.nullable(count),
  /** Of what it sends to us. */
  lossRatio: v.nullable(ratio),
  /** Null for this computer, and for those whom the network's host forwards to. */
  sending: v.nullable(sendingSchema),
  traffic: trafficSchema,
  addresses: v.array(text),
  lastSeen: v.nullable(time),
});
export type Member = v.InferOutput<typeof memberSchema>;

export const inviteSchema = v.object({
  id: text,
  /** The host's own note, "for Anna"; an older daemon has none. */
  label: v.optional(v.nullable(text), null),
  createdAt: time,
  expiresAt: time,
  usesLeft: count,
  usesTotal: count,
  /** The host is asked before a guest gets in. */
  approval: v.boolean(),
  state: v.picklist(["open", "used-up", "expired", "revoked"]),
});
export type Invite = v.InferOutput<typeof inviteSchema>;

/** A guest with a good invite who waits for the host's yes. */
export const joinRequestSchema = v.object({
  id: text,
  inviteId: text,
  name: text,
  endpoint: text,
  since: time,
});
export type JoinRequest = v.InferOutput<typeof joinRequestSchema>;

export const networkSchema = v.object({
  id: text,
  name: text,
  /** static: the peers of the peers file (docs/config.md). */
  role: v.picklist(["host", "guest", "static"]),
  /** refused: the host said no (removed, revoked); attention: it works in part, `detail` says what to do. */
  state: v.picklist(["off", "connecting", "connected", "refused", "attention"]),
  /** One sentence for people. */
  detail: text,
  /** This computer's member number; null until the first handshake gave one. */
  ownNumber: v.nullable(count),
  ownAddresses: v.array(text),
  /** The network's prefixes: the ULA /48 and the IPv4 pool. */
  prefixes: v.array(text),
  members: v.array(memberSchema),
  /** Multicast prefixes that cross this network. */
  sharedRanges: v.array(text),
  lanAccess: lanAccessSchema,
  /** The host's own; empty for a guest. */
  invites: v.array(inviteSchema),
  requests: v.array(joinRequestSchema),
});
export type Network = v.InferOutput<typeof networkSchema>;

export const querierSchema = v.object({
  family: v.picklist([4, 6]),
  /** 1..3 of IGMP, 1..2 of MLD. */
  version: count,
  /** The elected querier on that link; null while none is known. */
  address: v.nullable(text),
  /** This daemon is it. */
  self: v.boolean(),
  queriesSent: count,
  reportsReceived: count,
});
export type Querier = v.InferOutput<typeof querierSchema>;

export const vifSchema = v.object({
  id: count,
  name: text,
  kind: v.picklist(["lan", "tun", "peer", "amt-gateway", "amt-relay", "mcasttunnel", "sixtunnel", "socket"]),
  /** full: the wire too; local: this computer's own sockets alone. Null where the kind has no modes. */
  mode: v.nullable(v.picklist(["full", "local"])),
  state: v.picklist(["up", "down", "failed"]),
  /** One sentence where the state is not "up", else empty. */
  detail: text,
  mtu: v.nullable(count),
  addresses: v.array(text),
  /** Of a peer vif. */
  networkId: v.nullable(text),
  memberNumber: v.nullable(count),
  traffic: trafficSchema,
  /** Packets by the reason of their drop; reasons with zero packets are left out. */
  drops: v.record(text, count),
  queriers: v.array(querierSchema),
});
export type Vif = v.InferOutput<typeof vifSchema>;

export const listenerSchema = v.object({
  /** Name of the vif the listener is behind. */
  vif: text,
  mode: v.picklist(["include", "exclude"]),
  sources: v.array(text),
  /** A program on this computer. */
  local: v.boolean(),
  since: time,
  packets: count,
  bytes: count,
});
export type Listener = v.InferOutput<typeof listenerSchema>;

/**
 * One (S,G), or where nothing was received yet what somebody listens to, or what is announced and could be had: without
 * `inVif`, as (*,G), or as (S,G) where its announcement names the one source.
 */
export const groupSchema = v.object({
  group: text,
  source: v.nullable(text),
  /** What the group is called; from the network, so of any shape that plainText leaves. */
  name: v.nullable(text),
  /**
   * Who says so. announcement: the sender, by SAP; preset: what a preset that is on opens; well-known: the registry of
   * multicast addresses, which says what a group is for, not what is in it.
   */
  nameFrom: v.nullable(v.picklist(["announcement", "well-known", "preset"])),
  /** The member or host that the source's address belongs to. */
  sourceName: v.nullable(text),
  /** Destination port of its UDP datagrams, the last that was looked at; before there are any, the one announced. */
  port: v.nullable(count),
  /** What its datagrams carry, or are announced to; null while nobody knows, or where they are no UDP. */
  payload: v.nullable(v.picklist(["mpegts", "rtp", "rtp-mpegts", "other"])),
  /** Name of the vif the packets enter by; null while none came. */
  inVif: v.nullable(text),
  listeners: v.array(listenerSchema),
  packets: count,
  bytes: count,
  rateBps: count, // bits a second
  pps: count,
  lossRatio: v.nullable(ratio),
  /**
   * Where the loss is known from. stream: its RTP numbers, so from its sender to here; session: all packets of the
   * member that it comes from, so between the two ends of the tunnel.
   */
  lossOf: v.nullable(v.picklist(["stream", "session"])),
  /** TTL or hop limit of the last packet as it entered: 1 means that the application must be told to raise it. */
  ttl: v.nullable(count),
  /** Carried although it enters with TTL 1. */
  ttlRaised: v.boolean(),
  firstSeen: v.nullable(time),
  lastSeen: v.nullable(time),
});
export type Group = v.InferOutput<typeof groupSchema>;

/** A static join (toVifs empty) or a static route. Vif names may end in "+": any that start so. */
export const staticRouteSchema = v.object({
  id: text,
  group: text,
  source: v.nullable(text),
  fromVif: text,
  toVifs: v.array(text),
  /** false while an interface that it names is not there; it takes effect when that appears. */
  active: v.boolean(),
  /** File and line that it stands in; none: it was added at run time. */
  origin: v.optional(text),
});
export type StaticRoute = v.InferOutput<typeof staticRouteSchema>;

export const lanSchema = v.object({
  name: text,
  index: v.nullable(count),
  up: v.boolean(),
  addresses: v.array(text),
  mode: v.picklist(["full", "local", "off"]),
  /** Chosen by hand, not by the daemon. */
  pinned: v.boolean(),
});
export type Lan = v.InferOutput<typeof lanSchema>;

export const warningSchema = v.object({
  code: text,
  message: text,
  remedy: v.nullable(text),
  since: time,
});
export type Warning = v.InferOutput<typeof warningSchema>;

/** The topics: an event replaces whole topics, so a client never merges below this level. */
const topics = {
  daemon: daemonSchema,
  networks: v.array(networkSchema),
  vifs: v.array(vifSchema),
  groups: v.array(groupSchema),
  routes: v.array(staticRouteSchema),
  lans: v.array(lanSchema),
  reach: reachSchema,
  sharing: sharingSchema,
  proxy: proxySchema,
  amt: amtSchema,
  warnings: v.array(warningSchema),
};

export const snapshotSchema = v.object(topics);
export type Snapshot = v.InferOutput<typeof snapshotSchema>;
export type Topic = keyof Snapshot;
export const snapshotChangesSchema = v.partial(snapshotSchema);
export type SnapshotChanges = v.InferOutput<typeof snapshotChangesSchema>;

export const statsSchema = v.object({
  uptimeMs: count,
  rssBytes: count,
  /** Sums over all vifs. */
  traffic: trafficSchema,
  drops: v.record(text, count),
  /** Everything else that is counted, "session.handshakes-refused". */
  counters: v.record(text, v.number()),
});
export type Stats = v.InferOutput<typeof statsSchema>;

export const logLineSchema = v.object({
  number: count,
  wall: time,
  level: v.picklist(["debug", "info", "warn", "error"]),
  message: text,
  fields: v.record(text, v.union([v.string(), v.number(), v.boolean()])),
});
export type LogLine = v.InferOutput<typeof logLineSchema>;

/** One thing that `castaway doctor` looks at; it may find several checks, or none. */
export const topicSchema = v.object({ id: text, title: text });
export type DoctorTopic = v.InferOutput<typeof topicSchema>;

/** What the daemon can do about a finding by itself, when it is told to ("doctor.fix"). */
export const fixSchema = v.object({
  id: text,
  /** One sentence: what is done. */
  label: text,
});
export type Fix = v.InferOutput<typeof fixSchema>;

export const checkSchema = v.object({
  name: text,
  status: v.picklist(["ok", "warn", "fail"]),
  message: text,
  remedy: v.nullable(text),
  /** None: a person has to do something, or to decide. */
  fix: v.optional(v.nullable(fixSchema)),
});
export type Check = v.InferOutput<typeof checkSchema>;
