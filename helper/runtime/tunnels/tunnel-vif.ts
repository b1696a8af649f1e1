import { InFlight, inFlightBytes } from "#fastpath/in-flight.ts";
import type { VifId } from "#protocol/forwarding/route-table.ts";
import type { VifOptions } from "#protocol/forwarding/vifs.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import type { Core, RuntimeVif } from "../core.ts";

export interface TunnelVifOptions {
  readonly core: Core;
  readonly id: VifId;
  readonly name: string;
  readonly kind: Extract<VifOptions["kind"], "mcasttunnel" | "sixtunnel">;
  /** A packet for the far end, perhaps a fragment. */
  readonly leave: (packet: Uint8Array, now: number) => void;
  /** What all others want of the far end; undefined: it cannot be told. */
  readonly wants?: (group: Address, filter: SourceFilter | undefined) => void;
  readonly flush?: () => void;
}

/** A vif whose packets the main thread carries, as messages to and from the fast path. */
export class TunnelVif implements RuntimeVif {
  readonly id: VifId;
  readonly name: string;
  readonly kind: TunnelVifOptions["kind"];
  /** Packets by reason, on top of what the fast path counts. */
  readonly drops: Record<string, number> = {};
  readonly #options: TunnelVifOptions;
  readonly #arriving: InFlight;
  readonly #leaving: InFlight;

  constructor(options: TunnelVifOptions) {
    const { core, id, name, kind, wants } = options;
    this.#options = options;
    this.id = id;
    this.name = name;
    this.kind = kind;
    const inFlight = new SharedArrayBuffer(inFlightBytes());
    this.#arriving = new InFlight(inFlight, "in");
    this.#leaving = new InFlight(inFlight, "out");
    core.addVif(this, { kind, upstream: wants !== undefined });
    core.fastPath.send({ type: "vif-add", vif: id, device: { kind: "socket", inFlight } });
  }

  /** A whole IP packet, checksums right, from the far end. False: too many are on their way. */
  arrive(packet: Uint8Array): boolean {
    if (!this.#arriving.begin(packet.length)) {
      this.drop("queue-full");
      return false;
    }
    this.#options.core.fastPath.send({ type: "packet-in", vif: this.id, packet });
    return true;
  }

  packetOut(packet: Uint8Array, now: number): void {
    this.#leaving.end(packet.length);
    this.#options.leave(packet, now);
  }

  drop(reason: string): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }

  close(): void {
    this.#options.core.removeVif(this.id);
  }

  upstreamWants(group: Address, filter: SourceFilter | undefined): void {
    this.#options.wants?.(group, filter);
  }

  flush(): void {
    this.#options.flush?.();
  }

  membershipPacket(): void {}
  control(): void {}
  failed(): void {}
}
