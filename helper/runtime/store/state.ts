import * as v from "valibot";
import { keyPair } from "#noise/x25519.ts";
import type { Candidate, JoinedNetwork } from "#protocol/addressing/joined-network.ts";
import type { DocumentFormat } from "./document.ts";
import { candidates, integer, key, port, vifName } from "./field-schemas.ts";
import type { HostedNetwork } from "./network-schemas.ts";
import { amtSchema, DEFAULT_AMT, type AmtSettings } from "./amt-settings.ts";
import { DEFAULT_METRICS, metricsSettingsSchema, type MetricsSettings } from "./metrics-settings.ts";
import { STATE_MIGRATIONS } from "./migrations.ts";
import { hostedSchema, joinedSchema } from "./network-schemas.ts";
import { DEFAULT_PROXY, proxySettingsSchema, type ProxySettings } from "./proxy-settings.ts";
import { DEFAULT_REACH, reachSchema, type ReachSettings } from "./reach-settings.ts";
import { DEFAULT_SHARING, sharingSchema, type SharingSettings } from "./sharing-settings.ts";
import { tunnelsSchema, type TunnelSetting } from "./tunnel-settings.ts";
import { staticEntrySchema, type StaticEntry } from "./static-entry.ts";

/** Everything that the daemon must know again after a restart: state.json. */
export interface State {
  readonly machine: MachineKeys;
  readonly hosted: HostedNetwork | null;
  readonly joined: readonly JoinedNetwork[];
  readonly settings: Settings;
}

/** X25519, 32 bytes each: this computer as host and as member. */
export interface MachineKeys {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

export interface Settings {
  /** UDP port of the transport; null: not chosen yet. */
  readonly port: number | null;
  /** What was chosen by hand; the daemon decides about all other interfaces. */
  readonly lans: readonly LanSetting[];
  /** Where this computer can be reached from elsewhere (a forwarded port), beside its own addresses. */
  readonly endpoints: readonly Candidate[];
  readonly routes: readonly StaticEntry[];
  /** uids that may drive the daemon beside root. */
  readonly owners: readonly number[];
  readonly reach: ReachSettings;
  readonly sharing: SharingSettings;
  readonly metrics: MetricsSettings;
  readonly proxy: ProxySettings;
  readonly amt: AmtSettings;
  /** false: the peers of the peers file are left alone (`down`) until `up`. */
  readonly staticEnabled: boolean;
  /** Of other programs' kinds. */
  readonly tunnels: readonly TunnelSetting[];
}

export interface LanSetting {
  readonly name: string;
  readonly mode: "full" | "local" | "off";
}

/** What a state holds at most of what people set. */
export const MAX_LAN_SETTINGS = 1024;
export const MAX_STATIC_ENTRIES = 1024;
export const MAX_OWNERS = 256;
export const MAX_JOINED = 256;

const machineSchema = v.pipe(
  v.strictObject({ privateKey: key, publicKey: key }),
  v.check(
    ({ privateKey, publicKey }) => keyPair(privateKey).publicKey.toHex() === publicKey.toHex(),
    "the two keys do not belong together",
  ),
);

const settingsSchema = v.strictObject({
  port: v.nullable(port),
  lans: v.pipe(
    v.array(v.strictObject({ name: vifName, mode: v.picklist(["full", "local", "off"]) })),
    v.maxLength(MAX_LAN_SETTINGS),
  ),
  endpoints: candidates,
  routes: v.pipe(v.array(staticEntrySchema), v.maxLength(MAX_STATIC_ENTRIES)),
  owners: v.pipe(v.array(integer(0, 0xffff_fffe)), v.maxLength(MAX_OWNERS)),
  reach: reachSchema,
  sharing: sharingSchema,
  metrics: v.optional(metricsSettingsSchema, DEFAULT_METRICS),
  proxy: v.optional(proxySettingsSchema, DEFAULT_PROXY),
  amt: v.optional(amtSchema, DEFAULT_AMT),
  staticEnabled: v.optional(v.boolean(), true),
  tunnels: v.optional(tunnelsSchema, []),
});

const stateSchema: v.GenericSchema<unknown, State> = v.pipe(
  v.strictObject({
    machine: machineSchema,
    hosted: v.nullable(hostedSchema),
    joined: v.pipe(v.array(joinedSchema), v.maxLength(MAX_JOINED)),
    settings: settingsSchema,
  }),
  v.check(({ joined }) => {
    return new Set(joined.map((network) => network.hostPublicKey.toHex())).size === joined.length;
  }, "has one joined network twice"),
  v.check(({ machine, hosted }) => {
    const host = hosted?.members.members.find((member) => member.number === 1);
    return !host || host.publicKey.toHex() === machine.publicKey.toHex();
  }, "hosts a network of another machine's key"),
);

export const STATE_FORMAT: DocumentFormat<State> = {
  name: "castaway state",
  version: 3,
  schema: stateSchema,
  migrations: STATE_MIGRATIONS,
};

/** A new identity from 32 random bytes, with nothing hosted or joined. */
export function initialState(randomKey: Uint8Array): State {
  return {
    machine: { privateKey: randomKey, publicKey: keyPair(randomKey).publicKey },
    hosted: null,
    joined: [],
    settings: {
      port: null,
      lans: [],
      endpoints: [],
      routes: [],
      owners: [],
      reach: DEFAULT_REACH,
      sharing: DEFAULT_SHARING,
      metrics: DEFAULT_METRICS,
      proxy: DEFAULT_PROXY,
      amt: DEFAULT_AMT,
      staticEnabled: true,
      tunnels: [],
    },
  };
}
