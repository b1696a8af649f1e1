// How this computer may be found and reached: the switches, and what became of them.
import * as v from "valibot";

/** "host:port", "192.0.2.1:4000" or "[2001:db8::1]:4000". */
export const endpointText = v.pipe(
  v.string(),
  v.regex(/^(\[[\da-fA-F:.]{2,45}\]|[\w.-]{1,120}):\d{1,5}$/, "not HOST:PORT"),
);

/** A public key of the DHT: 64 hexadecimal digits. */
const dhtKey = v.pipe(v.string(), v.regex(/^[\da-fA-F]{64}$/, "no key of 64 hexadecimal digits"));

const off = v.literal("off");

export const reachChangeSchema = v.strictObject({
  /** UDP and TCP port of this computer for the other members, from the next start on; null: the daemon's own choice. */
  port: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)))),
  portMapping: v.optional(v.boolean()),
  dht: v.optional(v.boolean()),
  /** Replaces the list; none: the nodes that the DHT's library names. */
  dhtBootstrap: v.optional(v.pipe(v.array(endpointText), v.maxLength(16))),
  /** Public keys of the DHT's nodes that relay for this network; replaces the list. */
  dhtRelays: v.optional(v.pipe(v.array(dhtKey), v.maxLength(16))),
  meet: v.optional(v.union([v.literal("auto"), off, endpointText])),
  tcp: v.optional(v.boolean()),
  tls: v.optional(v.boolean()),
  proxy: v.optional(v.union([v.literal("auto"), off, endpointText])),
});
export type ReachChange = v.InferOutput<typeof reachChangeSchema>;

const endpoint = v.nullable(v.string());

/** What became of the wish for a port of the router. */
export const portMappingSchema = v.object({
  /** idle: nothing to be asked for now; mapped: but perhaps behind another NAT, `detail` says so; none: refused. */
  state: v.picklist(["off", "idle", "asking", "mapped", "none"]),
  method: v.nullable(v.picklist(["pcp", "nat-pmp", "upnp"])),
  /** The outside endpoints, "203.0.113.5:42268". */
  udp: endpoint,
  tcp: endpoint,
  /** One sentence for people. */
  detail: v.string(),
});
export type PortMappingView = v.InferOutput<typeof portMappingSchema>;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** The DHT as this computer sees it. */
export const dhtSchema = v.object({
  /** idle: nobody needs it now, and its process does not run. */
  state: v.picklist(["off", "idle", "connecting", "ready", "failed"]),
  /** Nodes that are known. */
  nodes: count,
  /** Nodes at which the network of this computer is announced. */
  announced: count,
  /** What the NAT in front does: "same" port towards everybody, or it "varies"; unknown where nobody was asked. */
  nat: v.picklist(["unknown", "same", "varies"]),
  /** Where the nodes see this computer, "203.0.113.5:42268". */
  observed: endpoint,
  /** Its process: started, gone by itself, ended for what it did. */
  starts: count,
  losses: count,
  offences: count,
  /** One sentence for people. */
  detail: v.string(),
});
export type DhtView = v.InferOutput<typeof dhtSchema>;

export const reachSchema = v.object({
  /** What was set; null: nobody chose. The port in use is the daemon's `port`. */
  port: v.optional(v.nullable(count), null),
  /** What was set holds from the next start on. */
  portPending: v.optional(v.boolean(), false),
  /** Ask the router for a port (PCP, NAT-PMP, UPnP), while this computer hosts a network. */
  portMapping: v.boolean(),
  dht: v.boolean(),
  dhtBootstrap: v.array(v.string()),
  dhtRelays: v.array(v.string()),
  /** HOST:PORT of a self-hosted meeting point; "auto": those that invites name; or "off". */
  meet: v.string(),
  tcp: v.boolean(),
  tls: v.boolean(),
  /** "auto" (the system's), "off" or HOST:PORT. */
  proxy: v.string(),
  mapping: portMappingSchema,
  dhtState: dhtSchema,
});
export type Reach = v.InferOutput<typeof reachSchema>;
