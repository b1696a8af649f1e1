// Streams that go from LANs to LANs alone are handed to the kernel, which forwards them for less. It is tried before it is
// trusted: a stream is the kernel's only after the kernel has counted it while we still forwarded it, since a reverse
// path filter, a firewall or a socket without loopback keep a stream from the kernel's router without a word.
import type { Flow } from "#fastpath/flow-memory.ts";
import type { Traffic } from "#contract/snapshot.ts";
import type { KernelCount, OpenKernelMulticast } from "#ports/kernel-multicast.ts";
import { MAX_LEFT_TO_KERNEL } from "#ports/lan.ts";
import type { RouteTable, VifId } from "#protocol/forwarding/route-table.ts";
import type { Address } from "#wire/address.ts";
import type { Core } from "../core.ts";
import type { LanVif } from "../lan-vif.ts";
import type { Timed } from "../scheduler.ts";
import { KernelCounts, difference, goesRound, total } from "./kernel-counts.ts";
import { KernelTables } from "./kernel-tables.ts";
import { planOf, samePlan, type StreamPlan } from "./stream-plan.ts";

export interface KernelForwardingOptions {
  readonly core: Core;
  readonly lans: () => Iterable<LanVif>;
  /** Streams with a packet in the last milliseconds. */
  readonly flows: (milliseconds: number) => Flow[];
  /** Groups whose TTL is raised. */
  readonly raised: () => ReadonlySet<Address>;
  readonly open: OpenKernelMulticast;
}

const LOOK_MS = 1_000;
/** Nothing goes between LANs, or nothing flows: somebody may begin at any time. */
const IDLE_LOOK_MS = 2_000;
/** Packets a second from which on a stream is worth it. */
const WORTH_PPS = 20;
/** A stream that the kernel counts nothing of is taken back after this time: it has ended, or the kernel lost it. */
const SILENT_MS = 3_000;
/** Without a stream for so long, the kernel's router is left to other programs. */
const UNUSED_MS = 60_000;
/** A stream that the kernel did not count is not tried again before. */
const REFUSED_MS = 60_000;
const MAX_REMEMBERED = 1024;

interface Stream {
  readonly flow: Flow;
  readonly plan: StreamPlan;
}

interface Carried extends Stream {
  /** The kernel's count when it began. */
  readonly since: KernelCount;
  last: KernelCount;
  /** At the last look. */
  looked: KernelCount;
  lastAt: number;
}

const NOTHING: KernelCount = { packets: 0, bytes: 0, wrongInterface: 0 };

export class KernelForwarding implements Timed {
  readonly #options: KernelForwardingOptions;
  readonly #tables: KernelTables;
  readonly #tried = new Map<string, Stream>();
  readonly #carried = new Map<string, Carried>();
  readonly #refused = new Map<string, number>(); // until when
  readonly #before = new Map<string, Flow>(); // as of the last look
  readonly #counts = new KernelCounts();
  #table: RouteTable | undefined;
  #generation = -1;
  #nextLook: number;
  #usedAt: number;

  constructor(options: KernelForwardingOptions) {
    this.#options = options;
    this.#tables = new KernelTables(options.open, options.core.log);
    this.#usedAt = options.core.clock.now();
    this.#nextLook = this.#usedAt + IDLE_LOOK_MS;
    options.core.scheduler.add(this);
    options.core.parts.add(this);
  }

  pollTimeout(): number | undefined {
    return this.#possible() ? this.#nextLook : undefined;
  }

  handleTimeout(now: number): void {
    const flows = this.#options.flows(2 * LOOK_MS);
    this.#judge(flows, now);
    this.#watchCarried(now);
    this.#tryMore(flows, now);
    if (this.#tried.size + this.#carried.size > 0) this.#usedAt = now;
    else if (now - this.#usedAt >= UNUSED_MS) this.#tables.close();
    this.#nextLook = now + (flows.length + this.#carried.size > 0 ? LOOK_MS : IDLE_LOOK_MS);
  }

  /** At the end of each turn: what follows from a new table, at once. */
  flush(): void {
    const { core } = this.#options;
    if (this.#generation === core.tableGeneration) return;
    this.#generation = core.tableGeneration;
    this.#table = undefined;
    this.#counts.keepVifs((id) => core.vifs.has(id));
    if (this.#tried.size + this.#carried.size === 0) return;
    const stale = (stream: Stream): boolean => {
      const plan = this.#plan(stream.flow);
      return !plan || !samePlan(plan, stream.plan);
    };
    this.#takeBack([...this.#tried, ...this.#carried].filter(([, one]) => stale(one)).map(([key]) => key));
  }

  /** The same streams with what the kernel carried of them, and those of which we see nothing any more. */
  merged(flows: readonly Flow[]): Flow[] {
    const at = this.#options.core.clock.now();
    for (const carried of this.#carried.values()) this.#count(carried, at);
    const seen = new Set(flows.map(keyOf));
    const hidden = [...this.#carried].filter(([key]) => !seen.has(key)).map(([, { flow }]) => flow);
    return [...flows, ...hidden].map((flow): Flow => {
      const key = keyOf(flow);
      const carried = this.#carried.get(key);
      const now = carried && difference(carried.since, carried.last);
      const byKernel = total(this.#counts.past(key), now);
      return {
        ...flow,
        packets: flow.packets + byKernel.packets,
        bytes: flow.bytes + byKernel.bytes,
        lastSeen: Math.max(flow.lastSeen, carried?.lastAt ?? 0),
      };
    });
  }

  /** What the kernel carried in and out by a LAN. */
  traffic(vif: VifId): Traffic | undefined {
    return this.#counts.traffic(vif);
  }

  /** How many streams the kernel carries now. */
  get streams(): number {
    return this.#carried.size;
  }

  close(): void {
    this.#takeBack([...this.#tried.keys(), ...this.#carried.keys()]);
    this.#options.core.scheduler.remove(this);
    this.#options.core.parts.delete(this);
    this.#tables.close();
  }

  #possible(): boolean {
    if (this.#carried.size + this.#tried.size > 0) return true;
    const lans = this.#lans();
    return (
      lans.size > 1 &&
      ([...lans.values()].some(({ use }) => use.role !== undefined) ||
        this.#options.core.forwarding
          .staticRoutes()
          .some(({ outVifs }) => outVifs.some((id) => lans.has(id))))
    );
  }

  /** What the kernel has counted for a second is its own from now on. */
  #judge(flows: readonly Flow[], now: number): void {
    for (const [key, { flow, plan }] of this.#tried) {
      const stream = { plan, flow: flows.find((one) => keyOf(one) === key) ?? flow };
      this.#tried.delete(key);
      const count = this.#tables.count(stream.flow);
      const fit = count.packets > 0 && !goesRound(NOTHING, count);
      if (fit && this.#tables.forward(stream.flow, stream.plan, now)) this.#take(key, stream, now);
      else {
        this.#tables.remove(stream.flow);
        this.#refuse(key, now);
      }
    }
  }

  #refuse(key: string, now: number): void {
    if (this.#refused.size >= MAX_REMEMBERED) this.#refused.delete(this.#refused.keys().next().value!);
    this.#refused.set(key, now + REFUSED_MS);
  }

  /**
   * One stream at a time, and nothing between the kernel's beginning and our end: a call to the kernel's router may wait
   * for others, and a packet between the two goes twice.
   */
  #take(key: string, stream: Stream, now: number): void {
    this.#carried.set(key, { ...stream, since: NOTHING, last: NOTHING, looked: NOTHING, lastAt: now });
    this.#filter(stream.flow.vif);
    const since = this.#tables.count(stream.flow); // up to here it is in our own count
    this.#carried.set(key, { ...stream, since, last: since, looked: since, lastAt: now });
    this.#filter();
    const { source, group } = stream.flow;
    this.#options.core.log.write("debug", "the kernel forwards a stream", { source, group });
  }

  #watchCarried(now: number): void {
    const back: string[] = [];
    for (const [key, carried] of this.#carried) {
      this.#count(carried, now);
      const round = goesRound(carried.looked, carried.last);
      carried.looked = carried.last;
      if (round) this.#refuse(key, now);
      if (round || now - carried.lastAt >= SILENT_MS) back.push(key);
    }
    this.#takeBack(back);
  }

  #tryMore(flows: readonly Flow[], now: number): void {
    for (const flow of flows) {
      const key = keyOf(flow);
      const before = this.#before.get(key);
      if (this.#tried.size + this.#carried.size >= MAX_LEFT_TO_KERNEL) break;
      if (!before || flow.packets - before.packets < WORTH_PPS) continue;
      if (this.#tried.has(key) || this.#carried.has(key) || now < (this.#refused.get(key) ?? 0)) continue;
      const plan = this.#plan(flow);
      // What a proxy's rules keep off goes to fewer LANs than the table says.
      if (plan && flow.egressCount === plan.out.size && this.#tables.watch(flow, plan, now))
        this.#tried.set(key, { flow, plan });
    }
    this.#before.clear();
    for (const flow of flows) this.#before.set(keyOf(flow), flow);
  }

  /**
   * Of each stream: we begin where it comes in, then the kernel ends, and last we look at the LANs that it leaves by. The
   * other way round, the kernel's own packets there would be taken for the stream's way in.
   */
  #takeBack(keys: readonly string[]): void {
    const now = this.#options.core.clock.now();
    for (const key of keys) {
      const carried = this.#carried.get(key);
      const { flow } = (carried ?? this.#tried.get(key))!;
      this.#tried.delete(key);
      if (carried) {
        this.#carried.delete(key);
        this.#filter(flow.vif);
        this.#count(carried, now);
        this.#counts.remember(key, difference(carried.since, carried.last));
      }
      this.#tables.remove(flow);
      if (carried) this.#filter();
    }
  }

  #count(carried: Carried, now: number): void {
    const count = this.#tables.count(carried.flow);
    const more = difference(carried.last, count);
    if (more.packets <= 0) return;
    carried.last = count;
    carried.lastAt = now;
    this.#counts.crossed(carried.flow.vif, carried.plan.outVifs, more);
  }

  /** `only`: this LAN alone. */
  #filter(only?: VifId): void {
    const streams = [...this.#carried.values()].map(({ flow: { source, group } }) => ({ source, group }));
    for (const lan of this.#lans().values())
      if (only === undefined || lan.id === only) lan.leaveToKernel(streams);
  }

  #plan(flow: Flow): StreamPlan | undefined {
    this.#table ??= this.#options.core.forwarding.compile();
    return planOf(flow, this.#table, this.#lans(), this.#options.raised());
  }

  #lans(): Map<VifId, LanVif> {
    const full = [...this.#options.lans()].filter(({ mode }) => mode === "full");
    return new Map(full.map((lan) => [lan.id, lan]));
  }
}

function keyOf({ vif, source, group }: Flow): string {
  return `${vif} ${source} ${group}`;
}
