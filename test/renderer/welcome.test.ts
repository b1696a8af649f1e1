import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { expect, test } from "vitest";
import WelcomeScreen from "#renderer/screens/welcome/WelcomeScreen.svelte";
import { answerCalls, SCENES } from "#test/support/app/fake-scene.ts";
import { type FakeApp, fakeApp, refusal } from "./fake-app.ts";

async function opened(changes: Parameters<typeof fakeApp>[0] = {}): Promise<FakeApp> {
  const { settings, snapshot } = SCENES["first"]!();
  const app = await fakeApp({ settings, snapshot, ...changes });
  answerCalls(app.shell);
  app.model.route.go("welcome");
  render(WelcomeScreen, { model: app.model });
  return app;
}

const click = (name: string | RegExp) => fireEvent.click(screen.getByRole("button", { name }));

test("a host is at an invite after three steps, with the focus on each heading", async () => {
  const app = await opened();
  expect(screen.getByText("Step 1 of 3")).toBeTruthy();
  await click(/Share my network/);
  expect(screen.getByText("Step 2 of 3")).toBeTruthy();
  await waitFor(() => expect(document.activeElement?.textContent).toBe("What is your network called?"));
  await fireEvent.input(screen.getByLabelText("Name of the network"), { target: { value: "Beach house" } });
  await click("Open the network");
  expect(app.called("up")).toEqual([{ name: "Beach house" }]);
  await screen.findByRole("heading", { name: "Your network is open" });
  expect(app.shell.state.snapshot?.networks.map(({ name, role }) => [name, role])).toEqual([
    ["Beach house", "host"],
  ]);
  await click("Invite somebody");
  await waitFor(() => expect(app.model.route.screen).toBe("invite"));
  expect(app.shell.state.settings.welcomed).toBe(true);
});

test("a guest is at the field for the link after one", async () => {
  const app = await opened();
  await click(/I have an invite link/);
  await waitFor(() => expect(app.model.route.screen).toBe("join"));
  expect(app.shell.state.settings.welcomed).toBe(true);
  expect(app.called("up")).toEqual([]);
});

test("they can be skipped, and do not come again", async () => {
  const app = await opened();
  await click("Skip these steps");
  await waitFor(() => expect(app.model.route.screen).toBe("home"));
  expect(app.shell.state.settings.welcomed).toBe(true);
});

test("a name of blanks opens nothing", async () => {
  const app = await opened();
  await click(/Share my network/);
  await fireEvent.input(screen.getByLabelText("Name of the network"), { target: { value: "   " } });
  expect(screen.getByRole("button", { name: "Open the network" })).toHaveProperty("disabled", true);
  await fireEvent.submit(screen.getByLabelText("Name of the network").closest("form")!);
  expect(app.called("up")).toEqual([]);
});

test("what the daemon says against it is told, and the step stays", async () => {
  const app = await opened();
  app.shell.handlers["daemon:up"] = () => {
    throw refusal("busy", "The port is taken.", "castaway reach --port 42269");
  };
  await click(/Share my network/);
  await click("Open the network");
  expect(await screen.findByText("The port is taken.")).toBeTruthy();
  expect(screen.getByText("castaway reach --port 42269").tagName).toBe("CODE");
  expect(screen.getByText("Step 2 of 3")).toBeTruthy();
});

test("without the service the step says what comes first", async () => {
  await opened({ snapshot: null });
  await click(/Share my network/);
  expect(screen.getByText("The service must run first: see above.")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Open the network" })).toHaveProperty("disabled", true);
});

test("what cannot be saved keeps nobody here without a word", async () => {
  const app = await opened();
  app.shell.handlers["settings.set"] = () => {
    throw refusal("internal", "The disk is full.");
  };
  await click("Skip these steps");
  expect(await screen.findByText("The disk is full.")).toBeTruthy();
});
