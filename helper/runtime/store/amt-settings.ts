// Internet multicast by AMT, as people set it.
import * as v from "valibot";
import { MAX_AMT_RELAYS } from "#contract/amt.ts";
import { isForwardableSource } from "#protocol/forwarding/scope.ts";
import { isCandidateHost } from "#protocol/invite/candidate-codec.ts";
import { isMulticast, type Address } from "#wire/address.ts";
import { address, port } from "./field-schemas.ts";
import { DEFAULT_RELAY, relaySettingsSchema, type RelaySettings } from "./relay-settings.ts";

/** A stream that somebody asked for. */
export interface KeptJoin {
  readonly id: string;
  /** null: any source. */
  readonly source: Address | null;
  readonly group: Address;
  /** Address or name of the relay to ask for it; null: one is looked for. */
  readonly relay: string | null;
  /** That a player listens on. */
  readonly port: number | null;
}

export interface AmtSettings {
  /** Addresses or names of relays to ask before all others. */
  readonly relays: readonly string[];
  /** Fetch what programs join unasked. */
  readonly automatic: boolean;
  readonly joins: readonly KeptJoin[];
  /** This computer as a relay. */
  readonly relay: RelaySettings;
}

export const MAX_KEPT_JOINS = 256;

export const DEFAULT_AMT: AmtSettings = {
  relays: [],
  automatic: true,
  joins: [],
  relay: DEFAULT_RELAY,
};

const place = v.pipe(v.string(), v.maxLength(253), v.check(isCandidateHost, "is no address or host name"));

const joinSchema = v.pipe(
  v.strictObject({
    id: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
    source: v.nullable(address),
    group: v.pipe(address, v.check(isMulticast, "is no group")),
    relay: v.nullable(place),
    port: v.nullable(port),
  }),
  v.check(
    ({ source, group }) => source === null || isForwardableSource(source, group),
    "has a source that is none of its group",
  ),
);

export const amtSchema: v.GenericSchema<unknown, AmtSettings> = v.strictObject({
  relays: v.pipe(v.array(place), v.maxLength(MAX_AMT_RELAYS)),
  automatic: v.boolean(),
  joins: v.pipe(v.array(joinSchema), v.maxLength(MAX_KEPT_JOINS)),
  relay: relaySettingsSchema,
});
