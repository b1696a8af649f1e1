// The calls: parameters, result, who may make them and how long they may take.
import * as v from "valibot";
import { MAX_AMT_RELAYS, amtRelayChangeSchema, amtRelayDumpSchema, relayPlace } from "./amt.ts";
import { bitRate } from "./bit-rate.ts";
import { presetName, presetSchema } from "./sharing.ts";
import { endpointText, reachChangeSchema, reachSchema } from "./reach.ts";
import { shareSchema } from "./lan-access.ts";
import { tunnelSchema, tunnelToAddSchema } from "./tunnels.ts";
import { metricsChangeSchema, metricsSchema } from "./metrics.ts";
import { proxyChangeSchema, proxySchema } from "./proxy.ts";
import {
  checkSchema,
  inviteSchema,
  lanSchema,
  logLineSchema,
  memberSchema,
  snapshotSchema,
  staticRouteSchema,
  statsSchema,
  topicSchema,
} from "./snapshot.ts";

/** read: whoever may look; own: root and the owners; root: root alone. */
export type Access = "read" | "own" | "root";

const NO_CONTROLS = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u;
const label = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(1),
  v.maxLength(64),
  v.regex(NO_CONTROLS, "control characters"),
);
const id = v.pipe(v.string(), v.regex(/^[\w:.-]{1,64}$/, "not an id"));
const vifName = v.pipe(v.string(), v.regex(/^[^\s/\p{C}]{1,32}$/u, "not an interface name"));
/** An address or a prefix in text; the daemon checks that it is one. */
const addressText = v.pipe(v.string(), v.regex(/^[\da-fA-F:.]{2,45}(\/\d{1,3})?$/, "not an address"));
const uid = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_fffe));
/** Id, or name where it is the only one of that name; may be left out where there is one network alone. */
const network = v.optional(label);
const memberNumber = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff));

const linkText = v.pipe(v.string(), v.maxLength(4096));

const nothing = v.object({});
const noParams = v.strictObject({});

interface MethodDefinition<P extends v.GenericSchema, R extends v.GenericSchema> {
  readonly access: Access;
  readonly deadlineMs: number;
  readonly params: P;
  readonly result: R;
}

function method<P extends v.GenericSchema, R extends v.GenericSchema>(
  access: Access,
  deadlineMs: number,
  params: P,
  result: R,
): MethodDefinition<P, R> {
  return { access, deadlineMs, params, result };
}

const QUICK = 5_000;
const NETWORKED = 30_000; // waits for the other side

export const METHODS = {
  status: method("read", QUICK, noParams, snapshotSchema),
  /** Answers one snapshot; numbered events follow on the same connection. */
  watch: method("read", QUICK, noParams, v.object({ seq: v.number(), snapshot: snapshotSchema })),
  /** Connects a network, or all; makes the first one, with this name, where there is none. */
  up: method("own", NETWORKED, v.strictObject({ network, name: v.optional(label) }), nothing),
  down: method("own", QUICK, v.strictObject({ network }), nothing),

  "invite.create": method(
    "own",
    QUICK,
    v.strictObject({
      network,
      uses: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000))),
      expiresInSeconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(60), v.maxValue(31_536_000))),
      approval: v.optional(v.boolean()),
      /** A note for the host alone, "for Anna": it is not in the link. Cut to 40 characters. */
      label: v.optional(label),
      /** Where this computer can be reached from elsewhere, "home.example:42268"; remembered for later invites. */
      endpoints: v.optional(v.pipe(v.array(endpointText), v.maxLength(4))),
    }),
    /** The link holds the secret: shown once, never kept or logged. */
    v.object({
      link: v.string(),
      networkName: v.string(),
      invite: inviteSchema,
      endpoints: v.array(v.string()),
      /** Who introduces those whom no address leads here: "the DHT", a meeting point. */
      ways: v.array(v.string()),
    }),
  ),
  /** What a link says, without joining: an expired one too. */
  "invite.inspect": method(
    "read",
    QUICK,
    v.strictObject({ link: linkText }),
    v.object({
      networkName: v.string(),
      /** `networkFingerprint` of the network's id, which is its host's to read out. */
      fingerprint: v.string(),
      expiresAt: v.number(),
      expired: v.boolean(),
      /** Where its host may be reached, "192.0.2.1:42268"; and who introduces. */
      endpoints: v.array(v.string()),
      ways: v.array(v.string()),
      /** This computer is a member of the network, or its host. */
      known: v.boolean(),
    }),
  ),
  "invite.list": method(
    "own",
    QUICK,
    v.strictObject({ network }),
    v.object({ invites: v.array(inviteSchema) }),
  ),
  "invite.revoke": method("own", QUICK, v.strictObject({ invite: id }), nothing),
  /** Answer to a waiting guest (a Network's `requests`). */
  "invite.approve": method("own", QUICK, v.strictObject({ request: id }), nothing),
  "invite.deny": method("own", QUICK, v.strictObject({ request: id }), nothing),

  join: method(
    "own",
    NETWORKED,
    v.strictObject({ link: linkText, name: v.optional(label) }),
    v.object({ networkId: v.string(), networkName: v.string(), addresses: v.array(v.string()) }),
  ),
  leave: method("own", QUICK, v.strictObject({ network }), nothing),

  "members.list": method(
    "read",
    QUICK,
    v.strictObject({ network }),
    v.object({ members: v.array(memberSchema) }),
  ),
  "members.rename": method(
    "own",
    QUICK,
    v.strictObject({ network, member: memberNumber, name: label }),
    nothing,
  ),
  /** The most that is sent to a member, bits a second; null: no limit. A guest sends to its network's host alone. */
  "members.limit": method(
    "own",
    QUICK,
    v.strictObject({ network, member: memberNumber, bitsPerSecond: v.nullable(bitRate) }),
    nothing,
  ),
  "members.remove": method("own", QUICK, v.strictObject({ network, member: memberNumber }), nothing),

  /** One round trip to a member. `rttMs` null: no answer in time. */
  ping: method(
    "read",
    NETWORKED,
    v.strictObject({
      network,
      member: memberNumber,
      timeoutMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(20_000))),
    }),
    v.object({
      rttMs: v.nullable(v.number()),
      /** session: to the other end of our own session; tunnel: an echo to a member that the host forwards to. */
      by: v.picklist(["session", "tunnel"]),
    }),
  ),

  "routes.list": method("read", QUICK, noParams, v.object({ routes: v.array(staticRouteSchema) })),
  "routes.add": method(
    "own",
    QUICK,
    v.strictObject({
      group: addressText,
      source: v.optional(addressText),
      fromVif: vifName,
      /** None: a static join (smcroute's mgroup). Some: a static route (its mroute). */
      toVifs: v.pipe(v.array(vifName), v.maxLength(64)),
    }),
    v.object({ id: v.string() }),
  ),
  "routes.remove": method("own", QUICK, v.strictObject({ id }), nothing),
  /** Reads the routes file anew; one with a mistake changes nothing. */
  /** Reads the routes file and the peers file anew. */
  "routes.reload": method(
    "own",
    QUICK,
    noParams,
    v.object({ file: v.string(), entries: v.number(), peersFile: v.string(), peers: v.number() }),
  ),
  /**
   * This computer as others name it in their peers files. The private key has no way out; without the public one a
   * stranger gets no answer, so it is not for all to read.
   */
  "key.show": method(
    "own",
    QUICK,
    noParams,
    v.object({
      /** 32 bytes in base64. */
      publicKey: v.string(),
      /** `networkFingerprint` of the network's id that follows from the key. */
      fingerprint: v.string(),
      hostname: v.string(),
      port: v.number(),
      /** Inside of the tunnel between static peers. */
      addresses: v.array(v.string()),
      peersFile: v.string(),
      peers: v.number(),
    }),
  ),

  "lans.list": method("read", QUICK, noParams, v.object({ lans: v.array(lanSchema) })),
  "lans.set": method(
    "own",
    QUICK,
    v.strictObject({ name: vifName, mode: v.picklist(["full", "local", "off"]) }),
    nothing,
  ),

  /** The multicast proxy between LANs (RFC 4605). */
  "proxy.get": method("read", QUICK, noParams, proxySchema),
  /** What is not named stays as it is. */
  "proxy.set": method("own", QUICK, proxyChangeSchema, proxySchema),

  "reach.get": method("read", QUICK, noParams, reachSchema),
  /** What is not named stays as it is. */
  "reach.set": method("own", QUICK, reachChangeSchema, reachSchema),

  "presets.list": method("read", QUICK, noParams, v.object({ presets: v.array(presetSchema) })),
  "presets.set": method("own", QUICK, v.strictObject({ preset: presetName, on: v.boolean() }), presetSchema),
  "groups.raise-ttl": method("own", QUICK, v.strictObject({ group: addressText, on: v.boolean() }), nothing),
  "share.get": method("read", QUICK, noParams, shareSchema),
  /** Lets the members of the hosted network into this computer's LANs; `interfaces`: into these alone. */
  "share.lan": method(
    "own",
    NETWORKED,
    v.strictObject({
      on: v.boolean(),
      interfaces: v.optional(v.pipe(v.array(vifName), v.minLength(1), v.maxLength(8))),
    }),
    shareSchema,
  ),
  /** Makes this computer the IPv6 router of its own /64 on an interface, or not any more. */
  "share.subnet": method(
    "own",
    NETWORKED,
    v.strictObject({ network, on: v.boolean(), interface: v.optional(vifName) }),
    shareSchema,
  ),
  /** As a guest: whether the LANs that the host shares are reached from here. */
  "share.use": method("own", QUICK, v.strictObject({ network, on: v.boolean() }), shareSchema),

  /** Asks for a stream of the Internet's by AMT, and keeps asking. Without a source, a relay has to be named or given. */
  "amt.join": method(
    "own",
    QUICK,
    v.strictObject({
      group: addressText,
      source: v.optional(addressText),
      relay: v.optional(relayPlace),
      /** UDP port that a player listens on. */
      port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
    }),
    v.object({ id: v.string() }),
  ),
  /** By its id, or by what was asked for. */
  "amt.leave": method(
    "own",
    QUICK,
    v.union([
      v.strictObject({ id }),
      v.strictObject({ group: addressText, source: v.optional(addressText) }),
    ]),
    nothing,
  ),
  /** Relays to ask before all others, in this order. */
  "amt.relays": method(
    "own",
    QUICK,
    v.strictObject({ relays: v.pipe(v.array(relayPlace), v.maxLength(MAX_AMT_RELAYS)) }),
    nothing,
  ),
  /** Whether what programs join is fetched from the Internet unasked. */
  "amt.automatic": method("own", QUICK, v.strictObject({ on: v.boolean() }), nothing),
  /** Makes this computer a relay for others. What is not named stays as it is. */
  "amt.relay": method("own", QUICK, amtRelayChangeSchema, nothing),

  /** Tunnels of other programs' kinds. */
  "tunnels.list": method("read", QUICK, noParams, v.object({ tunnels: v.array(tunnelSchema) })),
  "tunnels.add": method("own", QUICK, tunnelToAddSchema, v.object({ id: v.string() })),
  "tunnels.remove": method("own", QUICK, v.strictObject({ id }), nothing),

  /** Who may drive the daemon beside root. */
  "owners.list": method("read", QUICK, noParams, v.object({ uids: v.array(uid) })),
  "owners.add": method("root", QUICK, v.strictObject({ uid }), nothing),
  "owners.remove": method("root", QUICK, v.strictObject({ uid }), nothing),

  /** Figures for Prometheus on this computer. */
  "metrics.get": method("own", QUICK, noParams, metricsSchema),
  "metrics.set": method("own", QUICK, metricsChangeSchema, metricsSchema),

  stats: method("read", QUICK, noParams, statsSchema),
  dump: method(
    "own",
    QUICK,
    noParams,
    v.object({ snapshot: snapshotSchema, stats: statsSchema, amtRelay: v.optional(amtRelayDumpSchema) }),
  ),
  /** What is examined, in this order. */
  "doctor.topics": method("read", QUICK, noParams, v.object({ topics: v.array(topicSchema) })),
  /** All topics, or one alone: a client that asks for each by itself can show how far it is. */
  doctor: method(
    "read",
    NETWORKED,
    v.strictObject({ topic: v.optional(id) }),
    v.object({ checks: v.array(checkSchema) }),
  ),
  /** Does what a check's `fix` says. */
  "doctor.fix": method(
    "own",
    QUICK,
    v.strictObject({ fix: id }),
    v.object({
      label: v.string(),
      /** The command that takes it back. */
      undo: v.string(),
    }),
  ),
  /** With `follow`, `log` messages come after the result, on the same connection. */
  logs: method(
    "own",
    QUICK,
    v.strictObject({
      limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2000))),
      follow: v.optional(v.boolean()),
    }),
    v.object({ lines: v.array(logLineSchema) }),
  ),
  shutdown: method("own", QUICK, noParams, nothing),
} as const;

export type Method = keyof typeof METHODS;
export type Params<M extends Method> = v.InferOutput<(typeof METHODS)[M]["params"]>;
export type Result<M extends Method> = v.InferOutput<(typeof METHODS)[M]["result"]>;

export function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name);
}
