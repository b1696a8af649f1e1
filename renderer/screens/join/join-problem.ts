// Why joining did not work, in the person's language: what happened, and what to do next.
import type { ErrorCode } from "#contract/errors.ts";
import type { CallError } from "#renderer/api/call-error.ts";
import type { WordKey } from "#renderer/i18n/i18n.svelte.ts";

export interface JoinProblem {
  readonly what: WordKey;
  readonly next: WordKey;
  /** The same link may work later, or after something else was done: it is kept. */
  readonly again: boolean;
  /** Nothing is wrong: the host has to say yes. */
  readonly waiting: boolean;
  /** The daemon's sentence says more than the translated one. */
  readonly detail: boolean;
}

const LOST: JoinProblem = problem("Lost", { again: true });

const PROBLEMS: Partial<Record<ErrorCode, JoinProblem>> = {
  "invite-damaged": problem("Damaged"),
  "invite-expired": problem("Expired"),
  "invite-used-up": problem("UsedUp"),
  "invite-revoked": problem("Revoked"),
  "invite-too-new": problem("TooNew", { again: true }),
  refused: problem("Refused", { detail: true }),
  "approval-pending": { ...problem("Waiting"), waiting: true },
  unreachable: problem("Unreachable", { again: true }),
  timeout: problem("Timeout", { again: true }),
  "permission-denied": problem("Forbidden", { again: true, detail: true }),
  "bad-request": problem("NoLink", { detail: true }),
  conflict: problem("Conflict", { again: true, detail: true }),
  busy: problem("Conflict", { again: true, detail: true }),
  "not-running": LOST,
  "not-listening": LOST,
  disconnected: LOST,
  "shutting-down": LOST,
};

export function joinProblem({ code }: Pick<CallError, "code">): JoinProblem {
  return PROBLEMS[code] ?? problem("Other", { again: true, detail: true });
}

type Name =
  | "NoLink"
  | "Damaged"
  | "Expired"
  | "UsedUp"
  | "Revoked"
  | "TooNew"
  | "Refused"
  | "Waiting"
  | "Unreachable"
  | "Timeout"
  | "Forbidden"
  | "Conflict"
  | "Lost"
  | "Other";

function problem(name: Name, { again = false, detail = false } = {}): JoinProblem {
  return { what: `join:problem${name}`, next: `join:next${name}`, again, waiting: false, detail };
}
