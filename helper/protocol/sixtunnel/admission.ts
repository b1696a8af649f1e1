// Who may be a client of the IPv6 tunnel's server. The protocol has no secret: an Id is a claim. What can be done: an Id
// that is connected stays with whom it is connected to, as long as that one is alive. Only from the same address may a
// newer connection take over, as a client does that was restarted; and who has gone is noticed within 20 s by TCP.
import type { Prefix } from "#wire/address.ts";
import type { Assignments } from "./assignments.ts";

export const MAX_CLIENTS = 1_024;
/** Connections that have not said who they are. */
export const MAX_PENDING = 64;
export const MAX_PENDING_OF_ONE = 8;
/** ms that a connection has for its greeting. */
export const GREETING_MS = 10_000;

export interface Admitted<C> {
  readonly prefix: Prefix;
  /** Nobody may be told before it is kept. */
  readonly isNew: boolean;
  /** The connection that it had before: close it. */
  readonly replaced: C | undefined;
}

export type Refusal = "in-use" | "unknown" | "exhausted";

interface Pending {
  readonly from: string;
  readonly deadline: number;
}

export class Admission<C> {
  readonly #assignments: Assignments;
  readonly #knownOnly: boolean;
  readonly #pending = new Map<C, Pending>(); // the oldest first
  readonly #byId = new Map<string, { readonly connection: C; readonly from: string }>();
  readonly #ids = new Map<C, string>();

  constructor(assignments: Assignments, knownOnly: boolean) {
    this.#assignments = assignments;
    this.#knownOnly = knownOnly;
  }

  get clients(): number {
    return this.#byId.size;
  }

  /** `from`: its address. False: close it. `now`: ms of the driver's clock. */
  handleConnection(connection: C, from: string, now: number): boolean {
    const pending = [...this.#pending.values()];
    const full =
      pending.length >= MAX_PENDING ||
      this.#byId.size >= MAX_CLIENTS ||
      pending.filter((other) => other.from === from).length >= MAX_PENDING_OF_ONE;
    if (!full) this.#pending.set(connection, { from, deadline: now + GREETING_MS });
    return !full;
  }

  /** `id`: in lower case. After a refusal: close it. */
  handleHello(connection: C, id: string): Admitted<C> | Refusal {
    const from = this.#pending.get(connection)?.from;
    if (from === undefined) throw new Error("a connection that is not pending said who it is");
    this.#pending.delete(connection);
    const before = this.#byId.get(id);
    if (before && before.from !== from) return "in-use";
    const assigned = this.#assignments.assign(id, this.#knownOnly);
    if (typeof assigned === "string") return assigned;
    if (before) this.#ids.delete(before.connection);
    this.#byId.set(id, { connection, from });
    this.#ids.set(connection, id);
    return { ...assigned, replaced: before?.connection };
  }

  handleClosed(connection: C): void {
    this.#pending.delete(connection);
    const id = this.#ids.get(connection);
    if (id === undefined) return;
    this.#ids.delete(connection);
    this.#byId.delete(id);
  }

  /** When handleTimeout wants to be called. */
  pollTimeout(): number | undefined {
    for (const { deadline } of this.#pending.values()) return deadline;
    return undefined;
  }

  /** Connections that have said nothing for too long: close them. */
  handleTimeout(now: number): C[] {
    const late = [...this.#pending].filter(([, { deadline }]) => deadline <= now).map(([one]) => one);
    for (const connection of late) this.#pending.delete(connection);
    return late;
  }
}
