// The control socket: who may connect, who may call what, and what all watchers are told.
import { createServer, type Socket } from "node:net";
import * as v from "valibot";
import { ControlError } from "#contract/errors.ts";
import { encodeLine, PROTOCOL_VERSION, type Request } from "#contract/messages.ts";
import { METHODS, type Method } from "#contract/methods.ts";
import {
  snapshotChangesSchema,
  snapshotSchema,
  type LogLine,
  type Snapshot,
  type SnapshotChanges,
} from "#contract/snapshot.ts";
import type { Clock } from "#ports/clock.ts";
import type { Log } from "#ports/log.ts";
import { accessOf, checkAccess, type AccessRules } from "./access.ts";
import { Connection } from "./connection.ts";
import type { DaemonApi, PeerCredentials } from "./daemon-api.ts";
import { fitSnapshot } from "./fit-line.ts";
import { openToAll, prepareSocketPath } from "./socket-file.ts";

export const MAX_CLIENTS = 32;
/** Of those, for callers without the right to drive the daemon: they cannot shut its owner out. */
export const MAX_GUEST_CLIENTS = 16;
const STALL_MS = 30_000;
const CLOSE_MS = 1_000;

export interface ControlServerOptions {
  readonly path: string;
  readonly buildVersion: string;
  readonly api: DaemonApi;
  readonly access: AccessRules;
  /** The kernel's word on who is at the other end (SO_PEERCRED); undefined where it cannot be had. */
  readonly peerCredentials: (socket: Socket) => PeerCredentials | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly stallMs?: number;
}

export interface ControlServer {
  readonly clients: () => number;
  /** Tells all watchers that these topics have new values. */
  readonly publish: (changes: SnapshotChanges) => void;
  readonly publishLog: (line: LogLine) => void;
  /** Says goodbye, ends all connections and removes the socket. */
  readonly close: (reason: "shutdown" | "update") => Promise<void>;
}

/** Rejects with a ControlError ("already-running", "conflict") or the system's error where it cannot listen. */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { api, access, clock, log } = options;
  const connections = new Map<Connection, { caller: PeerCredentials | undefined; guest: boolean }>();
  let seq = 0;

  const snapshot = (): Snapshot => fitSnapshot(v.parse(snapshotSchema, api.snapshot()), clock.wall());

  const handle = async (
    connection: Connection,
    request: Request,
    caller: PeerCredentials | undefined,
  ): Promise<unknown> => {
    const method = request.method as Method; // Connection checked it
    checkAccess(access, caller, method);
    const params = v.safeParse(METHODS[method].params, request.params);
    if (!params.success) throw new ControlError("bad-request", `"${method}": ${issueText(params.issues[0])}`);
    if (method === "status") return snapshot();
    if (method === "watch") {
      connection.startWatching();
      return { seq, snapshot: snapshot() };
    }
    const call = api[method] as (params: unknown, caller: PeerCredentials | undefined) => Promise<unknown>;
    // Parsing our own answer strips whatever the contract does not name: a secret cannot slip out with an object.
    const result = v.parse(METHODS[method].result, await withDeadline(method, call(params.output, caller)));
    if (method === "dump") {
      const dump = v.parse(METHODS.dump.result, result);
      return { ...dump, snapshot: fitSnapshot(dump.snapshot, clock.wall()) };
    }
    return result;
  };

  const answer = async (connection: Connection, request: Request): Promise<unknown> => {
    const caller = connections.get(connection)?.caller;
    try {
      return await handle(connection, request, caller);
    } catch (error) {
      if (!(error instanceof ControlError)) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        log.write("error", "a call failed", { method: request.method, error: text });
      }
      throw error;
    }
  };

  /** A client that is gone already has no credentials to read: that must cost its connection alone. */
  const callerOf = (socket: Socket): PeerCredentials | undefined => {
    try {
      return options.peerCredentials(socket);
    } catch (error) {
      log.write("warn", "no credentials of a client", { error: String(error) });
      return undefined;
    }
  };

  const accept = (socket: Socket): void => {
    const caller = callerOf(socket);
    const rights = accessOf(access, caller);
    const guest = rights === "none" || rights === "read";
    const guests = [...connections.values()].filter((client) => client.guest).length;
    const connection = new Connection(socket, {
      answer,
      closed: () => connections.delete(connection),
      stallMs: options.stallMs ?? STALL_MS,
    });
    if (connections.size >= MAX_CLIENTS || (guest && guests >= MAX_GUEST_CLIENTS)) {
      const error = new ControlError(
        "busy",
        "the daemon has as many clients as it takes",
        "Close one, and try again.",
      );
      connection.end({ type: "response", id: 0, ok: false, error: error.body() });
      return;
    }
    connections.set(connection, { caller, guest });
    connection.send({
      type: "hello",
      protocolVersion: PROTOCOL_VERSION,
      buildVersion: options.buildVersion,
      pid: process.pid,
      access: rights === "root" ? "own" : rights,
    });
  };

  await prepareSocketPath(options.path);
  const server = createServer(accept);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.path, () => resolve());
  });
  server.on("error", (error) => log.write("error", "control socket", { error: error.message }));
  openToAll(options.path);

  return {
    clients: () => connections.size,
    publish(changes) {
      seq++;
      if (connections.size === 0) return;
      try {
        const fitted = fitSnapshot(v.parse(snapshotChangesSchema, changes), clock.wall());
        const line = encodeLine({ type: "event", seq, changes: fitted });
        for (const connection of connections.keys()) connection.event(line);
      } catch (error) {
        // What clients are shown must never stop what the daemon does. They see the gap in `seq`.
        log.write("error", "an event could not be told", { error: String(error) });
      }
    },
    publishLog(line) {
      for (const connection of connections.keys()) connection.log(line);
    },
    async close(reason) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections.keys()) connection.end({ type: "bye", reason });
      const impatience = setTimeout(() => {
        for (const connection of connections.keys()) connection.destroy();
      }, CLOSE_MS);
      await closed;
      clearTimeout(impatience);
    },
  };
}

async function withDeadline<T>(method: Method, work: Promise<T>): Promise<T> {
  const { deadlineMs } = METHODS[method];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new ControlError(
            "timeout",
            `"${method}" took longer than ${deadlineMs / 1000} s`,
            "See castaway logs.",
          ),
        ),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function issueText(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  return path ? `${path}: ${issue.message}` : issue.message;
}
