// How this computer may be found and reached: each way is a switch of its own.
import * as v from "valibot";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { candidate } from "./field-schemas.ts";

export interface ReachSettings {
  /** Ask the router for a port (PCP, NAT-PMP, UPnP), while this computer hosts a network. */
  readonly portMapping: boolean;
  /** Find each other, and punch holes, by the public DHT. */
  readonly dht: boolean;
  /** The nodes by which the DHT is entered; none: the ones that its library names. */
  readonly dhtBootstrap: readonly Candidate[];
  /** Public keys, in lower case, of nodes of the DHT that relay for the network that this computer hosts. */
  readonly dhtRelays: readonly string[];
  /** A self-hosted meeting point of our own; null: those alone that invites name; "off": none. */
  readonly meet: Candidate | "off" | null;
  /** The same frames over TCP, where UDP does not answer. */
  readonly tcp: boolean;
  /** Serve the same over TLS with WebSocket framing on port 443 too. Guests try it unasked, where `tcp` is on. */
  readonly tls: boolean;
  /** The HTTP CONNECT proxy by which TLS is tried too: the system's own, none, or this one. */
  readonly proxy: "auto" | "off" | Candidate;
}

/** What holds until somebody chooses: it should just work, and nothing privileged listens on port 443 unasked. */
export const DEFAULT_REACH: ReachSettings = {
  portMapping: true,
  dht: true,
  dhtBootstrap: [],
  dhtRelays: [],
  meet: null,
  tcp: true,
  tls: false,
  proxy: "auto",
};

export const MAX_BOOTSTRAP = 16;

const place = candidate;

export const reachSchema: v.GenericSchema<unknown, ReachSettings> = v.strictObject({
  portMapping: v.boolean(),
  dht: v.boolean(),
  dhtBootstrap: v.pipe(v.array(place), v.maxLength(MAX_BOOTSTRAP)),
  dhtRelays: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))), v.maxLength(MAX_BOOTSTRAP)),
    [],
  ),
  meet: v.nullable(v.union([v.literal("off"), place])),
  tcp: v.boolean(),
  tls: v.boolean(),
  proxy: v.union([v.picklist(["auto", "off"]), place]),
});
