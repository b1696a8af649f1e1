// Every failure that crosses the control socket, or keeps a client from crossing it.
import * as v from "valibot";

export const ERROR_CODES = [
  // the call
  "bad-request",
  "unknown-method",
  "permission-denied",
  "not-found",
  "conflict",
  "busy",
  "timeout",
  "shutting-down",
  "internal",
  // an invite, or the host's answer to it
  "invite-damaged",
  "invite-expired",
  "invite-used-up",
  "invite-revoked",
  "invite-too-new",
  "refused",
  /** The host was asked, and has not said yes or no: it goes on by itself. */
  "approval-pending",
  "unreachable",
  // the way to the daemon
  /** There is no socket. */
  "not-running",
  /** There is one, and nobody listens on it any more: a daemon that ended without a word. */
  "not-listening",
  "already-running",
  "untrusted-socket",
  "version-mismatch",
  "disconnected",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export const errorSchema = v.object({
  /** A code of a newer daemon reads as "internal": its message still says what happened. */
  code: v.fallback(v.picklist(ERROR_CODES), "internal"),
  message: v.string(),
  /** What to do about it, as a command or one sentence. */
  remedy: v.nullable(v.string()),
});
export type ErrorBody = v.InferOutput<typeof errorSchema>;

/** Remedies of "version-mismatch": both come in one package, so whichever is older was not started anew since. */
export const DAEMON_IS_OLDER =
  "Restart the daemon, so that both are of one release: sudo systemctl restart castaway";
export const CLIENT_IS_OLDER = "Close this program and start it anew: it is older than the daemon.";

/** What handlers throw to answer a call with an error, and what clients catch. */
export class ControlError extends Error {
  override name = "ControlError";
  readonly code: ErrorCode;
  readonly remedy: string | null;

  constructor(code: ErrorCode, message: string, remedy: string | null = null) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }

  body(): ErrorBody {
    return { code: this.code, message: this.message, remedy: this.remedy };
  }
}
