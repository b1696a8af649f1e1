// The frame around the screens: what a person is told whatever happens to the service, and where they are led.
import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Service } from "#main/contract/state.ts";
import App from "#renderer/App.svelte";
import { useLanguage } from "#renderer/i18n/i18n.svelte.ts";
import { fakeNetwork, fakeSnapshot, fakeState } from "#test/support/app/fake-state.ts";
import { type FakeApp, fakeApp, refusal } from "./fake-app.ts";

async function opened(changes: Parameters<typeof fakeApp>[0] = {}): Promise<FakeApp> {
  const app = await fakeApp(changes);
  render(App, { model: app.model });
  await screen.findByRole("heading", { level: 1 });
  return app;
}

beforeEach(() => window.history.replaceState(null, "", "/"));
afterEach(() => useLanguage("en", []));

const AWAY: Service = {
  state: "stopped",
  detail: "The daemon's sentence.",
  remedy: null,
  action: null,
  version: null,
  access: "none",
};

describe("the service is not as it should be", () => {
  test.each([
    ["connecting", "Looking for the service"],
    ["restarting", "The service is restarting"],
    ["stopped", "The service is stopped"],
    ["missing", "The service is not installed yet"],
    ["mismatch", "App and service are of different releases"],
    ["refused", "You may not use the service"],
    ["untrusted", "Something else answers in the service's place"],
  ] as const)("%s: a sentence and a button, and no spinner", async (state, title) => {
    const app = await opened({ service: { ...AWAY, state }, snapshot: null });
    const notice = screen.getByText(title).closest<HTMLElement>(".notice")!;
    const before = app.shell.calls.length;
    await fireEvent.click(within(notice).getByRole("button", { name: "Look again" }));
    expect(app.shell.calls.slice(before).map(({ call }) => call)).toEqual(["watch"]);
    expect(screen.queryByRole("progressbar")).toBeNull();
    expect(document.querySelector("[aria-busy]")).toBeNull();
  });

  test.each(["install", "start", "restart", "update", "allow"] as const)("%s is a button", async (action) => {
    const app = await opened({ service: { ...AWAY, state: "missing", action }, snapshot: null });
    app.shell.handlers["service.act"] = () => ({ outcome: "done" });
    const names = {
      install: "Install the service",
      start: "Start the service",
      restart: "Restart the service",
      update: "Update the service",
      allow: "Let me use it",
    };
    await fireEvent.click(screen.getByRole("button", { name: names[action] }));
    expect(app.shell.calls).toContainEqual({ call: "service.act", params: { action } });
  });

  test("what the button cannot do is said, with the daemon's remedy", async () => {
    const app = await opened({ service: { ...AWAY, state: "stopped", action: "start" }, snapshot: null });
    app.shell.handlers["service.act"] = () => {
      throw refusal("internal", "The unit does not start.", "sudo journalctl -u castaway");
    };
    await fireEvent.click(screen.getByRole("button", { name: "Start the service" }));
    expect((await screen.findByText("The unit does not start.")).closest("[role=alert]")).not.toBeNull();
  });

  test("a command that mends it can be copied", async () => {
    await opened({ service: { ...AWAY, remedy: "sudo systemctl start castaway" }, snapshot: null });
    expect(screen.getByText("sudo systemctl start castaway").tagName).toBe("CODE");
    expect(screen.getByRole("button", { name: "Copy: sudo systemctl start castaway" })).toBeTruthy();
  });

  test("a restart leaves on the screen what was there, and it is mended without a click", async () => {
    const app = await opened();
    await screen.findByRole("switch", { name: /Home/ });
    app.shell.change({ service: { ...AWAY, state: "restarting" }, snapshot: null });
    await screen.findByText("The service is restarting");
    expect(screen.getByRole("switch", { name: /Home/ })).toHaveProperty("disabled", true);
    app.shell.change({ service: fakeState().service, snapshot: fakeSnapshot() });
    await waitFor(() => expect(screen.queryByText("The service is restarting")).toBeNull());
    expect(screen.getByRole("switch", { name: /Home/ })).toHaveProperty("disabled", false);
  });

  test("who may only look is told so, and cannot switch", async () => {
    const app = await opened({ service: { ...fakeState().service, access: "read", action: "allow" } });
    app.shell.handlers["service.act"] = () => ({ outcome: "done" });
    expect(screen.getByText("You may look, but not change anything")).toBeTruthy();
    await fireEvent.click(screen.getByRole("button", { name: "Let me use it" }));
    expect(app.shell.calls).toContainEqual({ call: "service.act", params: { action: "allow" } });
    expect(await screen.findByRole("switch", { name: /Home/ })).toHaveProperty("disabled", true);
  });
});

describe("the way to the shell breaks", () => {
  test("for a moment", async () => {
    const app = await opened();
    app.lose();
    expect(await screen.findByText("The connection to the app is interrupted")).toBeTruthy();
  });

  test("for good: how to begin again", async () => {
    const app = await opened();
    app.end("idle for too long");
    expect(await screen.findByText("This page is no longer connected")).toBeTruthy();
    expect(screen.getByText("castaway web").tagName).toBe("CODE");
    expect(screen.getByText("idle for too long")).toBeTruthy();
  });
});

describe("screens", () => {
  test.each([
    ["Streams", "streams"],
    ["Invite", "invite"],
    ["Sharing", "sharing"],
    ["Doctor", "doctor"],
    ["Settings", "settings"],
  ])("%s opens by its link: its title, its mark, and the focus on its heading", async (name, hash) => {
    await opened();
    const link = within(screen.getByRole("navigation")).getByRole("link", { name });
    expect(link.getAttribute("href")).toBe(`#/${hash}`);
    window.location.hash = `#/${hash}`; // what a browser does with the click
    await waitFor(() => expect(document.activeElement?.tagName).toBe("H1"));
    expect(document.title).toBe(`${name} · Castaway`);
    expect(link.getAttribute("aria-current")).toBe("page");
  });

  test("an address that names none leads home", async () => {
    window.history.replaceState(null, "", "/#/../../etc");
    const app = await opened();
    expect(app.model.route.screen).toBe("home");
  });

  test("guests who wait are counted at Invite", async () => {
    const request = { id: "r1", inviteId: "i1", name: "Anna", endpoint: "192.0.2.9:4", since: 0 };
    await opened({
      snapshot: fakeSnapshot({ networks: [fakeNetwork({ role: "host", requests: [request] })] }),
    });
    const link = screen.getByRole("link", { name: /Invite/ });
    expect(link.textContent).toContain("1 guest waits for an answer");
  });

  test("warnings stand above each: the first whole, the others folded", async () => {
    const warning = (code: string) => ({ code, message: `${code} is wrong.`, remedy: null, since: 0 });
    await opened({ snapshot: fakeSnapshot({ warnings: ["a", "b", "c"].map(warning) }) });
    expect(screen.getByText("a is wrong.").closest("details")).toBeNull();
    expect(screen.getByText("2 more warnings").closest("details")).toBeTruthy();
  });
});

describe("the first time", () => {
  const settings = { ...fakeState().settings, welcomed: false };

  test("the first steps come by themselves", async () => {
    const app = await opened({ settings, snapshot: fakeSnapshot({ networks: [] }) });
    await waitFor(() => expect(app.model.route.screen).toBe("welcome"));
  });

  test.each([
    [
      "they were taken",
      { settings: { ...settings, welcomed: true }, snapshot: fakeSnapshot({ networks: [] }) },
    ],
    ["there is a network already", { settings }],
  ])("and not where %s", async (_why, changes) => {
    const app = await opened(changes);
    expect(app.model.route.screen).toBe("home");
  });
});

test("a link that the system hands over opens its screen, and nothing is joined", async () => {
  const app = await opened();
  app.shell.change({
    pendingInvite: {
      link: "castaway://join/x",
      networkName: "Beach",
      fingerprint: "K7QM",
      expiresAt: 0,
      expired: false,
      endpoints: [],
      ways: [],
      known: false,
    },
  });
  await waitFor(() => expect(app.model.route.screen).toBe("join"));
  expect(app.called("join")).toEqual([]);
});

test("so does an amt:// link, with its stream filled in, and nothing is asked for", async () => {
  const app = await opened({ settings: { ...fakeState().settings, welcomed: false } });
  app.shell.change({
    pendingStream: { source: "198.51.100.10", group: "232.1.1.1", port: 5001, relay: null },
  });
  await waitFor(() => expect(app.model.route.screen).toBe("streams"));
  expect(await screen.findByDisplayValue("198.51.100.10")).toBeTruthy();
  expect(app.called("amt.join")).toEqual([]);
});

test("language and theme follow the settings", async () => {
  const app = await opened();
  app.shell.change({ settings: { ...app.shell.state.settings, language: "ar", theme: "dark" } });
  await waitFor(() => expect(document.documentElement.dir).toBe("rtl"));
  expect(screen.getByRole("link", { name: "الإعدادات" })).toBeTruthy();
  expect(document.documentElement.dataset["theme"]).toBe("dark");
  app.shell.change({ settings: { ...app.shell.state.settings, language: "de", theme: "light" } });
  await screen.findByRole("link", { name: "Optionen" });
  expect([document.documentElement.dir, document.documentElement.dataset["theme"]]).toEqual(["ltr", "light"]);
});
