import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ControlError } from "#contract/errors.ts";
import { AppCore } from "#main/app/app-core.ts";
import type { ServiceFacts } from "#main/app/service-state.ts";
import { type DaemonClient, HelperLink } from "#main/helper-link/helper-link.ts";
import { fakeGroup, fakeState } from "../../support/app/fake-state.ts";
import { FakeClient, NOT_RUNNING } from "./fake-client.ts";

let core: AppCore;
let link: HelperLink;
let facts: ServiceFacts;
/** What the next attempts find: a daemon, or why there is none. The last stays. */
let there: (FakeClient | ControlError)[];
let attempts: number;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 5, 1) });
  core = new AppCore(fakeState({ snapshot: null, service: { ...fakeState().service, state: "connecting" } }));
  facts = { installed: true, active: "active" };
  there = [new FakeClient()];
  attempts = 0;
  link = new HelperLink({
    core,
    connect: async (): Promise<DaemonClient> => {
      attempts++;
      const found = there.length > 1 ? there.shift()! : there[0]!;
      if (found instanceof ControlError) throw found;
      return found;
    },
    facts: async () => facts,
    manages: true,
    user: "anna",
    random: () => 0,
  });
});
afterEach(() => {
  link.end();
  vi.useRealTimers();
});

const wait = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function running(client = new FakeClient()): Promise<FakeClient> {
  there = [client];
  link.start();
  await wait(0);
  expect(core.state.service.state).toBe("running");
  return client;
}

test("what the daemon tells is in the state, topic by topic", async () => {
  const client = await running();
  expect(core.state.snapshot?.networks[0]?.name).toBe("Home");
  const networks = core.state.snapshot?.networks;
  client.change({ groups: [fakeGroup(7)] });
  expect(core.state.snapshot?.groups).toEqual([fakeGroup(7)]);
  expect(core.state.snapshot?.networks).toBe(networks);
});

describe("a daemon that goes", () => {
  test("by a crash: restarting at once, and back without a click as soon as it is there", async () => {
    const client = await running();
    there = [NOT_RUNNING, NOT_RUNNING, new FakeClient()];
    client.break();
    expect(core.state.service.state).toBe("restarting");
    expect(core.state.snapshot).toBeNull();
    await wait(900);
    expect(core.state.service).toMatchObject({ state: "running", detail: "", version: "0.1.0" });
    expect(core.state.snapshot).not.toBeNull();
  });

  test("to be updated: the same", async () => {
    const client = await running();
    there = [NOT_RUNNING];
    client.break("update");
    expect(core.state.service.state).toBe("restarting");
  });

  test("because somebody stopped it: stopped, with the button that starts it", async () => {
    const client = await running();
    there = [NOT_RUNNING];
    facts = { installed: true, active: "inactive" };
    client.break("shutdown");
    await wait(0);
    expect(core.state.service).toMatchObject({ state: "stopped", action: "start" });
  });

  test("for good: after twenty seconds nobody is told to wait any more, but it is still looked for", async () => {
    const client = await running();
    there = [NOT_RUNNING];
    client.break();
    await wait(19_000);
    expect(core.state.service.state).toBe("restarting");
    await wait(2_000);
    expect(core.state.service).toMatchObject({ state: "stopped", action: "restart" });
    there = [new FakeClient()];
    await wait(3_100);
    expect(core.state.service.state).toBe("running");
  });

  test("a thousand failures make a bounded number of attempts", async () => {
    there = [NOT_RUNNING];
    link.start();
    await wait(60_000);
    expect(attempts).toBeLessThan(30);
    expect(attempts).toBeGreaterThan(15);
  });
});

test.each([
  ["missing", NOT_RUNNING, { installed: false, active: "inactive" }, "missing", "install"],
  ["stopped", NOT_RUNNING, { installed: true, active: "inactive" }, "stopped", "start"],
  [
    "old",
    new ControlError("version-mismatch", "old"),
    { installed: true, active: "active" },
    "mismatch",
    "update",
  ],
  [
    "refusing",
    new ControlError("permission-denied", "no"),
    { installed: true, active: "active" },
    "refused",
    "allow",
  ],
  [
    "silent",
    new ControlError("timeout", "nothing"),
    { installed: true, active: "active" },
    "stopped",
    "restart",
  ],
] as const)(
  "a service that is %s is a state with a button, from the first moment on",
  async (_, error, known, state, action) => {
    there = [error];
    facts = known;
    link.start();
    expect(core.state.service.state).toBe("connecting");
    await wait(10);
    expect(core.state.service).toMatchObject({ state, action });
  },
);

test("somebody else's socket is no service, and is asked nothing", async () => {
  there = [new ControlError("untrusted-socket", "/run/x belongs to uid 7", "Look who made it.")];
  link.start();
  await wait(10);
  expect(core.state.service).toMatchObject({ state: "untrusted", action: null, remedy: "Look who made it." });
});

test("a connection that dies before its first snapshot is a failed attempt, not a loss", async () => {
  const dying = new FakeClient();
  dying.watch = () => Promise.reject(new ControlError("disconnected", "the daemon closed the connection"));
  there = [dying, new FakeClient()];
  link.start();
  await wait(0);
  expect(core.state.service).toMatchObject({ state: "stopped", action: "restart" });
  expect(dying.closed).toBe(true);
  await wait(200);
  expect(core.state.service.state).toBe("running");
});

test("who may only look is told so, and hears when that changes", async () => {
  there = [new FakeClient({ access: "read" })];
  link.start();
  await wait(0);
  expect(core.state.service).toMatchObject({ state: "running", access: "read", action: "allow" });
  const allowed = new FakeClient({ access: "own" });
  there = [allowed];
  await wait(6_000);
  expect(core.state.service).toMatchObject({ state: "running", access: "own", detail: "" });
  expect(allowed.closed).toBe(true); // it was asked, and let go
});

describe("calls", () => {
  test("reach the daemon, with parameters that fit", async () => {
    const client = await running();
    await link.call("up", { network: "Home" });
    expect(client.calls).toEqual([{ method: "up", params: { network: "Home" } }]);
  });

  test.each([
    ["an unknown method", "reboot", {}, "unknown-method"],
    ["a name of the prototype's", "constructor", {}, "unknown-method"],
    ["a wrong type", "up", { network: 7 }, "bad-request"],
    ["a foreign parameter", "up", { secret: "x" }, "bad-request"],
  ])("%s never gets there", async (_, method, params, code) => {
    const client = await running();
    await expect(link.call(method, params)).rejects.toMatchObject({ code });
    expect(client.calls).toEqual([]);
  });

  test("what does not fit is named, not repeated: it may be a secret", async () => {
    await running();
    await expect(link.call("join", { link: ["castaway://join/secret"] })).rejects.toMatchObject({
      message: "These parameters do not fit: link.",
    });
  });

  test("without a daemon: its state's sentence and remedy", async () => {
    there = [NOT_RUNNING];
    facts = { installed: true, active: "inactive" };
    link.start();
    await wait(10);
    await expect(link.call("up", {})).rejects.toMatchObject({
      code: "not-running",
      message: "The service is installed, but not running.",
      remedy: "sudo systemctl start castaway",
    });
  });
});

test("the history goes on each second, with a daemon or without", async () => {
  const client = await running();
  await wait(2_000);
  client.break();
  there = [NOT_RUNNING];
  await wait(2_000);
  expect(link.history.read().received).toHaveLength(4);
});

test("hurry looks at once", async () => {
  there = [NOT_RUNNING];
  link.start();
  await wait(60_000);
  there = [new FakeClient()];
  link.hurry();
  await wait(0);
  expect(core.state.service.state).toBe("running");
});

test("after the end nothing is tried and nothing changes", async () => {
  const client = await running();
  link.end();
  expect(client.closed).toBe(true);
  const before = { attempts, state: core.state };
  await wait(60_000);
  expect({ attempts, state: core.state }).toEqual(before);
});
