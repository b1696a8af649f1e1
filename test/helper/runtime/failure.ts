import { ControlError, type ErrorBody } from "#contract/errors.ts";

/** What a call fails with; fails the test where it is done, or fails in a way that clients are told nothing about. */
export async function failure(call: Promise<unknown>): Promise<ErrorBody> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ControlError) return error.body();
    throw error;
  }
  throw new Error("it was done");
}
