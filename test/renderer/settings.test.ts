import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, test } from "vitest";
import SettingsScreen from "#renderer/screens/settings/SettingsScreen.svelte";
import { portOf } from "#renderer/screens/settings/port-of.ts";
import { answerCalls } from "#test/support/app/fake-scene.ts";
import { fakeSnapshot, fakeState } from "#test/support/app/fake-state.ts";
import { type FakeApp, fakeApp, refusal } from "./fake-app.ts";

const ELECTRON = {
  ...fakeState().shell,
  kind: "electron" as const,
  can: { autoStart: true, notify: true, manageService: true, play: true, save: true },
};

async function opened(changes: Parameters<typeof fakeApp>[0] = {}): Promise<FakeApp> {
  const app = await fakeApp(changes);
  answerCalls(app.shell);
  render(SettingsScreen, { model: app.model });
  return app;
}

function saved({ shell }: FakeApp): unknown[] {
  return shell.calls.filter(({ call }) => call === "settings.set").map(({ params }) => params);
}

const choose = (label: string, value: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value } });

describe("the app's own", () => {
  test("are saved one by one, at once", async () => {
    const app = await opened({ shell: ELECTRON });
    await choose("Language", "de");
    await choose("Colours", "dark");
    for (const name of ["Start at login", "Connect at the start", "Notifications"]) {
      const before = screen.getByRole("switch", { name }).getAttribute("aria-checked");
      await fireEvent.click(screen.getByRole("switch", { name }));
      await waitFor(() =>
        expect(screen.getByRole("switch", { name }).getAttribute("aria-checked")).not.toBe(before),
      );
    }
    expect(saved(app)).toEqual([
      { language: "de" },
      { theme: "dark" },
      { autoStart: true },
      { startConnected: true },
      { notifications: false },
    ]);
  });

  test("what this shell cannot do is not offered", async () => {
    await opened();
    expect(screen.queryByRole("switch", { name: "Start at login" })).toBeNull();
    expect(screen.queryByRole("switch", { name: "Notifications" })).toBeNull();
    expect(screen.getByRole("switch", { name: "Connect at the start" })).toBeTruthy();
  });

  test("what was not saved is told, and shown as it is", async () => {
    const app = await opened();
    app.shell.handlers["settings.set"] = () => {
      throw refusal("internal", "The disk is full.");
    };
    await fireEvent.click(screen.getByRole("switch", { name: "Connect at the start" }));
    expect(await screen.findByText("The disk is full.")).toBeTruthy();
    expect(screen.getByRole("switch", { name: "Connect at the start" }).getAttribute("aria-checked")).toBe(
      "false",
    );
  });
});

describe("how others are reached", () => {
  test.each([
    ["Ask the router for a port", { portMapping: false }],
    ["Public DHT", { dht: false }],
    ["TCP where UDP does not pass", { tcp: false }],
    ["TLS where nothing else passes", { tls: true }],
  ])("%s", async (name, change) => {
    const app = await opened();
    await fireEvent.click(screen.getByRole("switch", { name }));
    expect(app.called("reach.set")).toEqual([change]);
    const [wanted] = Object.values(change);
    await waitFor(() =>
      expect(screen.getByRole("switch", { name }).getAttribute("aria-checked")).toBe(`${wanted}`),
    );
  });

  test("a meeting point of one's own is saved when it is one", async () => {
    const app = await opened();
    await choose("Meeting point", "own");
    const field = screen.getByRole("textbox", { name: "Meeting point" });
    const save = within(field.closest("form")!).getByRole("button", { name: "Save" });
    for (const wrong of ["meet.example", "http://meet.example:1", "a b:1", "meet.example:99999999"]) {
      await fireEvent.input(field, { target: { value: wrong } });
      await fireEvent.click(save);
      expect(screen.getByText("This is no HOST:PORT, such as meet.example:42268.")).toBeTruthy();
    }
    expect(app.called("reach.set")).toEqual([]);
    await fireEvent.input(field, { target: { value: " [2001:db8::1]:42268 " } });
    await fireEvent.click(save);
    expect(app.called("reach.set")).toEqual([{ meet: "[2001:db8::1]:42268" }]);
    await waitFor(() =>
      expect(screen.getByLabelText<HTMLSelectElement>("Meeting point", { selector: "select" }).value).toBe(
        "own",
      ),
    );
  });

  test.each([
    ["42300", 42300],
    [" 1 ", 1],
    ["65535", 65535],
    ["", null],
    ["0", undefined],
    ["65536", undefined],
    ["99999999999", undefined],
    ["-1", undefined],
    ["4e3", undefined],
    ["http", undefined],
  ])("%j as a port is %j", (text, port) => {
    expect(portOf(text)).toBe(port);
  });

  test("a port is saved when it is one, and what holds later is said", async () => {
    const app = await opened();
    const field = screen.getByLabelText("Port");
    const save = within(field.closest("form")!).getByRole("button", { name: "Save" });
    await fireEvent.input(field, { target: { value: "70000" } });
    await fireEvent.click(save);
    expect(screen.getByText("This is no port: a number from 1 to 65535.")).toBeTruthy();
    await fireEvent.input(field, { target: { value: "42300" } });
    await fireEvent.click(save);
    expect(app.called("reach.set")).toEqual([{ port: 42300 }]);
    const { reach } = app.shell.state.snapshot!;
    app.shell.change({ snapshot: { reach: { ...reach, portPending: true } } });
    expect(await screen.findByText("Saved. It holds from the next start of the service on.")).toBeTruthy();
  });

  test("the proxy is switched off", async () => {
    const app = await opened();
    await choose("Proxy", "off");
    expect(app.called("reach.set")).toEqual([{ proxy: "off" }]);
  });

  test("what the daemon refuses is told", async () => {
    const app = await opened();
    app.shell.handlers["daemon:reach.set"] = () => {
      throw refusal("permission-denied", "Only root may.", "sudo castaway reach --dht off");
    };
    await fireEvent.click(screen.getByRole("switch", { name: "Public DHT" }));
    expect(await screen.findByText("sudo castaway reach --dht off")).toBeTruthy();
  });

  test("who may only look changes nothing", async () => {
    await opened({ service: { ...fakeState().service, access: "read" } });
    expect(screen.getByRole("switch", { name: "Public DHT" })).toHaveProperty("disabled", true);
  });

  test("what became of a wish is said", async () => {
    const { reach } = fakeSnapshot();
    await opened({
      snapshot: fakeSnapshot({
        reach: {
          ...reach,
          mapping: { ...reach.mapping, state: "none", detail: "The router opens no port." },
        },
      }),
    });
    expect(screen.getByText("The router opens no port.")).toBeTruthy();
  });
});

describe("the service", () => {
  test("is restarted, and removed after a second thought", async () => {
    const app = await opened({ shell: ELECTRON });
    app.shell.handlers["service.act"] = () => ({ outcome: "done" });
    const acts = () =>
      app.shell.calls.filter(({ call }) => call === "service.act").map(({ params }) => params);
    await fireEvent.click(screen.getByRole("button", { name: "Restart the service" }));
    await waitFor(() => expect(app.model.toasts.list).toHaveLength(1));
    await fireEvent.click(screen.getByRole("button", { name: "Remove the service" }));
    expect(acts()).toEqual([{ action: "restart" }]);
    const dialog = await screen.findByRole("dialog", { name: "Remove the service?" });
    await fireEvent.click(within(dialog).getByRole("button", { name: "Remove the service" }));
    expect(acts()).toEqual([{ action: "restart" }, { action: "remove" }]);
  });

  test("a cancelled password dialog is no success", async () => {
    const app = await opened({ shell: ELECTRON });
    app.shell.handlers["service.act"] = () => ({ outcome: "cancelled" });
    await fireEvent.click(screen.getByRole("button", { name: "Restart the service" }));
    await waitFor(() =>
      expect(
        screen.getByRole("button", { name: "Restart the service" }).getAttribute("aria-busy"),
      ).toBeNull(),
    );
    expect(app.model.toasts.list).toEqual([]);
  });

  test("where the shell cannot, there is the command", async () => {
    await opened();
    expect(screen.queryByRole("button", { name: "Restart the service" })).toBeNull();
    expect(screen.getByText("sudo systemctl restart castaway").tagName).toBe("CODE");
  });

  test("without it the app's own settings are still there", async () => {
    await opened({ snapshot: null, service: { ...fakeState().service, state: "stopped", access: "none" } });
    expect(screen.getByLabelText("Language")).toBeTruthy();
    expect(screen.queryByRole("switch", { name: "Public DHT" })).toBeNull();
  });
});
