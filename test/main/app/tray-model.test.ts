import { expect, test } from "vitest";
import { type TrayAction, type TrayEntry, trayModel } from "#main/app/tray-model.ts";
import { wordsOf } from "#main/app/words.ts";
import { LANGUAGES } from "#main/contract/settings.ts";
import { type AppState, SERVICE_ACTIONS, type Service, serviceSchema } from "#main/contract/state.ts";
import { fakeMember, fakeNetwork, fakeSnapshot, fakeState } from "#test/support/app/fake-state.ts";

const RUNNING = fakeState().service;
const withNetworks = (...networks: ReturnType<typeof fakeNetwork>[]): AppState =>
  fakeState({ snapshot: fakeSnapshot({ networks }) });
const withService = (changes: Partial<Service>): AppState =>
  fakeState({ service: { ...RUNNING, ...changes }, snapshot: null });

/** The menu as lines: "---", "= status", "label -> action network". */
function lines(entries: readonly TrayEntry[]): string[] {
  return entries.flatMap((entry) => {
    switch (entry.kind) {
      case "separator":
        return ["---"];
      case "status":
        return [`= ${entry.label}`];
      case "item":
        return [`${entry.label} -> ${actionText(entry.action)}`];
      case "submenu":
        return [`${entry.label} >`, ...lines(entry.entries).map((line) => `  ${line}`)];
    }
  });
}

function actionText(action: TrayAction): string {
  return Object.values(action).join(" ");
}

test("a guest's connected network", () => {
  const model = trayModel(fakeState());
  expect(model.icon).toBe("connected");
  expect(model.tooltip).toBe("Castaway\nHome: connected");
  expect(lines(model.menu)).toEqual([
    "= Home: connected",
    "---",
    "Disconnect -> disconnect n1",
    "Members of Home: 2 of 2 online >",
    "  living-room -> open",
    "  laptop (this computer) -> open",
    "---",
    "Open Castaway -> open",
    "---",
    "Quit (the tunnel stays up) -> quit",
    "Disconnect and quit -> disconnect-and-quit",
  ]);
});

test("a host's network that is off: invites can be made, and quitting is just quitting", () => {
  const model = trayModel(withNetworks(fakeNetwork({ role: "host", state: "off", members: [] })));
  expect(model.icon).toBe("off");
  expect(lines(model.menu)).toEqual([
    "= Home: not connected",
    "---",
    "Connect -> connect n1",
    "Copy an invite link -> copy-invite n1",
    "---",
    "Open Castaway -> open",
    "---",
    "Quit -> quit",
  ]);
});

test.each([
  ["off", "off"],
  ["connecting", "connecting"],
  ["connected", "connected"],
  ["refused", "attention"],
  ["attention", "attention"],
] as const)("a network that is %s: the picture says %s", (state, icon) => {
  const model = trayModel(withNetworks(fakeNetwork({ state })));
  expect(model.icon).toBe(icon);
  expect(model.menu[0]).toEqual({
    kind: "status",
    label: wordsOf("en").network[state].replace("{network}", "Home"),
  });
});

test("of several networks the worst news wins, and each has its own items", () => {
  const model = trayModel(
    withNetworks(
      fakeNetwork({ members: [] }),
      fakeNetwork({ id: "n2", name: "Work", state: "off", members: [] }),
      fakeNetwork({ id: "n3", name: "Club", state: "attention", members: [] }),
    ),
  );
  expect(model.icon).toBe("attention");
  expect(lines(model.menu)).toContain("Connect Work -> connect n2");
  expect(lines(model.menu)).toContain("Disconnect Club -> disconnect n3");
});

test("a guest at the door", () => {
  const request = { id: "r1", inviteId: "i1", name: "Ada", endpoint: "192.0.2.1:1", since: 0 };
  const model = trayModel(withNetworks(fakeNetwork({ role: "host", requests: [request] })));
  expect(model.icon).toBe("attention");
  expect(lines(model.menu)[1]).toBe("= Ada wants to join Home");
});

const STATES = serviceSchema.entries.state.options;
const ICONS: Partial<Record<Service["state"], string>> = {
  connecting: "connecting",
  restarting: "connecting",
};

test.each(STATES.filter((state) => state !== "running"))("a service that is %s", (state) => {
  const model = trayModel(withService({ state, access: "none" }));
  expect(model.icon).toBe(ICONS[state] ?? "attention");
  expect(lines(model.menu)).toEqual([
    `= ${wordsOf("en").service[state]}`,
    "---",
    "Open Castaway -> open",
    "---",
    "Quit -> quit",
  ]);
});

test.each(SERVICE_ACTIONS)("what can be done about it is an item: %s", (action) => {
  const model = trayModel(withService({ state: "stopped", action }));
  expect(lines(model.menu)).toContain(`${wordsOf("en").act[action]} -> service ${action}`);
});

test("who may only look finds nothing to change", () => {
  const model = trayModel({ ...fakeState(), service: { ...RUNNING, access: "read" } });
  const actions = lines(model.menu).filter((line) => /connect|copy/.test(line.split("-> ")[1] ?? ""));
  expect(actions).toEqual([]);
});

test("no network yet", () => {
  const model = trayModel(withNetworks());
  expect(model.icon).toBe("off");
  expect(lines(model.menu)[0]).toBe("= No network yet");
});

test("200 members: who is there first, fifteen of them, and how many more", () => {
  const members = Array.from({ length: 200 }, (_, i) => fakeMember(i, { online: i >= 190 }));
  const model = trayModel(withNetworks(fakeNetwork({ members })));
  const submenu = lines(model.menu).filter((line) => line.startsWith("  "));
  expect(submenu).toHaveLength(16);
  expect(submenu[0]).toBe("  member-190 -> open");
  expect(submenu[10]).toBe("  member-0 (offline) -> open");
  expect(submenu.at(-1)).toBe("  More: 185 -> open");
});

test("a name of somebody else's is one short line, without what reorders it", () => {
  const model = trayModel(withNetworks(fakeNetwork({ name: `\u202eevil\n${"x".repeat(100)}{network}` })));
  expect(model.tooltip.split("\n")).toHaveLength(2);
  expect(model.tooltip).not.toContain("\u202e");
  expect(model.tooltip.length).toBeLessThan(80);
});

test("every language: all words, each with the same places", () => {
  const texts = (value: unknown, path = ""): [string, string][] =>
    typeof value === "string"
      ? [[path, value]]
      : Object.entries(value as object).flatMap(([key, inner]) => texts(inner, `${path}.${key}`));
  const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  const english = texts(wordsOf("en"));
  for (const language of LANGUAGES) {
    const other = new Map(texts(wordsOf(language)));
    for (const [path, text] of english) {
      expect(other.get(path), `${language}${path}`).not.toBe("");
      expect(places(other.get(path) ?? ""), `${language}${path}`).toEqual(places(text));
    }
  }
});

test("the language is the setting's, or else the system's", () => {
  const arabic = trayModel({ ...fakeState(), settings: { ...fakeState().settings, language: "ar" } });
  expect(lines(arabic.menu)).toContain("فتح Castaway -> open");
  const german = trayModel({
    ...fakeState(),
    shell: { ...fakeState().shell, languages: ["fr-FR", "de-AT"] },
  });
  expect(lines(german.menu)).toContain("Castaway öffnen -> open");
});
