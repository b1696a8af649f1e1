import type { Method, Params, Result } from "#contract/methods.ts";
import type { Snapshot } from "#contract/snapshot.ts";

/** Who called, by the kernel's word (SO_PEERCRED). */
export interface PeerCredentials {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** The methods that the server answers from `snapshot` itself. */
type ServedFromSnapshot = "status" | "watch";

/**
 * What the daemon does for its clients, a function a method. Parameters are parsed and rights checked before;
 * an error for the client is a thrown ControlError, anything else thrown is answered as "internal" and logged.
 */
export type DaemonApi = {
  /** Synchronous, so that a snapshot and the number of the last event belong together. */
  readonly snapshot: () => Snapshot;
} & {
  readonly [M in Exclude<Method, ServedFromSnapshot>]: (
    params: Params<M>,
    caller: PeerCredentials,
  ) => Promise<Result<M>>;
};
