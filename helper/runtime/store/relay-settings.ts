// This computer as an AMT relay for others, as people set it.
import * as v from "valibot";
import { MAX_AMT_GATEWAYS } from "#contract/amt.ts";
import { bitRate } from "#contract/bit-rate.ts";
import { MAX_RELAY_SOCKETS } from "#ports/amt-relay.ts";
import { RELAY_DEFAULTS } from "#protocol/amt/relay-types.ts";
import { isMulticast, type Address } from "#wire/address.ts";
import { AMT_PORT } from "#wire/amt.ts";
import { address, integer, port, vifName } from "./field-schemas.ts";

export interface RelaySettings {
  readonly enabled: boolean;
  readonly maxGateways: number;
  /** The most for each gateway; null: no limit. */
  readonly gatewayBitsPerSecond: number | null;
  readonly port: number;
  /** That gateways are told, and get their data from; none: those of the interface, or of the default route's. */
  readonly addresses: readonly Address[];
  /** Where gateways look for the nearest of several relays: Discoveries alone are answered there. */
  readonly anycast: readonly Address[];
  /** Serve gateways on this interface alone; null: on all. */
  readonly interface: string | null;
  /** Groups of a site's or an organisation's scope too. */
  readonly adminScoped: boolean;
  /** Four bytes of a response MAC are enough. */
  readonly shortMac: boolean;
  /** Tell gateways where they are seen (G). */
  readonly tellEndpoint: boolean;
}

export const DEFAULT_RELAY: RelaySettings = {
  enabled: false,
  maxGateways: RELAY_DEFAULTS.maxGateways,
  gatewayBitsPerSecond: null,
  port: AMT_PORT,
  addresses: [],
  anycast: [],
  interface: null,
  adminScoped: false,
  shortMac: RELAY_DEFAULTS.shortMac,
  tellEndpoint: RELAY_DEFAULTS.tellEndpoint,
};

const own = v.pipe(
  v.array(
    v.pipe(
      address,
      v.check((text) => !isMulticast(text), "is a group"),
    ),
  ),
  v.maxLength(MAX_RELAY_SOCKETS / 2),
);

export const relaySettingsSchema: v.GenericSchema<unknown, RelaySettings> = v.strictObject({
  enabled: v.boolean(),
  maxGateways: integer(1, MAX_AMT_GATEWAYS),
  gatewayBitsPerSecond: v.optional(v.nullable(bitRate), null),
  port: v.optional(port, DEFAULT_RELAY.port),
  addresses: v.optional(own, []),
  anycast: v.optional(own, []),
  interface: v.optional(v.nullable(vifName), null),
  adminScoped: v.optional(v.boolean(), DEFAULT_RELAY.adminScoped),
  shortMac: v.optional(v.boolean(), DEFAULT_RELAY.shortMac),
  tellEndpoint: v.optional(v.boolean(), DEFAULT_RELAY.tellEndpoint),
});
