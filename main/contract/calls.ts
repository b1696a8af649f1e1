// What the renderer may ask of the shell: parameters and results, parsed on both sides. A call of the daemon's goes
// through "daemon", by a list of its own: the interface cannot make the others at all.
import type { Method } from "#contract/methods.ts";
import * as v from "valibot";
import { settingsChangeSchema, settingsSchema } from "./settings.ts";
import { appStateSchema, pendingInviteSchema, SERVICE_ACTIONS } from "./state.ts";

/** The daemon's methods that the interface uses. Their own schemas hold for parameters and results. */
export const DAEMON_METHODS = [
  "up",
  "down",
  "invite.create",
  "invite.list",
  "invite.revoke",
  "invite.approve",
  "invite.deny",
  "join",
  "leave",
  "members.rename",
  "members.limit",
  "members.remove",
  "ping",
  "routes.add",
  "routes.remove",
  "lans.list",
  "lans.set",
  "reach.get",
  "reach.set",
  "presets.list",
  "presets.set",
  "groups.raise-ttl",
  "share.get",
  "share.lan",
  "share.subnet",
  "share.use",
  "amt.join",
  "amt.leave",
  "amt.relays",
  "amt.automatic",
  "amt.relay",
  "stats",
  "doctor.topics",
  "doctor",
  "doctor.fix",
] as const satisfies readonly Method[];
export type DaemonMethod = (typeof DAEMON_METHODS)[number];

/** A dropped text or a pasted page can be anything; a link is a few hundred characters. */
export const MAX_PASTED_CHARACTERS = 20_000;
export const MAX_PLAYLIST_CHARACTERS = 2_000;

const count = v.pipe(v.number(), v.finite(), v.minValue(0));
const nothing = v.object({});
const noParams = v.strictObject({});

/** Bits a second, oldest first, one value each `stepMs`; the last one ends at `endsAt`. */
export const historySchema = v.object({
  endsAt: count,
  stepMs: count,
  /** All multicast that came in from other members and sites, and that went out to them (rates.ts). */
  received: v.array(count),
  sent: v.array(count),
  /** By `groupKey`, shorter than the sums: each ends at `endsAt` too. */
  groups: v.record(v.string(), v.array(count)),
});
export type History = v.InferOutput<typeof historySchema>;

interface CallDefinition<P extends v.GenericSchema, R extends v.GenericSchema> {
  readonly params: P;
  readonly result: R;
}

function call<P extends v.GenericSchema, R extends v.GenericSchema>(
  params: P,
  result: R,
): CallDefinition<P, R> {
  return { params, result };
}

export const CALLS = {
  /** The whole state; numbered changes follow. */
  watch: call(noParams, v.object({ seq: count, state: appStateSchema })),
  daemon: call(
    v.strictObject({ method: v.picklist(DAEMON_METHODS), params: v.record(v.string(), v.unknown()) }),
    v.unknown(),
  ),
  history: call(noParams, historySchema),
  "settings.set": call(settingsChangeSchema, settingsSchema),
  /** Reads a link out of what was pasted or dropped, and keeps it as the pending one. Nothing is joined. */
  "invite.open": call(
    v.strictObject({ text: v.pipe(v.string(), v.maxLength(MAX_PASTED_CHARACTERS)) }),
    pendingInviteSchema,
  ),
  "invite.dismiss": call(noParams, nothing),
  "stream.dismiss": call(noParams, nothing),
  /** Returns when it is done, or was cancelled in the system's own dialog ("cancelled"). */
  "service.act": call(
    v.strictObject({ action: v.picklist(SERVICE_ACTIONS) }),
    v.object({ outcome: v.picklist(["done", "cancelled"]) }),
  ),
  /** Opens a playlist in the system's player. Only where the shell `can.play`. */
  play: call(v.strictObject({ playlist: v.pipe(v.string(), v.maxLength(MAX_PLAYLIST_CHARACTERS)) }), nothing),
  /** The redacted problem report, for reading before anything is done with it. */
  "report.make": call(noParams, v.object({ fileName: v.string(), text: v.string() })),
  /** Saves the report that was made last, by the system's dialog. Only where the shell `can.save`. */
  "report.save": call(noParams, v.object({ path: v.nullable(v.string()) })),
} as const;

export type CallName = keyof typeof CALLS;
export type CallParams<C extends CallName> = v.InferOutput<(typeof CALLS)[C]["params"]>;
export type CallResult<C extends CallName> = v.InferOutput<(typeof CALLS)[C]["result"]>;

export function isCall(name: string): name is CallName {
  return Object.hasOwn(CALLS, name);
}
