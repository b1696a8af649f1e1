import type { Flow } from "#fastpath/flow-memory.ts";

/** Losses are over the last one to two of these: what was lost an hour ago says nothing about now. */
const WINDOW_MS = 5_000;
const FORGET_MS = 60_000;

interface Counts {
  readonly at: number;
  readonly received: number;
  readonly expected: number;
}

interface Windows {
  /** Where the window that is looked at begins, and where the next one does. */
  from: Counts;
  next: Counts;
}

/** How much of flows is lost lately, from counters that somebody looks at now and then. */
export class FlowLosses {
  readonly #windows = new Map<string, Windows>();

  /** null: the flow does not say. `now`: ms, of the clock of the flow's times. */
  of(flow: Flow, now: number): number | null {
    const key = `${flow.vif} ${flow.source} ${flow.group}`;
    const counts = { at: now, received: flow.rtpReceived, expected: flow.rtpExpected };
    let windows = this.#windows.get(key);
    if (!windows || windows.next.expected > counts.expected) {
      const start = { at: flow.firstSeen, received: 0, expected: 0 }; // a flow that was replaced starts anew
      windows = { from: start, next: start };
      this.#windows.set(key, windows);
    }
    if (now - windows.next.at >= WINDOW_MS) {
      windows.from = windows.next;
      windows.next = counts;
    }
    const expected = counts.expected - windows.from.expected;
    if (expected === 0) return null;
    // Copies that came late or twice may outnumber what was missed.
    return Math.min(1, Math.max(0, 1 - (counts.received - windows.from.received) / expected));
  }

  forget(now: number): void {
    for (const [key, { next }] of this.#windows) if (now - next.at > FORGET_MS) this.#windows.delete(key);
  }
}
