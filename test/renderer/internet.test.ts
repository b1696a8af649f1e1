// Internet streams: the third view of the Streams screen, and their part of the Settings.
import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { AmtJoin } from "#contract/amt.ts";
import type { AppState } from "#main/contract/state.ts";
import SettingsScreen from "#renderer/screens/settings/SettingsScreen.svelte";
import { gatewaysOf, relaysOf } from "#renderer/screens/settings/relay-fields.ts";
import StreamsScreen from "#renderer/screens/streams/StreamsScreen.svelte";
import { answerInternet, fakeAmtJoin, internetSnapshot } from "#test/support/app/fake-amt.ts";
import { fakeSnapshot, fakeState } from "#test/support/app/fake-state.ts";
import { type FakeApp, fakeApp, HOSTILE_NAMES, refusal } from "./fake-app.ts";

vi.mock(import("#renderer/screens/streams/throughput-plot.ts"), () => {
  throw new Error("no canvas here");
});
const copied = vi.fn(async (_text: string) => {});
beforeEach(() => {
  copied.mockClear();
  Object.defineProperty(navigator, "clipboard", { value: { writeText: copied }, configurable: true });
});

const LINK = "amt://198.51.100.10@232.1.1.1:5001?relay=relay.example.net";
const PENDING = { source: "198.51.100.10", group: "232.1.1.1", port: 5001, relay: "relay.example.net" };
const canPlay = { shell: { ...fakeState().shell, can: { ...fakeState().shell.can, play: true } } };

async function opened(changes: Partial<AppState> = {}): Promise<FakeApp> {
  const app = await fakeApp({ snapshot: internetSnapshot(), ...changes });
  answerInternet(app.shell);
  render(StreamsScreen, { model: app.model });
  if (!changes.pendingStream) await fireEvent.click(button("Internet"));
  return app;
}

function withJoins(...joins: AmtJoin[]): Partial<AppState> {
  const plain = fakeSnapshot();
  return { snapshot: { ...plain, amt: { ...plain.amt, joins } } };
}

const button = (name: string | RegExp): HTMLElement => screen.getByRole("button", { name });
const type = (label: string, value: string): Promise<boolean> =>
  fireEvent.input(screen.getByLabelText(label), { target: { value } });
const value = (label: string): string => screen.getByLabelText<HTMLInputElement>(label).value;
const row = (title: string): HTMLElement => screen.getByRole("heading", { name: title }).closest("li")!;
const plain = (element: HTMLElement): string => element.textContent.replaceAll(/[\u2066-\u2069]/g, "");

describe("asking for a stream", () => {
  test("a link fills in what it says, and the button asks for it", async () => {
    const app = await opened();
    await type("Link", LINK);
    expect(["Source", "Group", "Port", "Relay"].map(value)).toEqual(Object.values(PENDING).map(String));
    expect(app.called("amt.join")).toEqual([]);
    await fireEvent.click(button("Receive"));
    await waitFor(() => expect(app.called("amt.join")).toEqual([PENDING]));
    await waitFor(() => expect(["Link", "Source", "Group", "Port", "Relay"].map(value).join("")).toBe(""));
    expect(app.model.toasts.list[0]?.text).toMatch(/Asked for .*232\.1\.1\.1/);
    expect(document.activeElement?.ariaLabel ?? document.activeElement?.getAttribute("aria-label")).toBe(
      "Internet streams",
    );
  });

  test("a link is understood in whatever field it is pasted", async () => {
    await opened();
    const clipboardData = { getData: () => ` ${LINK} ` };
    await fireEvent.paste(screen.getByLabelText("Group"), { clipboardData });
    expect(value("Group")).toBe("232.1.1.1");
    expect(value("Link")).toBe(LINK);
  });

  test("typed by hand: what is left out is not sent", async () => {
    const app = await opened();
    await type("Group", " 233.252.0.1 ");
    await fireEvent.click(button("Receive"));
    await waitFor(() => expect(app.called("amt.join")).toEqual([{ group: "233.252.0.1" }]));
  });

  test.each([
    [{}, "A group is needed."],
    [{ Group: "232.1.1.1" }, "A group of this range needs its source."],
    [{ Group: "192.0.2.1" }, "Groups lie in 224.0.0.0 to 239.255.255.255, or begin with ff."],
    [{ Group: "224.0.0.251" }, "Groups of this range never leave their own network."],
    [{ Group: "233.252.0.1", Source: "2001:db8::1" }, "Source and group must both be IPv4, or both IPv6."],
    [{ Group: "233.252.0.1", Port: "70000" }, "A port is a number from 1 to 65535."],
    [{ Group: "233.252.0.1", Relay: "<b>" }, "This is neither an IP address nor a name."],
    [{ Link: "amt://x@232.1.1.1" }, "Source: This is no IP address."],
    [{ Link: "https://example.org/" }, "This is no amt:// link."],
    [{ Link: "amt://x", Group: "233.252.0.1" }, "Group: This is no IP address."],
  ] as [Record<string, string>, string][])("%j: %s", async (typed, fault) => {
    const app = await opened();
    for (const [label, text] of Object.entries(typed)) await type(label, text);
    expect(screen.queryAllByRole("alert").map(plain).join("")).toBe("");
    await fireEvent.click(button("Receive"));
    expect(screen.getAllByRole("alert").map(plain)).toContain(fault);
    expect(app.called("amt.join")).toEqual([]);
  });

  test("what the daemon says against it is shown, and what was typed stays", async () => {
    const app = await opened();
    app.shell.handlers["daemon:amt.join"] = () => {
      throw refusal("bad-request", "who sends to it is not known", "Name the source or a relay");
    };
    await type("Group", "233.252.0.1");
    await fireEvent.click(button("Receive"));
    expect(await screen.findByText("who sends to it is not known")).toBeTruthy();
    expect(value("Group")).toBe("233.252.0.1");
  });

  test("who may only look cannot ask", async () => {
    await opened({ service: { ...fakeState().service, access: "read" } });
    for (const name of ["Receive", /^Leave: .*232\.1\.1\.3/, /^Try again/])
      expect(button(name).hasAttribute("disabled")).toBe(true);
  });
});

describe("a link that was opened", () => {
  test("is a question, and a yes asks for what it says", async () => {
    const app = await opened({ pendingStream: PENDING });
    expect(screen.getByRole("heading", { name: "Do you want to receive this stream?" })).toBeTruthy();
    expect(app.called("amt.join")).toEqual([]);
    await fireEvent.click(button("Receive"));
    await waitFor(() => expect(app.called("amt.join")).toEqual([PENDING]));
    expect(await screen.findByRole("heading", { name: "Receive a stream" })).toBeTruthy();
  });

  test("a no forgets it", async () => {
    const app = await opened({ pendingStream: PENDING });
    await fireEvent.click(button("Not now"));
    expect(await screen.findByRole("heading", { name: "Receive a stream" })).toBeTruthy();
    expect(value("Group")).toBe("");
    expect(app.called("amt.join")).toEqual([]);
  });

  test("another one takes its place", async () => {
    const app = await opened({ pendingStream: PENDING });
    app.shell.change({ pendingStream: { ...PENDING, group: "232.1.1.2" } });
    await waitFor(() => expect(value("Group")).toBe("232.1.1.2"));
  });
});

describe("what was asked for", () => {
  test("says how far it is, and by which relay it comes", async () => {
    await opened();
    expect(plain(row("Observatory"))).toMatch(
      /From 198\.51\.100\.10 *· 232\.1\.1\.1 +Relay 192\.0\.2\.7, found through the source's DNS, 18\sms away +Receiving .*4\sMbit\/s/,
    );
    expect(plain(row("ff3e::8000:1"))).toMatch(
      /Relay 2001:db8::7, the one that was named.*Waiting for the stream/,
    );
    expect(plain(row("232.1.1.3"))).toContain("Looking for a relay");
    expect(plain(row("232.1.1.4"))).toMatch(
      /No relay answered: tried relay\.example\.net, 192\.52\.193\.1\..*No answer/,
    );
    expect(plain(row("232.9.9.9"))).toMatch(/the nearest one.*A program asked for it/);
    expect(row("Observatory").querySelector("path")?.hasAttribute("d")).toBe(true);
  });

  test("what a program asked for is not ours to leave; what failed alone is tried again", async () => {
    await opened();
    const acts = (title: string): string[] =>
      within(row(title))
        .getAllByRole("button")
        .map((one) => one.textContent.trim());
    expect(acts("232.9.9.9")).toEqual(["Save for a player", "Copy the link"]);
    expect(acts("232.1.1.4")).toEqual(["Try again", "Copy the link", "Leave"]);
    expect(acts("232.1.1.3")).toEqual(["Copy the link", "Leave"]);
  });

  test("is left with one click, and taken back with another", async () => {
    const app = await opened();
    await fireEvent.click(button(/^Leave: .*Observatory/));
    await waitFor(() => expect(screen.queryByRole("heading", { name: "Observatory" })).toBeNull());
    expect(app.called("amt.leave")).toEqual([{ id: "a1" }]);
    const [toast] = app.model.toasts.list;
    expect(toast?.text).toMatch(/Left .*232\.1\.1\.1/);
    toast?.undo?.();
    await waitFor(() => expect(screen.queryByRole("heading", { name: "Observatory" })).toBeTruthy());
    expect(app.called("amt.join")).toEqual([{ group: "232.1.1.1", source: "198.51.100.10", port: 5001 }]);
  });

  test("a leave or an undo that fails is said", async () => {
    const app = await opened();
    const refuse = (message: string) => () => {
      throw refusal("internal", message);
    };
    app.shell.handlers["daemon:amt.leave"] = refuse("the disk is full");
    await fireEvent.click(button(/^Leave: .*Observatory/));
    expect(await screen.findByText("the disk is full")).toBeTruthy();
    answerInternet(app.shell);
    await fireEvent.click(button(/^Leave: .*Observatory/));
    await waitFor(() => expect(app.model.toasts.list).toHaveLength(1));
    app.shell.handlers["daemon:amt.join"] = refuse("it is full again");
    app.model.toasts.list[0]?.undo?.();
    await waitFor(() => expect(app.model.toasts.list.map(({ text }) => text)).toContain("it is full again"));
  });

  test("is tried again with what was said about it", async () => {
    const app = await opened(
      withJoins(fakeAmtJoin("x", { state: "failed", relay: "192.0.2.7", detail: "No." })),
    );
    await fireEvent.click(button(/^Try again/));
    await waitFor(() =>
      expect(app.called("amt.join")).toEqual([
        { group: "232.1.1.1", source: "198.51.100.10", relay: "192.0.2.7", port: 5001 },
      ]),
    );
    expect(app.called("amt.leave")).toEqual([{ id: "x" }]);
  });

  test("is opened in a player, by an address that has its source", async () => {
    const app = await opened(canPlay);
    await fireEvent.click(button(/^Play: .*Observatory/));
    const playlist = app.shell.calls.find(({ call }) => call === "play")?.params["playlist"];
    expect(playlist).toContain("\nrtp://198.51.100.10@232.1.1.1:5001\n");
  });

  test("has a link that says the same", async () => {
    await opened();
    await fireEvent.click(button(/^Copy the link: .*ff3e::8000:1/));
    expect(copied).toHaveBeenCalledWith(
      "amt://[2001:db8:4:5:6:7:8:10]@[ff3e::8000:1]:5001?relay=relay.example.net",
    );
  });

  test.each(HOSTILE_NAMES)("a daemon's sentence with %j in it is text", async (name) => {
    await opened(withJoins(fakeAmtJoin("x", { state: "failed", detail: `No answer of ${name}.` })));
    expect(document.querySelector("li img")).toBeNull();
    expect(plain(row("232.1.1.1"))).not.toContain("\u202E");
  });

  test("nothing yet: it says what this is", async () => {
    await opened({ snapshot: fakeSnapshot({ networks: [], groups: [] }) });
    expect(screen.getByRole("heading", { name: "No stream was asked for yet" })).toBeTruthy();
    expect(screen.getByText(/^Some stations send once for everybody/)).toBeTruthy();
  });
});

test("who has no network yet is told of it too", async () => {
  const app = await fakeApp({ snapshot: fakeSnapshot({ networks: [], groups: [] }) });
  render(StreamsScreen, { model: app.model });
  await fireEvent.click(button("Internet streams"));
  expect(screen.getByRole("heading", { name: "Receive a stream" })).toBeTruthy();
});

describe("settings", () => {
  async function settings(): Promise<FakeApp> {
    const app = await fakeApp({ snapshot: internetSnapshot() });
    answerInternet(app.shell);
    render(SettingsScreen, { model: app.model });
    return app;
  }

  test("relays that are asked first", async () => {
    const app = await settings();
    expect(value("Relays to ask first")).toBe("relay.example.net");
    await type("Relays to ask first", "192.0.2.7; Relay.Example 192.0.2.7");
    await fireEvent.click(button("Save: Relays to ask first"));
    await waitFor(() =>
      expect(app.called("amt.relays")).toEqual([{ relays: ["192.0.2.7", "relay.example"] }]),
    );
    await waitFor(() => expect(value("Relays to ask first")).toBe("192.0.2.7, relay.example"));
    await type("Relays to ask first", "a b <c>");
    await fireEvent.click(button("Save: Relays to ask first"));
    expect(await screen.findByText("This is neither an IP address nor a name.")).toBeTruthy();
    await type("Relays to ask first", "a b c d e f g h i");
    await fireEvent.click(button("Save: Relays to ask first"));
    expect(await screen.findByText("No more than 8 relays.")).toBeTruthy();
    expect(app.called("amt.relays")).toHaveLength(1);
  });

  test("being a relay: its warning, how many there are, and how many may be", async () => {
    const app = await settings();
    const toggle = screen.getByRole("switch", { name: "Be a relay for others" });
    expect(toggle.getAttribute("aria-describedby")).toBeTruthy();
    expect(plain(document.body)).toContain("3 receivers of at most 4,096, 2 groups, 1.58 MB delivered");
    await type("Receivers at most", "0");
    await fireEvent.click(button("Save: Receivers at most"));
    expect(await screen.findByText("A number from 1 to 65,536.")).toBeTruthy();
    await type("Receivers at most", "50");
    await fireEvent.click(button("Save: Receivers at most"));
    await waitFor(() => expect(app.called("amt.relay")).toEqual([{ enabled: true, maxGateways: 50 }]));
    await fireEvent.click(toggle);
    await waitFor(() => expect(toggle.getAttribute("aria-checked")).toBe("false"));
    expect(app.called("amt.relay")[1]).toEqual({ enabled: false });
    expect(screen.queryByLabelText("Receivers at most")).toBeNull();
  });

  test("why it could not become one is said", async () => {
    const app = await settings();
    const { amt } = internetSnapshot();
    const relay = { ...amt.relay, state: "failed" as const, detail: "UDP port 2268 is taken." };
    app.shell.change({ snapshot: { amt: { ...amt, relay } } });
    expect(await screen.findByText("UDP port 2268 is taken.")).toBeTruthy();
  });

  test("what programs join is fetched, or not", async () => {
    const app = await settings();
    await fireEvent.click(screen.getByRole("switch", { name: "Fetch what programs join" }));
    await waitFor(() => expect(app.called("amt.automatic")).toEqual([{ on: false }]));
  });
});

test.each([
  ["", { ok: true, relays: [] }],
  [" , ; ", { ok: true, relays: [] }],
  ["a,b c", { ok: true, relays: ["a", "b", "c"] }],
  ["2001:3::1", { ok: true, relays: ["2001:3::1"] }],
  ["224.1.1.1", { ok: false, fault: "not-a-relay" }],
])("relays %j", (text, read) => {
  expect(relaysOf(text)).toMatchObject(read);
});

test.each([
  ["1", 1],
  [" 65536 ", 65_536],
  ["65537", undefined],
  ["0", undefined],
  ["-1", undefined],
  ["1e3", undefined],
])("receivers %j", (text, most) => {
  expect(gatewaysOf(text)).toBe(most);
});
