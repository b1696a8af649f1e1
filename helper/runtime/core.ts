import type { Clock } from "#ports/clock.ts";
import type { Entropy } from "#ports/entropy.ts";
import type { FastPath } from "#ports/fast-path.ts";
import type { Log } from "#ports/log.ts";
import type { Forwarding } from "#protocol/forwarding/forwarding.ts";
import type { ExitKind, VifId } from "#protocol/forwarding/route-table.ts";
import type { VifOptions } from "#protocol/forwarding/vifs.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import { Scheduler } from "./scheduler.ts";
import { VifIds } from "./vif-ids.ts";

/** What the driver asks of a vif. */
export interface RuntimeVif {
  readonly id: VifId;
  readonly name: string;
  /** What all other vifs together want of this one has changed (RFC 4605). */
  upstreamWants(group: Address, filter: SourceFilter | undefined): void;
  membershipPacket(packet: Uint8Array, own: boolean, now: number): void;
  control(message: Uint8Array, now: number): void;
  /** Its descriptor failed: the interface went, or the device was taken away. */
  failed(errno: number): void;
  /** Hands over what its machines have to say, at the end of each turn. */
  flush(): void;
}

/** Who joins towards a vif that has no device: it is told what the others want of it, and nothing else. */
export type Demand = Pick<RuntimeVif, "id" | "upstreamWants">;

export interface CoreParts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly fastPath: FastPath;
  readonly forwarding: Forwarding;
  /** Something that a client is shown has changed. */
  readonly changed: () => void;
  /** The process has stood still for so long, ms. */
  readonly stalled?: (ms: number) => void;
}

/**
 * What all parts of the slow path share: the vifs, the forwarding state and the turn. A turn follows every input:
 * what changed is handed on until nothing changes any more, then the table is compiled once.
 */
export class Core {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly fastPath: FastPath;
  readonly forwarding: Forwarding;
  readonly scheduler: Scheduler;
  readonly changed: () => void;
  readonly vifs = new Map<VifId, RuntimeVif>();
  /** Others that look at each turn, before the vifs do. */
  readonly parts = new Set<{ flush(): void }>();
  readonly #demands = new Map<VifId, Demand>();
  readonly #ids = new VifIds();
  readonly #released = new Map<VifId, () => void>();
  readonly #since = new Map<string, number>();
  /** How many tables the fast path was given. */
  tableGeneration = 0;
  #tableStale = false;
  #turning = false;

  constructor(parts: CoreParts) {
    this.clock = parts.clock;
    this.entropy = parts.entropy;
    this.log = parts.log;
    this.fastPath = parts.fastPath;
    this.forwarding = parts.forwarding;
    this.changed = parts.changed;
    this.scheduler = new Scheduler(parts.clock, () => this.turn(), parts.stalled);
  }

  /** undefined: as many vifs as there can be are in use. */
  takeVifId(): VifId | undefined {
    return this.#ids.take();
  }

  addVif(vif: RuntimeVif, options: VifOptions): void {
    this.vifs.set(vif.id, vif);
    this.forwarding.addVif(vif.id, options);
    this.tableChanged();
  }

  /** The forwarder sums up for it as for a vif; nothing comes or goes by it. */
  addDemand(demand: Demand, kind: VifOptions["kind"]): void {
    this.#demands.set(demand.id, demand);
    this.forwarding.addVif(demand.id, { kind, upstream: true });
  }

  removeDemand(id: VifId): void {
    if (!this.#demands.delete(id)) return;
    this.forwarding.removeVif(id);
    this.#ids.give(id);
  }

  /** `released`: the fast path has let go of the vif's descriptors. */
  removeVif(id: VifId, released?: () => void): void {
    if (!this.vifs.delete(id)) return;
    if (released) this.#released.set(id, released);
    this.fastPath.send({ type: "vif-remove", vif: id });
    this.forwarding.removeVif(id);
    for (const key of this.#since.keys()) if (key.startsWith(`${id} `)) this.#since.delete(key);
    this.tableChanged();
  }

  vifRemoved(id: VifId): void {
    this.#released.get(id)?.();
    this.#released.delete(id);
    this.#ids.give(id);
  }

  /** The fast path has ended: nothing holds any descriptor. */
  releaseAll(): void {
    for (const released of this.#released.values()) released();
    this.#released.clear();
  }

  listeners(vif: VifId, exit: ExitKind, group: Address, filter: SourceFilter | undefined): void {
    const key = `${vif} ${exit} ${group}`;
    if (!filter) this.#since.delete(key);
    else if (!this.#since.has(key)) this.#since.set(key, this.clock.wall());
    this.forwarding.setListeners(vif, exit, group, filter);
    this.tableChanged();
  }

  /** When the listener came, wall ms. */
  listenerSince(vif: VifId, exit: ExitKind, group: Address): number | undefined {
    return this.#since.get(`${vif} ${exit} ${group}`);
  }

  tableChanged(): void {
    this.#tableStale = true;
    this.changed();
  }

  turn(): void {
    if (this.#turning) return; // the outer turn goes on until nothing changes
    this.#turning = true;
    try {
      do {
        for (const change of this.forwarding.drainUpstreamChanges())
          (this.vifs.get(change.vif) ?? this.#demands.get(change.vif))?.upstreamWants(
            change.group,
            change.filter,
          );
        if (this.#tableStale) {
          this.#tableStale = false;
          this.tableGeneration++;
          this.fastPath.send({ type: "routes", ...this.forwarding.compile() });
        }
        for (const part of this.parts) part.flush();
        for (const vif of this.vifs.values()) vif.flush();
      } while (this.#tableStale);
    } finally {
      this.#turning = false;
    }
    this.scheduler.arm();
  }
}
