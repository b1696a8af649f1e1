import { beforeEach, describe, expect, test, vi } from "vitest";
import { ControlError } from "#contract/errors.ts";
import { AppCore } from "#main/app/app-core.ts";
import { DAEMON_METHODS } from "#main/contract/calls.ts";
import { DEFAULT_SETTINGS, type Settings } from "#main/contract/settings.ts";
import { type DaemonClient, HelperLink } from "#main/helper-link/helper-link.ts";
import { ShellCalls, type ShellParts, type TextFile } from "#main/helper-link/shell-calls.ts";
import { fakeSnapshot, fakeState } from "../../support/app/fake-state.ts";
import { FakeClient, NOT_RUNNING } from "./fake-client.ts";

const LINK = `castaway://join/${"abcdefgh".repeat(20)}`;
const INSPECTED = {
  networkName: "Home",
  fingerprint: "1f3a 90bc",
  expiresAt: 1,
  expired: false,
  endpoints: ["198.51.100.1:4242"],
  ways: ["the DHT"],
  known: false,
};

let core: AppCore;
let client: FakeClient;
/** What the next connection finds. */
let there: () => Promise<DaemonClient>;
let calls: ShellCalls;
let saved: Settings[];
let parts: ShellParts;

beforeEach(async () => {
  core = new AppCore(fakeState({ settings: DEFAULT_SETTINGS }));
  client = new FakeClient();
  client.answers["invite.inspect"] = () => INSPECTED;
  saved = [];
  there = async () => client;
  const link = new HelperLink({
    core,
    connect: () => there(),
    facts: async () => ({ installed: true, active: "active" }),
    manages: true,
    user: "anna",
  });
  link.start();
  await vi.waitFor(() => link.client);
  parts = {
    core,
    link,
    saveSettings: async (settings) => void saved.push(settings),
    actOnService: vi.fn(async () => "done" as const),
    play: vi.fn(async () => {}),
    saveReport: vi.fn(async () => "/home/anna/report.txt"),
  };
  calls = new ShellCalls(parts);
  return () => link.end();
});

describe("an invite", () => {
  test("is read by the daemon and kept for a person's yes; nothing is joined", async () => {
    expect(await calls.answer("invite.open", { text: `Come: ${LINK}.` })).toEqual({
      link: LINK,
      ...INSPECTED,
    });
    expect(core.state.pendingInvite).toEqual({ link: LINK, ...INSPECTED });
    expect(client.calls).toEqual([{ method: "invite.inspect", params: { link: LINK } }]);
  });

  test("that a mail program wrapped is read whole", async () => {
    const [head, tail] = [LINK.slice(0, 76), LINK.slice(76)];
    client.answers["invite.inspect"] = ({ link }: { link: string }) => {
      if (link !== LINK) throw new ControlError("invite-damaged", "It is cut.");
      return INSPECTED;
    };
    expect(await calls.answer("invite.open", { text: `${head}\n${tail}\n` })).toMatchObject({ link: LINK });
  });

  test("that is damaged in any case is refused for what stands there", async () => {
    client.answers["invite.inspect"] = ({ link }: { link: string }) => {
      throw new ControlError("invite-damaged", link === LINK ? "It is damaged." : "It is something else.");
    };
    await expect(calls.answer("invite.open", { text: `${LINK}\nAnna` })).rejects.toThrow("It is damaged.");
    expect(core.state.pendingInvite).toBeNull();
  });

  test.each(["invite-too-new", "not-running"] as const)(
    "refused as %s is not tried in other ways",
    async (code) => {
      client.answers["invite.inspect"] = () => {
        throw new ControlError(code, "No.");
      };
      await expect(calls.answer("invite.open", { text: `${LINK}\nAnna` })).rejects.toMatchObject({ code });
      expect(client.calls).toHaveLength(1);
    },
  );

  test("that is none never reaches the daemon, nor takes the place of one that is open", async () => {
    await calls.openLink(LINK);
    for (const text of ["javascript:alert(1)", "castaway://join/../../etc/passwd", "x".repeat(20_001)])
      await expect(calls.answer("invite.open", { text })).rejects.toBeInstanceOf(ControlError);
    expect(client.calls).toHaveLength(1);
    expect(core.state.pendingInvite?.link).toBe(LINK);
  });

  test("goes by a no, or by the join that it was for", async () => {
    await calls.openLink(LINK);
    await calls.answer("invite.dismiss", {});
    expect(core.state.pendingInvite).toBeNull();
    await calls.openLink(LINK);
    client.answers["join"] = () => ({ networkId: "n", networkName: "Home", addresses: [] });
    await calls.answer("daemon", { method: "join", params: { link: LINK, name: "laptop" } });
    expect(core.state.pendingInvite).toBeNull();
  });

  test("stays where the join failed, to try again", async () => {
    await calls.openLink(LINK);
    client.answers["join"] = () => {
      throw new ControlError("unreachable", "The host does not answer.");
    };
    await expect(calls.answer("daemon", { method: "join", params: { link: LINK } })).rejects.toThrow(
      "not answer",
    );
    expect(core.state.pendingInvite?.link).toBe(LINK);
  });
});

describe("an amt:// link that the system hands over", () => {
  const AMT_LINK = "amt://198.51.100.10@232.1.1.1:5001?relay=relay.example";
  const STREAM = { source: "198.51.100.10", group: "232.1.1.1", port: 5001, relay: "relay.example" };

  test("is kept for a person's yes: the daemon hears nothing of it", async () => {
    await calls.openLink(AMT_LINK);
    expect(core.state.pendingStream).toEqual(STREAM);
    expect(core.state.pendingInvite).toBeNull();
    expect(client.calls).toEqual([]);
  });

  test("that is damaged is refused with a sentence, and does not take the place of one that is open", async () => {
    await calls.openLink(AMT_LINK);
    for (const text of [
      "amt://",
      "AMT://x@232.1.1.1",
      `amt://${"1".repeat(20_001)}`,
      "amt:javascript:alert(1)",
    ])
      await expect(calls.openLink(text)).rejects.toMatchObject({ code: "bad-request" });
    expect(core.state.pendingStream).toEqual(STREAM);
  });

  test("goes by a no, or by the join that it was for, and by no other", async () => {
    client.answers["amt.join"] = () => ({ id: "a1" });
    const join = (params: object) => calls.answer("daemon", { method: "amt.join", params });
    await calls.openLink(AMT_LINK);
    await join({ group: "232.1.1.1", source: "198.51.100.11" });
    expect(core.state.pendingStream).toEqual(STREAM);
    await join({ group: "232.1.1.1", source: "198.51.100.10" });
    expect(core.state.pendingStream).toBeNull();
    await calls.openLink("amt://233.252.0.1");
    await calls.answer("stream.dismiss", {});
    expect(core.state.pendingStream).toBeNull();
  });
});

describe("settings", () => {
  test("are saved, told, and returned whole", async () => {
    expect(await calls.answer("settings.set", { theme: "dark" })).toEqual({
      ...DEFAULT_SETTINGS,
      theme: "dark",
    });
    expect(saved).toEqual([{ ...DEFAULT_SETTINGS, theme: "dark" }]);
    expect(core.state.settings.theme).toBe("dark");
  });

  test("that cannot be saved are not shown as if they were", async () => {
    const failing = new ShellCalls({
      ...parts,
      saveSettings: () => Promise.reject(new ControlError("internal", "full")),
    });
    await expect(failing.answer("settings.set", { theme: "dark" })).rejects.toThrow("full");
    expect(core.state.settings.theme).toBe("system");
  });

  test.each([{ theme: "pink" }, { autoStart: 1 }, { more: true }])("%o are refused", async (changes) => {
    await expect(calls.answer("settings.set", changes)).rejects.toMatchObject({ code: "bad-request" });
    expect(saved).toEqual([]);
  });
});

describe("a report", () => {
  beforeEach(() => {
    client.answers["doctor.topics"] = () => ({ topics: [{ id: "t", title: "this" }] });
    client.answers["doctor"] = () => ({
      checks: [{ name: "port", status: "warn", message: `seen as 203.0.113.9, by ${LINK}`, remedy: null }],
    });
    client.answers["logs"] = () => ({ lines: [] });
    client.answers["dump"] = () => {
      throw new ControlError("permission-denied", "not for you");
    };
    client.answers["stats"] = client.answers["dump"];
    client.answers["status"] = () => fakeSnapshot();
    client.answers["owners.list"] = () => ({ uids: [] });
    client.answers["reach.get"] = () => fakeSnapshot().reach;
  });

  test("is made by a connection of its own, without what must not be seen", async () => {
    const { fileName, text } = (await calls.answer("report.make", {})) as TextFile;
    expect(fileName).toMatch(/^castaway-report-\d{4}-\d\d-\d\d-\d\d-\d\d\.txt$/);
    expect(text).toContain("port: seen as");
    expect(text).not.toContain("203.0.113.9");
    expect(text).not.toContain("abcdefgh");
    expect(text).toContain("dump: not for you");
    expect(client.closed).toBe(true);
  });

  test("is saved as it was shown; none before", async () => {
    await expect(calls.answer("report.save", {})).rejects.toMatchObject({ code: "not-found" });
    const report = await calls.answer("report.make", {});
    expect(await calls.answer("report.save", {})).toEqual({ path: "/home/anna/report.txt" });
    expect(parts.saveReport).toHaveBeenCalledWith(report);
  });

  test("without a daemon says that there is none, and why", async () => {
    there = () => Promise.reject(NOT_RUNNING);
    const { text } = (await calls.answer("report.make", {})) as TextFile;
    expect(text).toContain("fail daemon: the castaway daemon is not running");
  });
});

test("what is done about the service is answered with what became of it", async () => {
  expect(await calls.answer("service.act", { action: "start" })).toEqual({ outcome: "done" });
  expect(parts.actOnService).toHaveBeenCalledWith("start");
});

describe("calls of the daemon's", () => {
  test.each(["shutdown", "dump", "logs", "owners.add", "watch", "status"])(
    "%s is not for the interface",
    async (method) => {
      expect(DAEMON_METHODS).not.toContain(method);
      await expect(calls.answer("daemon", { method, params: {} })).rejects.toMatchObject({
        code: "bad-request",
      });
      expect(client.calls).toEqual([]);
    },
  );
});

test.each(["watch", "reboot", "__proto__", "toString", ""])('there is no call "%s"', async (name) => {
  await expect(calls.answer(name, {})).rejects.toMatchObject({ code: "unknown-method" });
});
