import type { Vif } from "./vif.ts";

/** A descriptor that packets come from. */
export interface Ingress {
  readonly fd: number;
  /** Whom to name when the descriptor fails; undefined for the transport socket. */
  readonly vif: Vif | undefined;
  /** A stream that has something to write: see writable(). */
  readonly blocked?: boolean;
  /** Takes one burst and sends it on. Below 0 where the first read failed: errno tells. */
  receive(now: number): number;
  /** The descriptor takes bytes again. */
  writable?(now: number): void;
}
