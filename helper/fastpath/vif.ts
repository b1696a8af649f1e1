import type { VifDevice } from "#ports/fast-path.ts";
import type { Exit } from "./batch.ts";
import type { InFlight } from "./in-flight.ts";
import type { LanGate } from "./lan-gate.ts";
import type { Peer } from "./peer.ts";
import type { PrefixSet } from "./prefixes.ts";

/** What the fast path holds of a vif, whatever its kind. */
export interface Vif {
  readonly id: number;
  readonly kind: VifDevice["kind"];
  /** To others: undefined where the vif has none (a TUN, a LAN in local mode). */
  readonly wire: Exit | undefined;
  /** To this computer's own sockets. */
  readonly local: Exit | undefined;
  /** Of a LAN: to its wire and to this computer's sockets on it, in one. */
  readonly both?: Exit | undefined;
  /** Of a LAN. */
  readonly gate?: LanGate;
  /** Of a peer. */
  readonly peer: Peer | undefined;
  /** Of a socket vif: packets on their way here. */
  readonly arriving?: InFlight;
  sources: PrefixSet | undefined;
}

export class Vifs {
  readonly #byId = new Map<number, Vif>();
  /** How many of them are LANs. */
  lans = 0;

  get(id: number): Vif | undefined {
    return this.#byId.get(id);
  }

  values(): Iterable<Vif> {
    return this.#byId.values();
  }

  add(vif: Vif): void {
    this.#byId.set(vif.id, vif);
    this.#count();
  }

  remove(id: number): void {
    this.#byId.delete(id);
    this.#count();
  }

  #count(): void {
    this.lans = [...this.#byId.values()].filter((vif) => vif.kind === "lan").length;
  }
}
