import type { ErrorBody, ErrorCode } from "#contract/errors.ts";

/** Why a call failed: a sentence, and what to do about it. */
export class CallError extends Error {
  override name = "CallError";
  readonly code: ErrorCode;
  readonly remedy: string | null;

  constructor({ code, message, remedy }: ErrorBody) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }
}
