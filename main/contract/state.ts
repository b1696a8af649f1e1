// All that the user interface shows: the daemon's snapshot, and what the shell around it (Electron, or the web shell)
// knows. State flows from the shell to the renderer as one whole and then as numbered changes; nothing flows back but
// calls. Times and units are the snapshot's.
import { type Snapshot, snapshotChangesSchema, snapshotSchema } from "#contract/snapshot.ts";
import * as v from "valibot";
import { settingsSchema } from "./settings.ts";

const text = v.string();

/** What a button can do about a service that does not run as it should. */
export const SERVICE_ACTIONS = ["install", "start", "restart", "update", "allow", "remove"] as const;
export type ServiceAction = (typeof SERVICE_ACTIONS)[number];

export const serviceSchema = v.object({
  /**
   * connecting: the first moments only; running; restarting: it was there and will be again; stopped: it does not
   * running; missing: not installed; mismatch: of another release than this app; refused: the user may not speak with
   * it; untrusted: what listens there is not the system's service.
   */
  state: v.picklist([
    "connecting",
    "running",
    "restarting",
    "stopped",
    "missing",
    "mismatch",
    "refused",
    "untrusted",
  ]),
  /** One sentence, empty while all is well. */
  detail: text,
  /** A command that mends it, for those who would rather type it. */
  remedy: v.nullable(text),
  /** What this shell can do about it, as a button. */
  action: v.nullable(v.picklist(SERVICE_ACTIONS)),
  version: v.nullable(text),
  /** What this user may do: nothing, look, or change things too. */
  access: v.picklist(["none", "read", "own"]),
});
export type Service = v.InferOutput<typeof serviceSchema>;

export const shellSchema = v.object({
  kind: v.picklist(["electron", "web"]),
  version: text,
  platform: v.picklist(["linux", "darwin", "win32"]),
  /** The system's languages, the best first, as BCP 47 tags. */
  languages: v.array(text),
  /** What this shell can do; the interface does not offer the rest. */
  can: v.object({
    autoStart: v.boolean(),
    notify: v.boolean(),
    /** Install, update and remove the service, with one elevation. */
    manageService: v.boolean(),
    /** Start a player on a stream; otherwise a playlist is offered as a download. */
    play: v.boolean(),
    /** Save a file by a dialog of its own; otherwise as a download. */
    save: v.boolean(),
  }),
});
export type Shell = v.InferOutput<typeof shellSchema>;

/** An invite link that was opened, pasted or dropped. Nothing has happened yet: a person must say yes. */
export const pendingInviteSchema = v.object({
  /** The link itself; it holds a secret, and goes nowhere but to the daemon. */
  link: text,
  networkName: text,
  /** The first groups of the host key's fingerprint, to read out on the telephone. */
  fingerprint: text,
  expiresAt: v.pipe(v.number(), v.finite()),
  expired: v.boolean(),
  /** Where the host may be reached: addresses, and who introduces ("the DHT", a meeting point). */
  endpoints: v.array(text),
  ways: v.array(text),
  /** The network is known here already. */
  known: v.boolean(),
});
export type PendingInvite = v.InferOutput<typeof pendingInviteSchema>;

/** An amt:// link that the system handed over. Nothing has been asked for yet: a person must say yes. */
export const pendingStreamSchema = v.object({
  source: v.nullable(text),
  group: text,
  port: v.nullable(v.pipe(v.number(), v.finite())),
  relay: v.nullable(text),
});
export type PendingStream = v.InferOutput<typeof pendingStreamSchema>;

export const appStateSchema = v.object({
  shell: shellSchema,
  service: serviceSchema,
  settings: settingsSchema,
  pendingInvite: v.nullable(pendingInviteSchema),
  pendingStream: v.nullable(pendingStreamSchema),
  /** null while the daemon is not there. */
  snapshot: v.nullable(snapshotSchema),
});
export type AppState = v.InferOutput<typeof appStateSchema>;

/** What is named replaces what was, but `snapshot`, whose topics are replaced one by one; null: it is gone. */
export const appChangesSchema = v.object({
  service: v.optional(serviceSchema),
  settings: v.optional(settingsSchema),
  pendingInvite: v.optional(v.nullable(pendingInviteSchema)),
  pendingStream: v.optional(v.nullable(pendingStreamSchema)),
  snapshot: v.optional(v.nullable(snapshotChangesSchema)),
});
export type AppChanges = v.InferOutput<typeof appChangesSchema>;

/** undefined: the changes cannot be applied to this state, so the whole must be asked for. */
export function withChanges(state: AppState, changes: AppChanges): AppState | undefined {
  const { snapshot: topics, ...others } = changes;
  const next = { ...state, ...present(others) };
  if (topics === undefined) return next;
  if (topics === null) return { ...next, snapshot: null };
  const snapshot: Partial<Snapshot> = { ...state.snapshot, ...present(topics) };
  return isWhole(snapshot) ? { ...next, snapshot } : undefined;
}

function isWhole(snapshot: Partial<Snapshot>): snapshot is Snapshot {
  return Object.keys(snapshotSchema.entries).every((topic) => Object.hasOwn(snapshot, topic));
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the keys whose value is undefined, which valibot's optional allows. */
function present<T extends object>(changes: T): Present<T> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as Present<T>;
}
