import { ControlError, type ErrorCode } from "#contract/errors.ts";
import type { InviteErrorCode } from "#protocol/invite/invite-error.ts";

const INVITE_CODES: Partial<Record<InviteErrorCode, ErrorCode>> = {
  expired: "invite-expired",
  "used-up": "invite-used-up",
  revoked: "invite-revoked",
  "newer-version": "invite-too-new",
  damaged: "invite-damaged",
  "not-an-invite": "invite-damaged",
  "too-long": "invite-damaged",
};

/** Why an invite is of no use, as clients hear it. */
export function inviteProblem(code: InviteErrorCode, message: string): ControlError {
  return new ControlError(INVITE_CODES[code] ?? "refused", message);
}
