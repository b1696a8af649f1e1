import type { KernelCount, KernelMulticast, OpenKernelMulticast } from "#ports/kernel-multicast.ts";
import type { Log } from "#ports/log.ts";
import { family, type Address, type Family } from "#wire/address.ts";
import type { StreamKey, StreamPlan } from "./stream-plan.ts";

/** Another program that holds the kernel's router may end; a family that is switched off may come. */
const RETRY_MS = 60_000;

const NONE: KernelCount = { packets: 0, bytes: 0, wrongInterface: 0 };

/** The kernel's two multicast routers, opened when they are needed first. */
export class KernelTables {
  readonly #open: OpenKernelMulticast;
  readonly #log: Log;
  readonly #tables = new Map<Family, KernelMulticast>();
  readonly #retryAt = new Map<Family, number>();
  readonly #said = new Set<string>();

  constructor(open: OpenKernelMulticast, log: Log) {
    this.#open = open;
    this.#log = log;
  }

  /** The kernel knows the stream and counts it, and sends it nowhere yet. Returns false where it cannot be. */
  watch(stream: StreamKey, plan: StreamPlan, now: number): boolean {
    return this.#set(stream, plan, new Map(), now);
  }

  forward(stream: StreamKey, plan: StreamPlan, now: number): boolean {
    return this.#set(stream, plan, plan.out, now);
  }

  remove({ source, group }: StreamKey): void {
    this.#tables.get(family(group))?.removeRoute(source, group);
  }

  /** What came in by the stream's own interface. */
  count({ source, group }: StreamKey): KernelCount {
    const count = this.#tables.get(family(group))?.count(source, group) ?? NONE;
    return { ...count, packets: Math.max(0, count.packets - count.wrongInterface) };
  }

  /** The kernel is left to others. */
  close(): void {
    for (const table of this.#tables.values()) table.close();
    this.#tables.clear();
  }

  #set(
    { source, group }: { readonly source: Address; readonly group: Address },
    plan: StreamPlan,
    out: ReadonlyMap<number, number>,
    now: number,
  ): boolean {
    const of = family(group);
    if (now < (this.#retryAt.get(of) ?? -Infinity)) return false;
    try {
      let table = this.#tables.get(of);
      if (!table) this.#tables.set(of, (table = this.#open(of)));
      for (const index of [plan.inInterface, ...plan.out.keys()]) table.addInterface(index);
      table.setRoute({ source, group, inInterface: plan.inInterface, out });
      return true;
    } catch (error) {
      this.#retryAt.set(of, now + RETRY_MS);
      const reason = String(error);
      if (!this.#said.has(reason))
        this.#log.write("info", `the kernel does not forward IPv${of} from LAN to LAN: Castaway does it`, {
          reason,
        });
      this.#said.add(reason);
      return false;
    }
  }
}
