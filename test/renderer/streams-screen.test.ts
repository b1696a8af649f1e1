import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Group } from "#contract/snapshot.ts";
import type { AppState } from "#main/contract/state.ts";
import StreamsScreen from "#renderer/screens/streams/StreamsScreen.svelte";
import { fakeGroup, fakeNetwork, fakeSnapshot, fakeState } from "#test/support/app/fake-state.ts";
import { fakeVif, streamsSnapshot } from "#test/support/app/fake-streams.ts";
import { type FakeApp, fakeApp, HOSTILE_NAMES, refusal } from "./fake-app.ts";

// jsdom draws nothing and lays nothing out.
vi.mock(import("#renderer/screens/streams/throughput-plot.ts"), () => {
  throw new Error("no canvas here");
});
globalThis.ResizeObserver ??= class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};
const ROW_HEIGHT = 68;
const copied = vi.fn(async (_text: string) => {});

beforeEach(() => {
  copied.mockClear();
  Object.defineProperty(navigator, "clipboard", { value: { writeText: copied }, configurable: true });
  Element.prototype.scrollIntoView = () => {};
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
    return new DOMRect(0, this.tagName === "UL" ? -window.scrollY : 0, 800, ROW_HEIGHT);
  });
});

async function opened(changes: Partial<AppState> = {}): Promise<FakeApp> {
  const app = await fakeApp(changes);
  render(StreamsScreen, { model: app.model });
  return app;
}

const withGroups = (...groups: Group[]): Partial<AppState> => ({ snapshot: fakeSnapshot({ groups }) });
const rows = (): HTMLElement[] => screen.queryAllByRole("listitem");
const button = (name: string | RegExp): HTMLElement => screen.getByRole("button", { name });
const canPlay = { shell: { ...fakeState().shell, can: { ...fakeState().shell.can, play: true } } };

describe("a stream in the list", () => {
  test("says in words what its line shows", async () => {
    await opened({ snapshot: fakeSnapshot({ vifs: [fakeVif("castaway0", "tun")], groups: [fakeGroup(0)] }) });
    expect(button(/^Channel 1\s+from .*tv-server.*, to this computer, .*4\sMbit\/s/)).toBeTruthy();
    expect(rows()[0]?.getAttribute("aria-setsize")).toBe("1");
  });

  test("of which nothing is known is shown all the same", async () => {
    const unknown: Partial<Group> = { name: null, source: null, sourceName: null, port: null, payload: null };
    await opened(
      withGroups(
        fakeGroup(0, {
          ...unknown,
          inVif: null,
          listeners: [],
          rateBps: 0,
          pps: 0,
          ttl: null,
          lossRatio: null,
          lossOf: null,
          firstSeen: null,
          lastSeen: null,
        }),
      ),
    );
    await fireEvent.click(button(/^239\.1\.0\.1\s+from nobody yet, to nobody, quiet/));
    const dialog = within(screen.getByRole("dialog"));
    expect(dialog.getAllByText("not known").length).toBeGreaterThan(2);
    expect(dialog.getByText("Nobody at the moment, so it is not carried.")).toBeTruthy();
    expect(dialog.queryByRole("button", { name: "Save for a player" })).toBeNull();
  });

  test.each(HOSTILE_NAMES)("called %j is a name and nothing else", async (name) => {
    const { model } = await opened({
      snapshot: fakeSnapshot({
        networks: [fakeNetwork({ name })],
        vifs: [fakeVif("castaway0", "tun")],
        groups: [fakeGroup(0, { name, sourceName: name })],
      }),
    });
    await fireEvent.click(rows()[0]!.querySelector("[data-row-main]")!);
    expect(document.querySelector("img, script")).toBeNull();
    expect(document.body.textContent).not.toMatch(/\u202E/);
    expect(screen.getByRole("dialog").textContent).toContain(name.replaceAll("\u202E", ""));
    expect(model.snapshot?.groups[0]?.name).toBe(name);
  });

  test("is copied as players want it, or as its group", async () => {
    await opened(withGroups(fakeGroup(0), fakeGroup(1, { payload: "other", rateBps: 0 })));
    const [playable, other] = screen.getAllByRole("button", { name: /^Copy the address/ });
    await fireEvent.click(playable!);
    await fireEvent.click(other!);
    expect(copied.mock.calls).toEqual([["rtp://@239.1.0.1:5004"], ["239.1.0.2"]]);
  });

  test("is played where the shell can", async () => {
    const { shell } = await opened({ ...withGroups(fakeGroup(0)), ...canPlay });
    await fireEvent.click(button(/^Play: /));
    const playlist = "#EXTM3U\n#EXTINF:-1,Channel 1\nrtp://@239.1.0.1:5004\n";
    expect(shell.calls.at(-1)).toEqual({ call: "play", params: { playlist } });
  });

  test("that cannot be played says why", async () => {
    const { shell, model } = await opened({ ...withGroups(fakeGroup(0)), ...canPlay });
    shell.handlers["play"] = () => {
      throw refusal("internal", "No program opens playlists.");
    };
    await fireEvent.click(button(/^Play: /));
    await waitFor(() => expect(model.toasts.list[0]?.text).toBe("No program opens playlists."));
  });

  test("is saved as a playlist elsewhere", async () => {
    let saved: Blob | undefined;
    URL.createObjectURL = (blob) => {
      saved = blob as Blob;
      return "blob:castaway";
    };
    URL.revokeObjectURL = vi.fn();
    const click = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => {});
    const { shell } = await opened(withGroups(fakeGroup(0)));
    await fireEvent.click(button(/^Save for a player: /));
    const [link] = click.mock.contexts as HTMLAnchorElement[];
    expect(link?.download).toBe("Channel 1.m3u");
    expect(await saved?.text()).toContain("rtp://@239.1.0.1:5004");
    expect(URL.revokeObjectURL).toHaveBeenCalledWith("blob:castaway");
    expect(shell.calls.some(({ call }) => call === "play")).toBe(false);
    click.mockRestore();
  });
});

describe("sent with TTL 1", () => {
  const held = withGroups(fakeGroup(0, { ttl: 1 }));
  const openFirst = (): Promise<unknown> => fireEvent.click(rows()[0]!.querySelector("[data-row-main]")!);
  const raise = (): HTMLElement => screen.getByRole("switch", { name: "Carry it all the same" });

  test("it can be carried all the same", async () => {
    const app = await opened(held);
    await openFirst();
    expect(raise().getAttribute("aria-checked")).toBe("false");
    await fireEvent.click(raise());
    expect(app.called("groups.raise-ttl")).toEqual([{ group: "239.1.0.1", on: true }]);
  });

  test("a refusal is said", async () => {
    const app = await opened(held);
    app.shell.handlers["daemon:groups.raise-ttl"] = () => {
      throw refusal("conflict", "The TTL of 64 groups is raised already.");
    };
    await openFirst();
    await fireEvent.click(raise());
    expect(await screen.findByText("The TTL of 64 groups is raised already.")).toBeTruthy();
  });

  test("who may only look cannot change it", async () => {
    await opened({ ...held, service: { ...fakeState().service, access: "read" } });
    await openFirst();
    expect(raise()).toHaveProperty("disabled", true);
  });

  test("of any other TTL nothing is offered", async () => {
    await opened(withGroups(fakeGroup(0)));
    await openFirst();
    expect(screen.queryByRole("switch", { name: "Carry it all the same" })).toBeNull();
  });
});

describe("a long list", () => {
  test("of five hundred has the rows in sight, and follows each second", async () => {
    const { shell } = await opened({ snapshot: streamsSnapshot(200, 500) });
    expect(rows().length).toBeGreaterThan(10);
    expect(rows().length).toBeLessThan(40);
    expect(screen.getByText("500 streams")).toBeTruthy();
    const groups = shell.state.snapshot!.groups.map((group) => ({ ...group, rateBps: 7_000_000, pps: 1 }));
    shell.change({ snapshot: { groups } });
    await waitFor(() => expect(rows()[0]?.textContent).toMatch(/7(\.00)?\sMbit\/s/));
    expect(rows().length).toBeLessThan(40);
  });

  test("is gone through with the keys, and one row of it is a stop of the tab key", async () => {
    await opened({ snapshot: streamsSnapshot(8, 500) });
    const stops = (): string[] =>
      rows()
        .filter((row) => row.querySelector('[data-row-main][tabindex="0"]'))
        .map((row) => row.getAttribute("aria-posinset")!);
    expect(stops()).toEqual(["1"]);
    rows()[0]!.querySelector<HTMLElement>("[data-row-main]")!.focus();
    await fireEvent.keyDown(document.activeElement!, { key: "ArrowDown" });
    await waitFor(() => expect(stops()).toEqual(["2"]));
    await fireEvent.keyDown(document.activeElement!, { key: "End" });
    await waitFor(() => expect(stops()).toEqual(["500"]));
    expect(document.activeElement?.closest("li")?.getAttribute("aria-posinset")).toBe("500");
    await fireEvent.keyDown(document.activeElement!, { key: "Home" });
    await waitFor(() =>
      expect(document.activeElement?.closest("li")?.getAttribute("aria-posinset")).toBe("1"),
    );
  });

  test("is searched, and says where nothing is found", async () => {
    await opened({ snapshot: streamsSnapshot(8, 40) });
    const search = screen.getByLabelText("Search");
    await fireEvent.input(search, { target: { value: "bbc" } });
    expect(rows().every((row) => row.textContent?.includes("BBC One"))).toBe(true);
    expect(screen.getByText(/streams of 40$/)).toBeTruthy();
    await fireEvent.input(search, { target: { value: "no such stream" } });
    expect(rows()).toHaveLength(0);
    await fireEvent.click(button("Show all"));
    expect(screen.getByText("40 streams")).toBeTruthy();
  });

  test("can leave out what is silent", async () => {
    await opened(withGroups(fakeGroup(0), fakeGroup(1, { rateBps: 0, pps: 0 })));
    await fireEvent.click(screen.getByRole("switch", { name: "Only those that send" }));
    expect(rows()).toHaveLength(1);
  });
});

describe("where there is nothing to show, it says what to do next", () => {
  test.each<[string, Partial<AppState>, string, RegExp]>([
    ["without a network", { snapshot: fakeSnapshot({ networks: [], groups: [] }) }, "No network yet", /Join/],
    [
      "with the network off",
      { snapshot: fakeSnapshot({ networks: [fakeNetwork({ state: "off" })], groups: [] }) },
      "Not connected",
      /Go to Home/,
    ],
    ["with no streams", withGroups(), "Connected, and no streams yet", /Copy: castaway groups/],
    ["without the service", { snapshot: null }, "Nothing to show while the service is away", /.*/],
  ])("%s", async (_, changes, title, next) => {
    await opened(changes);
    expect(screen.getByRole("heading", { name: title })).toBeTruthy();
    if (changes.snapshot) expect(button(next)).toBeTruthy();
  });

  test("and the button leads there", async () => {
    const { model } = await opened({ snapshot: fakeSnapshot({ networks: [], groups: [] }) });
    await fireEvent.click(button("Make an invite"));
    expect(model.route.screen).toBe("invite");
  });
});

describe("the picture", () => {
  test("has its words beside it", async () => {
    await opened({ snapshot: streamsSnapshot(8, 14) });
    await fireEvent.click(button("Picture"));
    expect(screen.getByRole("img", { name: /^A picture of the network, with \d+ lines/ })).toBeTruthy();
    expect(screen.getByText(/living-room.* to this computer: \d+ streams/)).toBeTruthy();
  });

  test("of a silent network says so", async () => {
    await opened(withGroups());
    await fireEvent.click(button("Picture"));
    expect(screen.getByText("Nothing is being carried at the moment.")).toBeTruthy();
  });
});

describe("the chart", () => {
  test("is a sentence and a table too, and without its library these remain", async () => {
    const app = await fakeApp({ snapshot: streamsSnapshot(8, 14) });
    const received = Array.from({ length: 600 }, (_, i) => (i === 300 ? 9_000_000 : 2_000_000));
    app.shell.handlers["history"] = () => ({ endsAt: 1, stepMs: 1_000, received, sent: [], groups: {} });
    render(StreamsScreen, { model: app.model });
    const words = await screen.findByText(/2(\.00)?\sMbit\/s.* now, at most .*9(\.00)?\sMbit\/s/);
    expect(words.textContent).toContain("Sent: not known now");
    const details = screen.getByText("As a table").closest("details")!;
    details.open = true;
    await fireEvent(details, new Event("toggle"));
    expect(within(screen.getByRole("table")).getAllByRole("row")).toHaveLength(11);
  });

  test("asks for the history when the link is back", async () => {
    const app = await opened(withGroups(fakeGroup(0)));
    const asked = (): number => app.shell.calls.filter(({ call }) => call === "history").length;
    await waitFor(() => expect(asked()).toBe(1));
    app.lose();
    app.regain();
    await waitFor(() => expect(asked()).toBe(2));
  });
});
