import type { ErrorCode } from "#contract/errors.ts";

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notRunning: 3,
  permission: 4,
  refused: 5,
  timeout: 6,
} as const;

export const EXIT_CODES_HELP = `Exit codes:
  0  done
  1  failed
  2  wrong use: an unknown command or option, a value that does not fit
  3  the daemon is not running
  4  no permission
  5  refused by the other side: the invite is damaged, expired, used up, revoked or made by a newer version
  6  no answer in time`;

/** Scripts rely on these numbers: a code keeps its meaning for ever. */
const BY_ERROR: Partial<Record<ErrorCode, number>> = {
  "bad-request": EXIT.usage,
  "not-running": EXIT.notRunning,
  "not-listening": EXIT.notRunning,
  disconnected: EXIT.notRunning,
  "shutting-down": EXIT.notRunning,
  "permission-denied": EXIT.permission,
  "untrusted-socket": EXIT.permission,
  "invite-damaged": EXIT.refused,
  "invite-expired": EXIT.refused,
  "invite-used-up": EXIT.refused,
  "invite-revoked": EXIT.refused,
  "invite-too-new": EXIT.refused,
  refused: EXIT.refused,
  "approval-pending": EXIT.refused,
  unreachable: EXIT.timeout,
  timeout: EXIT.timeout,
};

export function exitCodeOf(code: ErrorCode): number {
  return BY_ERROR[code] ?? EXIT.failed;
}
