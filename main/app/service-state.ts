// What a person is told about the service, and what can be done about it: a pure function of how the connection
// stands and of what the system says about the service. It never says "connecting" for long: every other state has
// a sentence and a way out.
import { CLIENT_IS_OLDER, type ErrorBody } from "#contract/errors.ts";
import type { Service, ServiceAction } from "#main/contract/state.ts";

/** What the service manager says. */
export interface ServiceFacts {
  /** null: there is no service manager that we know how to ask. */
  readonly installed: boolean | null;
  /** As systemd has it; null where it is not known. */
  readonly active: "active" | "activating" | "deactivating" | "inactive" | "failed" | null;
}

export const NO_FACTS: ServiceFacts = { installed: null, active: null };

export type Connection =
  | { readonly state: "opening" }
  | { readonly state: "open"; readonly version: string; readonly access: "read" | "own" }
  | { readonly state: "failed"; readonly error: ErrorBody; readonly lost: Loss | null };

/** A daemon that was there is gone. */
export interface Loss {
  /** ms, of the same clock as `now`. */
  readonly at: number;
  /** It said that it was stopped. */
  readonly stopped: boolean;
}

export interface Circumstances {
  readonly connection: Connection;
  readonly facts: ServiceFacts;
  /** Of this app. */
  readonly version: string;
  /** The shell can install, start and update the service. */
  readonly manages: boolean;
  /** Who uses the app: the name or number that `castaway owners add` takes. */
  readonly user: string;
  /** ms, monotonic. */
  readonly now: number;
}

/** A restart takes a second or two; systemd gives up after ten within a minute. */
export const RESTART_PATIENCE_MS = 20_000;

export function serviceState(circumstances: Circumstances): Service {
  const { connection, version, user } = circumstances;
  switch (connection.state) {
    case "opening":
      return { ...AWAY, state: "connecting" };
    case "open": {
      const service = { version: connection.version, access: connection.access };
      if (connection.version !== version) return mismatch(circumstances, service);
      if (connection.access === "read")
        return offered(circumstances, "allow", {
          ...service,
          state: "running",
          detail: "You may look, but the service takes no changes from you.",
          remedy: ownersRemedy(user),
        });
      return { ...service, state: "running", detail: "", remedy: null, action: null };
    }
    case "failed":
      return failed(circumstances, connection);
  }
}

const START_ANEW = "Close Castaway, and start it again.";

/** It goes on working as far as it can. Both come in one package: whichever is older was not started anew since. */
function mismatch(circumstances: Circumstances, service: Pick<Service, "access" | "version">): Service {
  const { version } = circumstances;
  const said = {
    ...service,
    state: "mismatch",
    detail: `The service is of version ${service.version}, this app of ${version}. Some things may not work.`,
  } as const;
  return isNewer(service.version ?? "", version)
    ? { ...said, remedy: START_ANEW, action: null }
    : offered(circumstances, "update", { ...said, remedy: "sudo systemctl restart castaway" });
}

/** Of two versions "1.2.3"; what follows a hyphen does not count. */
function isNewer(one: string, other: string): boolean {
  const [numbers, others] = [one, other].map((text) => text.split("-", 1)[0]!.split(".").map(Number));
  const place = numbers!.findIndex((number, i) => number !== others![i]);
  return place >= 0 && numbers![place]! > (others![place] ?? 0);
}

const AWAY: Service = {
  state: "stopped",
  detail: "",
  remedy: null,
  action: null,
  version: null,
  access: "none",
};

function failed(
  circumstances: Circumstances,
  { error, lost }: Extract<Connection, { state: "failed" }>,
): Service {
  switch (error.code) {
    case "version-mismatch":
      return apart(circumstances, error);
    case "untrusted-socket":
      return { ...AWAY, state: "untrusted", detail: sentence(error.message), remedy: error.remedy };
    case "permission-denied":
      return offered(circumstances, "allow", {
        ...AWAY,
        state: "refused",
        detail: "The service does not let you in.",
        remedy: ownersRemedy(circumstances.user),
      });
    default:
      return away(circumstances, error, lost);
  }
}

/** Of releases that do not understand each other. */
function apart(circumstances: Circumstances, { remedy }: ErrorBody): Service {
  const said = {
    ...AWAY,
    state: "mismatch",
    detail: "The service and this app are of releases that do not understand each other.",
  } as const;
  return remedy === CLIENT_IS_OLDER
    ? { ...said, remedy: START_ANEW, action: null }
    : offered(circumstances, "update", { ...said, remedy: "sudo systemctl restart castaway" });
}

/** Nobody is there, as against somebody who does not answer. */
const GONE: ReadonlySet<string> = new Set(["not-running", "not-listening", "shutting-down"]);

/** Nobody answers: it restarts, was stopped, failed, hangs, or never was there. */
function away(circumstances: Circumstances, error: ErrorBody, lost: Loss | null): Service {
  const { facts } = circumstances;
  if (restarts(circumstances, lost))
    return { ...AWAY, state: "restarting", detail: "The service restarts. It will be back in a moment." };
  if (facts.installed === false)
    return offered(circumstances, "install", {
      ...AWAY,
      state: "missing",
      detail: "The Castaway service is not installed on this computer.",
      remedy: "sudo castaway daemon",
    });
  if (facts.active === "failed")
    return offered(circumstances, "restart", {
      ...AWAY,
      detail: "The service failed, and was given up.",
      remedy: "sudo systemctl restart castaway",
    });
  if (!GONE.has(error.code))
    return offered(circumstances, "restart", {
      ...AWAY,
      detail: `The service does not answer: ${error.message}.`,
      remedy: facts.installed === null ? error.remedy : "sudo systemctl restart castaway",
    });
  if (facts.installed === null)
    return offered(circumstances, "start", {
      ...AWAY,
      detail: "The Castaway service is not running.",
      remedy: "sudo castaway daemon",
    });
  const runs = facts.active === "active" || facts.active === "activating";
  return offered(circumstances, runs ? "restart" : "start", {
    ...AWAY,
    detail: runs ? "The service runs, but does not answer." : "The service is installed, but not running.",
    remedy: `sudo systemctl ${runs ? "restart" : "start"} castaway`,
  });
}

/** What was there comes back, unless it was told to go or was given up. At a login or a boot, it may just begin. */
function restarts({ facts, now }: Circumstances, lost: Loss | null): boolean {
  if (lost === null) return facts.active === "activating";
  if (now - lost.at >= RESTART_PATIENCE_MS || facts.active === "failed") return false;
  return !lost.stopped || facts.active === "activating" || facts.active === "active";
}

function offered(
  { manages }: Circumstances,
  action: ServiceAction,
  service: Omit<Service, "action">,
): Service {
  return { ...service, action: manages ? action : null };
}

function ownersRemedy(user: string): string {
  return `sudo castaway owners add ${user}`;
}

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${message.endsWith(".") ? "" : "."}`;
}
