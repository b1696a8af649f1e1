import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { FastPathCommand } from "#ports/fast-path.ts";
import { Forwarding, FORWARDING_LIMITS } from "#protocol/forwarding/forwarding.ts";
import { EXIT_WIRE, MAX_VIFS } from "#protocol/forwarding/route-table.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { ANY_SOURCE } from "#protocol/membership/source-filter.ts";
import { Core, type RuntimeVif } from "#runtime/core.ts";
import { Scheduler } from "#runtime/scheduler.ts";
import { VifIds } from "#runtime/vif-ids.ts";

const clock = { now: () => performance.now(), wall: () => Date.now() };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  onTestFinished(() => void vi.useRealTimers());
});

class Vif implements RuntimeVif {
  readonly id: number;
  readonly name: string;
  readonly wants: string[] = [];
  /** Done at each end of a turn. */
  onFlush: () => void = () => {};

  constructor(id: number) {
    this.id = id;
    this.name = `vif${id}`;
  }

  upstreamWants(group: string, filter: unknown): void {
    this.wants.push(`${filter ? "join" : "leave"} ${group}`);
  }

  flush(): void {
    this.onFlush();
  }

  membershipPacket(): void {}
  control(): void {}
  failed(): void {}
}

function core() {
  const commands: FastPathCommand[] = [];
  const forwarding = new Forwarding({ ...FORWARDING_LIMITS, scope: scopePolicy(), lanToLan: false });
  let changes = 0;
  const made = new Core({
    clock,
    entropy: { bytes: (length) => new Uint8Array(length) },
    log: { write: () => {} },
    fastPath: { send: (command) => commands.push(command), onEvent: () => {} },
    forwarding,
    changed: () => changes++,
  });
  const add = (kind: "lan" | "peer"): Vif => {
    const vif = new Vif(made.takeVifId()!);
    made.addVif(vif, { kind, upstream: true, ...(kind === "peer" && { network: "n", hostOfNetwork: true }) });
    return vif;
  };
  const sent = (type: FastPathCommand["type"]): number => commands.filter((one) => one.type === type).length;
  return { core: made, commands, add, sent, changes: () => changes };
}

describe("a turn", () => {
  test("hands on what others want and compiles the table, once for all changes", () => {
    const { core: it, add, sent } = core();
    const [lan, peer] = [add("lan"), add("peer")];
    for (let i = 0; i < 10; i++) it.listeners(peer.id, EXIT_WIRE, `239.1.1.${i}`, ANY_SOURCE);
    it.turn();
    expect(lan.wants).toHaveLength(10);
    expect(peer.wants).toEqual([]); // its own wish is none towards itself
    expect(sent("routes")).toBe(1);
    it.turn();
    expect(sent("routes")).toBe(1); // nothing changed
  });

  test("goes on until nothing changes any more", () => {
    const { core: it, add, sent } = core();
    const [lan, peer] = [add("lan"), add("peer")];
    let rounds = 0;
    peer.onFlush = () => {
      if (rounds++ < 3) it.listeners(peer.id, EXIT_WIRE, `239.1.1.${rounds}`, ANY_SOURCE);
    };
    it.turn();
    expect(lan.wants).toEqual(["join 239.1.1.1", "join 239.1.1.2", "join 239.1.1.3"]);
    expect(sent("routes")).toBe(4);
  });

  test("within a turn is the same turn", () => {
    const { core: it, add } = core();
    const vif = add("lan");
    let depth = 0;
    vif.onFlush = () => {
      expect(depth++).toBe(0);
      it.turn();
      depth--;
    };
    it.turn();
  });

  test("that fails leaves the next one possible", () => {
    const { core: it, add } = core();
    const vif = add("lan");
    vif.onFlush = () => {
      throw new Error("broken");
    };
    expect(() => it.turn()).toThrow("broken");
    let flushed = false;
    vif.onFlush = () => (flushed = true);
    it.turn();
    expect(flushed).toBe(true);
  });
});

describe("a vif that goes", () => {
  test("is left by what listened through it, and others leave what it wanted", () => {
    const { core: it, add, sent } = core();
    const [lan, peer] = [add("lan"), add("peer")];
    it.listeners(peer.id, EXIT_WIRE, "239.1.1.1", ANY_SOURCE);
    it.turn();
    it.removeVif(peer.id);
    it.turn();
    expect(lan.wants).toEqual(["join 239.1.1.1", "leave 239.1.1.1"]);
    expect(sent("vif-remove")).toBe(1);
    expect(it.listenerSince(peer.id, EXIT_WIRE, "239.1.1.1")).toBeUndefined();
    it.removeVif(peer.id); // once more: nothing
    expect(sent("vif-remove")).toBe(1);
  });

  test("has its descriptors closed when the fast path has let go, not before", () => {
    const { core: it, add } = core();
    const closed: string[] = [];
    const [a, b] = [add("lan"), add("lan")];
    it.removeVif(a.id, () => closed.push("a"));
    it.removeVif(b.id, () => closed.push("b"));
    expect(closed).toEqual([]);
    it.vifRemoved(a.id);
    expect(closed).toEqual(["a"]);
    it.releaseAll(); // the fast path has ended
    it.releaseAll();
    expect(closed).toEqual(["a", "b"]);
  });

  test("keeps its number until the fast path has let go; then it is used as late as possible", () => {
    const ids = new VifIds();
    const all = Array.from({ length: MAX_VIFS - 1 }, () => ids.take());
    expect(new Set(all).size).toBe(MAX_VIFS - 1);
    expect(all).not.toContain(0);
    expect(ids.take()).toBeUndefined();
    ids.give(7);
    ids.give(3);
    expect([ids.take(), ids.take(), ids.take()]).toEqual([7, 3, undefined]);
  });
});

describe("the one timer", () => {
  const machine = (due: number | undefined) => {
    const served: number[] = [];
    const it = {
      due,
      served,
      pollTimeout: () => it.due,
      handleTimeout: (now: number) => {
        served.push(Math.round(now));
        it.due = undefined;
      },
    };
    return it;
  };

  test("wakes for the earliest deadline, and serves who is due then", () => {
    let turns = 0;
    const scheduler = new Scheduler(clock, () => (turns++, scheduler.arm()));
    const now = performance.now();
    const [a, b, c, never] = [machine(now + 50), machine(now + 20), machine(now + 20), machine(undefined)];
    for (const one of [a, b, c, never]) scheduler.add(one);
    scheduler.arm();
    vi.advanceTimersByTime(19);
    expect(turns).toBe(0);
    vi.advanceTimersByTime(1);
    expect([turns, b.served.length, c.served.length, a.served.length]).toEqual([1, 1, 1, 0]);
    vi.advanceTimersByTime(30);
    expect([turns, a.served.length]).toEqual([2, 1]);
    vi.advanceTimersByTime(1_000_000);
    expect([turns, never.served]).toEqual([2, []]); // nobody is due: nothing wakes
  });

  test("follows deadlines that move, and forgets machines that went", () => {
    let turns = 0;
    const scheduler = new Scheduler(clock, () => turns++);
    const one = machine(performance.now() + 1_000);
    scheduler.add(one);
    scheduler.arm();
    one.due = performance.now() + 10;
    scheduler.arm();
    vi.advanceTimersByTime(10);
    expect(one.served).toHaveLength(1);
    one.due = performance.now() + 10;
    scheduler.arm();
    scheduler.remove(one);
    scheduler.arm();
    vi.advanceTimersByTime(100);
    expect([one.served.length, turns]).toEqual([1, 1]);
  });

  test("tells that the process stood still, and not that it was asked late", () => {
    const stalls: number[] = [];
    let stood = 0;
    const scheduler = new Scheduler(
      { now: () => performance.now() + stood, wall: () => 0 },
      () => {},
      (ms) => stalls.push(ms),
    );
    const one = machine(performance.now() + 1_000);
    scheduler.add(one);
    scheduler.arm();
    stood = 1_500; // a busy computer
    vi.advanceTimersByTime(1_000);
    expect([one.served.length, stalls]).toEqual([1, []]);
    one.due = performance.now() + stood - 60_000;
    scheduler.arm();
    vi.advanceTimersByTime(0);
    expect([one.served.length, stalls]).toEqual([2, []]);
    one.due = performance.now() + stood + 1_000;
    scheduler.arm();
    stood += 300_000;
    vi.advanceTimersByTime(1_000);
    expect([one.served.length, stalls]).toEqual([3, [300_000]]);
    one.due = performance.now() + stood + 1_000;
    scheduler.arm();
    stood += 60_000;
    one.due -= 1; // something else was served first, and moved the deadline
    scheduler.arm();
    vi.advanceTimersByTime(0);
    expect([one.served.length, stalls]).toEqual([4, [300_000, 59_000]]);
  });

  test("serves a deadline that has passed at once", () => {
    const scheduler = new Scheduler(clock, () => {});
    const late = machine(performance.now() - 5_000);
    scheduler.add(late);
    scheduler.arm();
    vi.advanceTimersByTime(0);
    expect(late.served).toHaveLength(1);
  });
});
