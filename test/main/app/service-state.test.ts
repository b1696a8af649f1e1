import { describe, expect, test } from "vitest";
import { CLIENT_IS_OLDER, ControlError, type ErrorCode } from "#contract/errors.ts";
import {
  type Circumstances,
  type Connection,
  RESTART_PATIENCE_MS,
  type ServiceFacts,
  serviceState,
} from "#main/app/service-state.ts";
import { SERVICE_ACTIONS, serviceSchema } from "#main/contract/state.ts";
import * as v from "valibot";

const OURS = "1.2.3";
const LOST = { at: 1_000, stopped: false };

function look(
  connection: Connection,
  facts: Partial<ServiceFacts> = {},
  changes: Partial<Circumstances> = {},
): ReturnType<typeof serviceState> {
  return serviceState({
    connection,
    facts: { installed: true, active: "active", ...facts },
    version: OURS,
    manages: true,
    user: "anna",
    now: 1_500,
    ...changes,
  });
}

function failed(code: ErrorCode, lost: { at: number; stopped: boolean } | null = null): Connection {
  return { state: "failed", error: new ControlError(code, "it is so", "do this").body(), lost };
}
const open = (version = OURS, access: "read" | "own" = "own"): Connection => ({
  state: "open",
  version,
  access,
});

describe("a daemon that answers", () => {
  test("of our version: all is well, and nothing is said", () => {
    expect(look(open())).toEqual({
      state: "running",
      detail: "",
      remedy: null,
      action: null,
      version: OURS,
      access: "own",
    });
  });

  test("of another version: said, and mended by an update; it goes on working", () => {
    expect(look(open("1.2.2"))).toMatchObject({
      state: "mismatch",
      action: "update",
      version: "1.2.2",
      access: "own",
      remedy: "sudo systemctl restart castaway",
    });
  });

  test.each([
    ["1.2.4", false],
    ["1.3", false],
    ["2.0.0-rc1", false],
    ["1.2.10", false],
    ["1.2.2", true],
    ["0.9.9", true],
    ["1.2.3-rc1", true],
    ["", true],
    ["made up", true],
  ])("which of the two must start anew: the service, where it is older (%s: %s)", (theirs, service) => {
    expect(look(open(theirs))).toMatchObject(
      service
        ? { action: "update", remedy: "sudo systemctl restart castaway" }
        : { action: null, remedy: "Close Castaway, and start it again." },
    );
  });

  test("that lets us look alone: how to be allowed more", () => {
    expect(look(open(OURS, "read"))).toMatchObject({
      state: "running",
      access: "read",
      action: "allow",
      remedy: "sudo castaway owners add anna",
    });
  });
});

describe("a daemon that does not answer", () => {
  test.each<[string, Connection, Partial<ServiceFacts>, string, string | null]>([
    ["just gone", failed("disconnected", LOST), {}, "restarting", null],
    [
      "just gone, between two attempts",
      failed("not-running", LOST),
      { active: "activating" },
      "restarting",
      null,
    ],
    [
      "gone without a service manager",
      failed("not-running", LOST),
      { installed: null, active: null },
      "restarting",
      null,
    ],
    ["going to update", failed("shutting-down", LOST), {}, "restarting", null],
    [
      "stopped by somebody",
      failed("shutting-down", { ...LOST, stopped: true }),
      { active: "inactive" },
      "stopped",
      "start",
    ],
    [
      "stopped and started",
      failed("not-running", { ...LOST, stopped: true }),
      { active: "activating" },
      "restarting",
      null,
    ],
    ["given up", failed("not-running", LOST), { active: "failed" }, "stopped", "restart"],
    [
      "removed",
      failed("not-running", { at: -RESTART_PATIENCE_MS, stopped: false }),
      { installed: false, active: "inactive" },
      "missing",
      "install",
    ],
    ["never there", failed("not-running"), { installed: false, active: "inactive" }, "missing", "install"],
    ["installed, not started", failed("not-running"), { active: "inactive" }, "stopped", "start"],
    ["starting up", failed("not-running"), { active: "activating" }, "restarting", null],
    ["crashed, with nobody to start it", failed("not-listening"), { active: "inactive" }, "stopped", "start"],
    ["running, not listening", failed("not-running"), {}, "stopped", "restart"],
    ["silent", failed("timeout"), {}, "stopped", "restart"],
    ["unknown to us", failed("not-running"), { installed: null, active: null }, "stopped", "start"],
    ["of another protocol", failed("version-mismatch"), {}, "mismatch", "update"],
    ["closed to us", failed("permission-denied"), {}, "refused", "allow"],
    ["somebody else", failed("untrusted-socket"), {}, "untrusted", null],
    ["full", failed("busy"), {}, "stopped", "restart"],
  ])("%s", (_, connection, facts, state, action) => {
    const service = look(connection, facts);
    expect(service).toMatchObject({ state, action, access: "none", version: null });
    expect(service.detail).toMatch(/^[A-Z].*\.$/);
    expect(v.is(serviceSchema, service)).toBe(true);
  });

  test("patience with a restart ends", () => {
    const gone = failed("not-running", LOST);
    expect(look(gone, {}, { now: LOST.at + RESTART_PATIENCE_MS - 1 }).state).toBe("restarting");
    expect(look(gone, {}, { now: LOST.at + RESTART_PATIENCE_MS }).state).toBe("stopped");
  });

  test("every state but the first moments, a restart and another's socket has a way out", () => {
    const codes: ErrorCode[] = [
      "not-running",
      "permission-denied",
      "version-mismatch",
      "timeout",
      "internal",
    ];
    for (const code of codes)
      for (const installed of [true, false, null])
        for (const active of ["active", "inactive", "failed", null] as const) {
          const service = look(failed(code), { installed, active });
          expect(SERVICE_ACTIONS).toContain(service.action);
          expect(service.remedy).toBeTruthy();
        }
  });
});

test("an app too old for the service is no reason to put an older service in its place", () => {
  const error = new ControlError("version-mismatch", "newer", CLIENT_IS_OLDER).body();
  expect(look({ state: "failed", error, lost: null })).toMatchObject({
    state: "mismatch",
    action: null,
    remedy: "Close Castaway, and start it again.",
  });
});

test("a shell that cannot manage the service offers no button, and the same remedy", () => {
  const [with_, without] = [true, false].map((manages) =>
    look(failed("not-running"), { installed: false }, { manages }),
  );
  expect(without).toEqual({ ...with_, action: null });
});

test("at the very first there is nothing to say", () => {
  expect(look({ state: "opening" })).toMatchObject({ state: "connecting", detail: "", action: null });
});
