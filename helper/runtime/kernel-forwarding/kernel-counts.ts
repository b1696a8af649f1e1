import type { Traffic } from "#contract/snapshot.ts";
import type { KernelCount } from "#ports/kernel-multicast.ts";
import type { VifId } from "#protocol/forwarding/route-table.ts";
import { addTraffic } from "../view/traffic.ts";

export interface Sum {
  readonly packets: number;
  readonly bytes: number;
}

const MAX_REMEMBERED = 1024;
const NO_SUM: Sum = { packets: 0, bytes: 0 };

export function difference(before: Sum, now: Sum): Sum {
  return { packets: now.packets - before.packets, bytes: now.bytes - before.bytes };
}

export function total(a: Sum | undefined, b: Sum | undefined): Sum {
  const [one, other] = [a ?? NO_SUM, b ?? NO_SUM];
  return { packets: one.packets + other.packets, bytes: one.bytes + other.bytes };
}

/**
 * Has more than a tenth come in by another interface? Another router forwards it too, or the LANs are one wire; and the
 * kernel, unlike us, knows no packet again.
 */
export function goesRound(before: KernelCount, now: KernelCount): boolean {
  return 10 * (now.wrongInterface - before.wrongInterface) > now.packets - before.packets;
}

/** What the kernel carried, of streams that it carries no more, and by LAN. */
export class KernelCounts {
  readonly #past = new Map<string, Sum>();
  readonly #traffic = new Map<VifId, Traffic>();

  /** The stream is ours again. */
  remember(stream: string, carried: Sum): void {
    const sum = total(this.#past.get(stream), carried);
    this.#past.delete(stream);
    if (this.#past.size >= MAX_REMEMBERED) this.#past.delete(this.#past.keys().next().value!);
    this.#past.set(stream, sum);
  }

  past(stream: string): Sum | undefined {
    return this.#past.get(stream);
  }

  crossed(inVif: VifId, outVifs: readonly VifId[], { packets, bytes }: Sum): void {
    this.#add(inVif, { rxPackets: packets, rxBytes: bytes, txPackets: 0, txBytes: 0 });
    for (const vif of outVifs)
      this.#add(vif, { rxPackets: 0, rxBytes: 0, txPackets: packets, txBytes: bytes });
  }

  traffic(vif: VifId): Traffic | undefined {
    return this.#traffic.get(vif);
  }

  /** Vifs come and go, and their numbers are used again. */
  keepVifs(exists: (vif: VifId) => boolean): void {
    for (const id of this.#traffic.keys()) if (!exists(id)) this.#traffic.delete(id);
  }

  #add(vif: VifId, more: Traffic): void {
    const sum = this.#traffic.get(vif);
    this.#traffic.set(vif, sum ? addTraffic(sum, more) : more);
  }
}
