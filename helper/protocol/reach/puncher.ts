import type { Endpoint } from "#ports/endpoint.ts";

/** ms after the call; the caller's own datagrams are under way then, or soon. */
const SCHEDULE = [0, 100, 300, 700, 1_500, 3_000];
/** Calls that are punched for at one time; a new one pushes out the oldest. */
export const MAX_PUNCHED = 64;

interface Target {
  readonly endpoints: readonly Endpoint[];
  readonly data: Uint8Array;
  readonly since: number;
  sent: number;
}

/** Opens our router for those who are about to call: a few small datagrams to each of their endpoints. */
export class Puncher {
  readonly #targets = new Map<string, Target>();

  get size(): number {
    return this.#targets.size;
  }

  /** `key`: of the call, so that a repeated one does not begin anew. */
  punch(key: string, endpoints: readonly Endpoint[], data: Uint8Array, now: number): void {
    if (this.#targets.has(key)) return;
    if (this.#targets.size >= MAX_PUNCHED) this.#targets.delete(this.#targets.keys().next().value!);
    this.#targets.set(key, { endpoints, data, since: now, sent: 0 });
  }

  pollTimeout(): number | undefined {
    let earliest = Infinity;
    for (const { since, sent } of this.#targets.values())
      earliest = Math.min(earliest, since + SCHEDULE[sent]!);
    return earliest === Infinity ? undefined : earliest;
  }

  /** What to send now. */
  handleTimeout(now: number): { readonly to: Endpoint; readonly data: Uint8Array }[] {
    const datagrams: { to: Endpoint; data: Uint8Array }[] = [];
    for (const [key, target] of this.#targets) {
      if (now < target.since + SCHEDULE[target.sent]!) continue;
      target.sent++;
      for (const to of target.endpoints) datagrams.push({ to, data: target.data });
      if (target.sent >= SCHEDULE.length) this.#targets.delete(key);
    }
    return datagrams;
  }
}
