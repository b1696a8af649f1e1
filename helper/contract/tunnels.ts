// Tunnels of other programs' kinds that end in the daemon: mcasttunnel's and the stateful IPv6 tunnel's.
import * as v from "valibot";

export const MAX_TUNNELS = 32;

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const host = v.pipe(v.string(), v.regex(/^[\w.:-]{1,253}$/, "not an address or a name"));
const address = v.pipe(v.string(), v.regex(/^[\da-fA-F:.]{2,45}$/, "not an address"));
const count = v.pipe(v.number(), v.finite(), v.minValue(0));

const mcasttunnel = {
  kind: v.literal("mcasttunnel"),
  role: v.picklist(["server", "client"]),
  /** Server: own address that is listened on, all if null. Client: the server. */
  address: v.nullable(host),
  /** TCP, of the server. */
  port,
  group: address,
  groupPort: port,
  /** TTL or hop limit on the LANs that what comes out is sent to. */
  ttl: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(254)),
};
const sixServer = {
  kind: v.literal("sixtunnel"),
  role: v.literal("server"),
  address: v.nullable(host),
  port,
  /** IPv6 prefix in text: what the clients' /64s come out of. */
  range: v.pipe(v.string(), v.regex(/^[\da-fA-F:]{2,39}\/\d{1,2}$/, "not an IPv6 prefix")),
  /** Only clients that have a prefix already. */
  knownOnly: v.boolean(),
};
const sixClient = {
  kind: v.literal("sixtunnel"),
  role: v.literal("client"),
  address: host,
  port,
  /** Six bytes as a MAC address is written; null: one of this computer's. */
  clientId: v.nullable(v.pipe(v.string(), v.regex(/^[\da-fA-F]{2}(:[\da-fA-F]{2}){5}$/, "not an Id"))),
  /** IPv6 goes there by default. */
  defaultRoute: v.boolean(),
};

export const tunnelToAddSchema = v.union([
  v.strictObject(mcasttunnel),
  v.strictObject(sixServer),
  v.strictObject(sixClient),
]);
export type TunnelToAdd = v.InferOutput<typeof tunnelToAddSchema>;

const running = {
  id: v.string(),
  /** waiting: nobody is connected now; failed: it does not work, `detail` says why, and it is tried again. */
  state: v.picklist(["up", "waiting", "failed"]),
  detail: v.string(),
  /** Far ends that are connected, "192.0.2.1:4000"; of the IPv6 tunnel with the client's prefix behind it. */
  peers: v.array(v.string()),
  toPeers: count,
  fromPeers: count,
  drops: v.record(v.string(), count),
};

export const tunnelSchema = v.union([
  v.object({ ...running, ...mcasttunnel }),
  v.object({ ...running, ...sixServer }),
  v.object({ ...running, ...sixClient }),
]);
export type Tunnel = v.InferOutput<typeof tunnelSchema>;
