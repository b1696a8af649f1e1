import { ControlError } from "#contract/errors.ts";
import { METHODS, type Access, type Method } from "#contract/methods.ts";
import type { PeerCredentials } from "./daemon-api.ts";

export interface AccessRules {
  /** The daemon's own uid: it may do what root may. */
  readonly ownUid: number;
  /** May drive the daemon: who ran sudo, and whom root added. Asked anew for each call. */
  readonly owners: () => Iterable<number>;
  /** What everybody else on this computer may do. */
  readonly others: "read" | "none";
}

const RANK: Record<Access | "none", number> = { none: 0, read: 1, own: 2, root: 3 };

/** undefined: the kernel did not say who it is, which is worth nothing. */
export function accessOf(rules: AccessRules, caller: PeerCredentials | undefined): Access | "none" {
  if (!caller) return "none";
  if (caller.uid === 0 || caller.uid === rules.ownUid) return "root";
  for (const uid of rules.owners()) if (uid === caller.uid) return "own";
  return rules.others;
}

/** Throws "permission-denied", with the command that would help. */
export function checkAccess(rules: AccessRules, caller: PeerCredentials | undefined, method: Method): void {
  const needed = METHODS[method].access;
  if (RANK[accessOf(rules, caller)] >= RANK[needed]) return;
  if (!caller)
    throw new ControlError("permission-denied", "the kernel does not say who you are", "Run it with sudo.");
  const who = needed === "root" ? "root" : "root and the owners of this daemon";
  throw new ControlError(
    "permission-denied",
    `"${method}" is for ${who}; you are uid ${caller.uid}`,
    needed === "root"
      ? "Run the same command with sudo."
      : `Run the same command with sudo, or allow this user for good: sudo castaway owners add ${caller.uid}`,
  );
}
