/** Why a handshake message or a ciphertext was not taken. Always the other side's fault, or the path's. */
export type NoiseFailure = "authentication" | "low-order-key" | "length";

export class NoiseError extends Error {
  override name = "NoiseError";
  readonly failure: NoiseFailure;

  constructor(failure: NoiseFailure) {
    super(`noise: ${failure}`);
    this.failure = failure;
  }
}
