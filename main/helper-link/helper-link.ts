// Keeps the connection to the daemon, and the state of the app up to date by it: what the daemon tells, whether it is
// there, and what the service manager says where it is not. It comes back by itself, without a click.
import type { ControlClient } from "#contract/control-client.ts";
import { ControlError } from "#contract/errors.ts";
import { isMethod, type Method, METHODS } from "#contract/methods.ts";
import { type AppCore, topicsOf } from "#main/app/app-core.ts";
import { HISTORY_STEP_MS, RateHistory } from "#main/app/history.ts";
import { Reconnect } from "#main/app/reconnect.ts";
import {
  type Connection,
  type Loss,
  NO_FACTS,
  type ServiceFacts,
  serviceState,
} from "#main/app/service-state.ts";
import * as v from "valibot";
import type { AskServiceFacts } from "./service-facts.ts";

/** What is needed of a connection to the daemon. */
export type DaemonClient = Pick<ControlClient, "call" | "close" | "goodbye" | "hello" | "onClose" | "watch">;

export interface LinkParts {
  readonly core: AppCore;
  /** A new connection. Rejects with a ControlError. */
  readonly connect: () => Promise<DaemonClient>;
  readonly facts: AskServiceFacts;
  /** The shell can install, start and update the service. */
  readonly manages: boolean;
  /** The name or uid of who uses the app. */
  readonly user: string;
  /** Monotonic ms. */
  readonly now?: () => number;
  /** ms since 1970. */
  readonly wall?: () => number;
  readonly random?: () => number;
}

/** While a daemon takes no changes from this user: how often it is asked whether it does now. */
const ACCESS_CHECK_MS = 5_000;

export class HelperLink {
  readonly history = new RateHistory();
  readonly #parts: LinkParts;
  readonly #now: () => number;
  readonly #wall: () => number;
  readonly #reconnect: Reconnect;
  #client: DaemonClient | undefined;
  #connection: Connection = { state: "opening" };
  #facts: ServiceFacts = NO_FACTS;
  #loss: Loss | null = null;
  #retry: NodeJS.Timeout | undefined;
  #tick: NodeJS.Timeout | undefined;
  #attempt: Promise<void> | undefined;
  #accessCheckedAt = 0;
  #ended = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
    this.#wall = parts.wall ?? (() => Date.now());
    this.#reconnect = new Reconnect(parts.random ?? Math.random);
  }

  start(): void {
    this.#tick = setInterval(() => this.#second(), HISTORY_STEP_MS);
    this.#try();
  }

  end(): void {
    this.#ended = true;
    clearInterval(this.#tick);
    clearTimeout(this.#retry);
    this.#client?.close();
    this.#client = undefined;
  }

  /** Something was done about the service: it is looked at anew at once. */
  hurry(): void {
    this.#reconnect.hurry();
    this.#accessCheckedAt = 0;
    if (this.#client) this.#second();
    else this.#try();
  }

  /** One more connection, which is the caller's to close. Rejects with a ControlError. */
  connect(): Promise<DaemonClient> {
    return this.#parts.connect();
  }

  /** The connection, for what needs more than one call. Throws a ControlError where there is none. */
  get client(): DaemonClient {
    if (this.#client) return this.#client;
    const { detail, remedy } = this.#parts.core.state.service;
    throw new ControlError("not-running", detail || "The service is not connected yet.", remedy);
  }

  /** One call of the daemon's, with parameters that nobody has checked yet. Rejects with a ControlError. */
  async call(method: string, params: Record<string, unknown>): Promise<unknown> {
    if (!isMethod(method)) throw new ControlError("unknown-method", `There is no call "${method}".`);
    const parsed = v.safeParse(METHODS[method].params, params);
    if (!parsed.success) throw new ControlError("bad-request", badParameters(parsed.issues));
    return (this.client.call as (method: Method, params: unknown) => Promise<unknown>).call(
      this.client,
      method,
      parsed.output,
    );
  }

  #try(): void {
    clearTimeout(this.#retry);
    if (this.#ended || this.#client || this.#attempt) return;
    this.#attempt = this.#connect()
      .catch((error: unknown) => this.#failed(asControlError(error)))
      .finally(() => (this.#attempt = undefined));
  }

  async #connect(): Promise<void> {
    const client = await this.#parts.connect();
    if (this.#ended) return client.close();
    client.onClose((error) => this.#lost(client, error));
    try {
      await client.watch((snapshot, changed) => {
        if (this.#client !== client) this.#opened(client);
        this.#parts.core.dispatch({ snapshot: topicsOf(snapshot, changed) });
      });
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Its first snapshot is here. */
  #opened(client: DaemonClient): void {
    this.#client = client;
    this.#loss = null;
    this.#reconnect.connected(this.#now());
    this.#accessCheckedAt = this.#now();
    this.#connection = { state: "open", version: client.hello.buildVersion, access: accessOf(client) };
    this.#show();
  }

  #lost(client: DaemonClient, error: ControlError): void {
    if (this.#client !== client) return; // it never got as far as a snapshot: its attempt reports that
    this.#client = undefined;
    this.#loss = { at: this.#now(), stopped: client.goodbye === "shutdown" };
    // What the service manager said while all was well is of no use now.
    this.#facts = { ...this.#facts, active: null };
    this.#failed(error);
  }

  #failed(error: ControlError): void {
    if (this.#ended) return;
    const wasOpening = this.#connection.state === "opening";
    this.#connection = { state: "failed", error: error.body(), lost: this.#loss };
    // At the very start "connecting" stays until it is known what is wrong: a moment, and bounded.
    if (!wasOpening) this.#show();
    void this.#askFacts();
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#try(), this.#reconnect.failed(this.#now()));
  }

  async #askFacts(): Promise<void> {
    const facts = await this.#parts.facts();
    if (this.#ended || this.#connection.state !== "failed") return;
    this.#facts = facts;
    this.#show();
  }

  #second(): void {
    this.history.add(this.#parts.core.state.snapshot, this.#wall());
    if (this.#connection.state === "failed") this.#show(); // patience with a restart may be over
    const now = this.#now();
    if (this.#connection.state !== "open" || this.#connection.access === "own") return;
    if (now - this.#accessCheckedAt < ACCESS_CHECK_MS && this.#accessCheckedAt !== 0) return;
    this.#accessCheckedAt = now;
    void this.#checkAccess();
  }

  /** The daemon says once, at the beginning, what a user may do: whether that has changed, a second connection tells. */
  async #checkAccess(): Promise<void> {
    try {
      const probe = await this.#parts.connect();
      const access = accessOf(probe);
      probe.close();
      if (this.#connection.state !== "open" || this.#connection.access === access) return;
      this.#connection = { ...this.#connection, access };
      this.#show();
    } catch {
      // The connection that is kept will tell what is wrong.
    }
  }

  #show(): void {
    const { core, manages, user } = this.#parts;
    const service = serviceState({
      connection: this.#connection,
      facts: this.#facts,
      version: core.state.shell.version,
      manages,
      user,
      now: this.#now(),
    });
    core.dispatch(this.#connection.state === "open" ? { service } : { service, snapshot: null });
  }
}

/** A daemon that does not say decides call by call. */
function accessOf({ hello }: DaemonClient): "read" | "own" {
  return hello.access === undefined || hello.access === "own" ? "own" : "read";
}

function asControlError(error: unknown): ControlError {
  return error instanceof ControlError ? error : new ControlError("internal", String(error));
}

/** Names the parameter, not its value: that may be a secret. */
export function badParameters(issues: readonly v.BaseIssue<unknown>[]): string {
  const paths = issues.slice(0, 3).map((issue) => v.getDotPath(issue) ?? "parameters");
  return `These parameters do not fit: ${[...new Set(paths)].join(", ")}.`;
}
