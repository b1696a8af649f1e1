/**
 * Why an invite does not work. The first five are found in the link itself, the others the host tells to a
 * joiner who holds the secret.
 */
export type InviteErrorCode =
  | "not-an-invite"
  | "too-long"
  | "damaged"
  | "newer-version"
  | "expired"
  | "used-up"
  | "revoked"
  | "pending-approval"
  | "removed"
  | "full"
  | "own-network";

const SENTENCES: Readonly<Record<InviteErrorCode, string>> = {
  "not-an-invite":
    "This is not an invite: one begins with castaway://join/ . Copy the whole link and try again.",
  "too-long": "This is too long for an invite. Copy the link alone and try again.",
  damaged: "This invite is damaged: a part is missing or was changed on the way. Copy the whole link again.",
  "newer-version":
    "This invite was made by a newer Castaway. Update Castaway on this computer and try again.",
  expired: "This invite has expired. Ask the host for a new one.",
  "used-up": "This invite was already used as often as it may be. Ask the host for a new one.",
  revoked: "The host has revoked this invite. Ask the host for a new one.",
  "pending-approval":
    "The host has to approve this computer first. Ask the host; nothing has to be done here.",
  removed: "The host has removed this computer from the network. Ask the host for a new invite.",
  full: "The network has no address left for another member. Ask the host.",
  "own-network": "This invite is for the network of this computer itself. Open it on another computer.",
};

export class InviteError extends Error {
  override name = "InviteError";
  readonly code: InviteErrorCode;
  constructor(code: InviteErrorCode, sentence: string = SENTENCES[code]) {
    super(sentence);
    this.code = code;
  }
}

/** `expiresAt` is wall ms; the date is in it because this computer's own clock may be what is wrong. */
export function expiredError(expiresAt: number): InviteError {
  const date = new Date(expiresAt).toISOString().slice(0, 16).replace("T", " ");
  return new InviteError(
    "expired",
    `This invite expired on ${date} UTC. Ask the host for a new one; if that date is still to come, set the clock.`,
  );
}

/** What a host answers a joiner in one byte; never reused. 0 is "welcome". */
const REFUSALS = [
  "expired",
  "used-up",
  "revoked",
  "pending-approval",
  "removed",
  "full",
  "own-network",
] as const;
export type Refusal = (typeof REFUSALS)[number];

export function refusalByte(refusal: Refusal): number {
  return REFUSALS.indexOf(refusal) + 1;
}

/** undefined: 0 (no refusal), or a reason that only a newer version knows. */
export function refusalOfByte(byte: number): Refusal | undefined {
  return REFUSALS[byte - 1];
}
