import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, test } from "vitest";
import type { Member, Network } from "#contract/snapshot.ts";
import HomeScreen from "#renderer/screens/home/HomeScreen.svelte";
import { inOrder, matching } from "#renderer/screens/home/member-order.ts";
import { networkTraffic } from "#renderer/screens/home/network-traffic.ts";
import { networkWords } from "#renderer/screens/home/network-words.ts";
import { fakePeerVif } from "#test/support/app/fake-peer-vif.ts";
import { SCENES } from "#test/support/app/fake-scene.ts";
import { fakeGroup, fakeMember, fakeNetwork, fakeSnapshot } from "#test/support/app/fake-state.ts";
import { type FakeApp, fakeApp, HOSTILE_NAMES, refusal } from "./fake-app.ts";

async function opened(changes: Parameters<typeof fakeApp>[0] = {}): Promise<FakeApp> {
  const app = await fakeApp(changes);
  render(HomeScreen, { model: app.model });
  return app;
}

function withNetwork(changes: Partial<Network>): Parameters<typeof fakeApp>[0] {
  return { snapshot: fakeSnapshot({ networks: [fakeNetwork(changes)] }) };
}

function withHost(changes: Partial<Member>): Network {
  return fakeNetwork({ members: [fakeMember(0, changes), fakeMember(1, { self: true })] });
}

const HOSTED: Partial<Network> = {
  role: "host",
  members: [fakeMember(0, { self: true }), fakeMember(1, { name: "mixer" })],
};

/** Without the isolates around names, and breaking where it likes. */
const plain = (text: string): string => text.replaceAll(/[\u2066-\u2069]/g, "").replaceAll("\u00a0", " ");

describe("how a network stands, in plain words", () => {
  test.each([
    [{ path: "direct", rttMs: 18.4 }, "Connected to Home directly over UDP, 18 ms."],
    [{ path: "direct", rttMs: 0.42 }, "Connected to Home directly over UDP, 0.4 ms."],
    [{ path: "direct", rttMs: null }, "Connected to Home directly over UDP."],
    [{ path: "mapped", rttMs: 20 }, "Connected to Home directly over UDP, by a port of the router, 20 ms."],
    [{ path: "punched", rttMs: 20 }, "Connected to Home directly over UDP, through both routers, 20 ms."],
    [{ path: "tcp", rttMs: 20 }, "Connected to Home over TCP, because UDP does not pass, 20 ms."],
    [{ path: "tls", rttMs: 20 }, "Connected to Home over TLS, because nothing else passes, 20 ms."],
    [
      { path: "relayed", rttMs: 80 },
      "Connected to Home by a relay, which cannot read what it carries, 80 ms.",
    ],
    [{ path: "none", rttMs: null }, "Connected to Home by its host."],
  ] as const)("a guest, %j", (host, sentence) => {
    expect(plain(networkWords(withHost(host)).sentence)).toBe(sentence);
  });

  test.each([
    ["connecting", 0, "Looking for the computers of Studio."],
    ["connected", 1, "Connected with 1 computer of Studio."],
    ["connected", 3, "Connected with 3 computers of Studio."],
    ["off", 0, "Not connected to Studio. Nothing is carried."],
  ] as const)("a network of the peers file, %s with %d", (state, here, sentence) => {
    const members = [
      fakeMember(1, { self: true, role: "peer" }),
      ...Array.from({ length: 4 }, (_, i) => fakeMember(i + 2, { role: "peer", online: i < here })),
    ];
    const network = fakeNetwork({ role: "static", name: "Studio", state, members });
    expect(plain(networkWords(network).sentence)).toBe(sentence);
  });

  test("is left in its file, not by a button", async () => {
    await opened(withNetwork({ role: "static", members: [fakeMember(1, { self: true, role: "peer" })] }));
    expect(screen.getByText("Who belongs to it stands in the service's peers file.")).toBeDefined();
    expect(screen.queryByRole("button", { name: "Leave this network" })).toBeNull();
    expect(screen.queryByRole("button", { name: /Invite/ })).toBeNull();
    expect(screen.getByRole("switch")).toBeDefined(); // but connected and disconnected here
  });

  test.each([
    [1, "Open for its members. Nobody is connected at the moment."],
    [2, "Open for its members. 1 of them is connected."],
    [201, "Open for its members. 200 of them are connected."],
  ])("a host among %d", (count, sentence) => {
    const members = Array.from({ length: count }, (_, number) => fakeMember(number, { self: number === 0 }));
    expect(networkWords(fakeNetwork({ role: "host", members })).sentence).toBe(sentence);
  });

  test("the daemon's own words are added where something is the matter, and only there", () => {
    const detail = "The host removed this computer.";
    expect(networkWords(fakeNetwork({ state: "refused", detail })).detail).toBe(detail);
    expect(networkWords(fakeNetwork({ state: "attention", detail })).detail).toBe(detail);
    expect(networkWords(fakeNetwork({ state: "connected", detail })).detail).toBeNull();
    expect(networkWords(fakeNetwork({ state: "off", detail })).detail).toBeNull();
  });
});

describe("the switch", () => {
  test("connects and disconnects its own network", async () => {
    const app = await opened(withNetwork({ state: "off" }));
    const button = screen.getByRole("switch", { name: /Connect/ });
    expect(button.getAttribute("aria-checked")).toBe("false");
    await fireEvent.click(button);
    expect(app.called("up")).toEqual([{ network: "n1" }]);
    app.shell.change({ snapshot: { networks: [fakeNetwork()] } });
    await waitFor(() => expect(button.getAttribute("aria-checked")).toBe("true"));
    await fireEvent.click(button);
    expect(app.called("down")).toEqual([{ network: "n1" }]);
  });

  test("there is one for each network", async () => {
    const app = await opened({ snapshot: SCENES["networks"]!().snapshot });
    const switches = screen.getAllByRole("switch");
    expect(switches.map((one) => plain(one.getAttribute("aria-label")!))).toEqual([
      "Connect Home",
      "Connect Studio",
    ]);
    await fireEvent.click(switches[1]!);
    expect(app.called("down")).toEqual([{ network: "n2" }]);
  });

  test("a refusal is told with its remedy, and can be dismissed", async () => {
    const app = await opened(withNetwork({ state: "off" }));
    app.shell.handlers["daemon:up"] = () => {
      throw refusal("refused", "The host removed this computer.", "Ask for a new invite.");
    };
    await fireEvent.click(screen.getByRole("switch"));
    const alert = (await screen.findByText("The host removed this computer.")).closest<HTMLElement>(
      "[role=alert]",
    )!;
    expect(alert.textContent).toContain("Ask for a new invite.");
    await fireEvent.click(within(alert).getByRole("button", { name: "Dismiss" }));
    expect(screen.queryByText("The host removed this computer.")).toBeNull();
  });
});

describe("what crosses a network", () => {
  const vifs = [fakePeerVif("peer-home-0", "n1", 0), fakePeerVif("peer-studio-1", "n2", 1)];
  const toStudio = { ...fakeGroup(0).listeners[0]!, vif: "peer-studio-1", local: false };
  const snapshot = fakeSnapshot({
    vifs,
    groups: [
      fakeGroup(0, { rateBps: 4_000_000 }),
      fakeGroup(1, { rateBps: 8_000_000, listeners: [toStudio] }), // through us, from the one to the other
      fakeGroup(2, { rateBps: 1_000_000, inVif: "eth0", listeners: [toStudio] }),
      fakeGroup(3, { rateBps: 1_000_000, inVif: "eth0" }), // stays here
      fakeGroup(4, { rateBps: 0 }), // silent
      fakeGroup(5, { rateBps: 0, inVif: null, source: null }),
    ],
  });

  test("is counted by its members' side", () => {
    expect(networkTraffic(snapshot, "n1")).toEqual({
      received: { streams: 2, bitsPerSecond: 12_000_000 },
      sent: { streams: 0, bitsPerSecond: 0 },
    });
    expect(networkTraffic(snapshot, "n2")).toEqual({
      received: { streams: 0, bitsPerSecond: 0 },
      sent: { streams: 2, bitsPerSecond: 9_000_000 },
    });
  });

  test("stands in a line that leads to the streams", async () => {
    await opened({ snapshot });
    const link = screen.getByRole("link", { name: /You receive 2 streams/ });
    expect(plain(link.textContent)).toContain("You receive 2 streams, 12 Mbit/s");
    expect(link.getAttribute("href")).toBe("#/streams");
  });

  test("nothing is said so", async () => {
    await opened({ snapshot: fakeSnapshot({ groups: [], vifs }) });
    expect(screen.getByRole("link", { name: /Nothing is carried/ })).toBeTruthy();
  });
});

describe("members", () => {
  test("stand in an order that people expect", () => {
    const members = [
      fakeMember(5, { online: false }),
      fakeMember(4),
      fakeMember(2),
      fakeMember(3, { self: true }),
      fakeMember(0),
    ];
    expect(inOrder(members).map(({ number }) => number)).toEqual([0, 3, 2, 4, 5]);
  });

  test("are found by name and by address", () => {
    const members = [fakeMember(1, { name: "Wohnzimmer" }), fakeMember(2, { addresses: ["100.72.0.9"] })];
    expect(matching(members, " wohn ").map(({ number }) => number)).toEqual([1]);
    expect(matching(members, "72.0.9").map(({ number }) => number)).toEqual([2]);
    expect(matching(members, "")).toHaveLength(2);
    expect(matching(members, "nobody")).toEqual([]);
  });

  test("two hundred are a short list with a search, until somebody wants all", async () => {
    await opened({ snapshot: SCENES["crowd"]!().snapshot });
    const list = screen.getByRole("list", { name: "200 members" });
    expect(within(list).getAllByRole("listitem")).toHaveLength(8);
    await fireEvent.input(screen.getByLabelText("Find a member"), { target: { value: "member-19" } });
    expect(screen.getByRole("button", { name: "Show all 11" })).toBeTruthy();
    await fireEvent.input(screen.getByLabelText("Find a member"), { target: { value: "" } });
    await fireEvent.click(screen.getByRole("button", { name: "Show all 200" }));
    expect(within(list).getAllByRole("listitem")).toHaveLength(200);
  });

  async function details(name: string): Promise<HTMLElement> {
    await fireEvent.click(screen.getByRole("button", { name: new RegExp(`Details: .?${name}`) }));
    return screen.findByRole("dialog");
  }

  test("their names are text, whatever is in them", async () => {
    await opened(
      withNetwork({
        members: HOSTILE_NAMES.map((name, number) => fakeMember(number, { name, self: number === 0 })),
      }),
    );
    expect(document.querySelector("img")).toBeNull();
    for (const name of HOSTILE_NAMES)
      expect(screen.getAllByText(name).every((element) => element.tagName === "BDI")).toBe(true);
  });

  test("a guest can look, and neither rename nor remove", async () => {
    await opened();
    const dialog = await details("living-room");
    expect(dialog.textContent).toContain("192.0.2.0:42268");
    expect(within(dialog).queryByRole("textbox")).toBeNull();
    expect(within(dialog).queryByRole("button", { name: "Remove" })).toBeNull();
  });

  test("the host renames one, and takes it back", async () => {
    const app = await opened(withNetwork(HOSTED));
    const dialog = await details("mixer");
    await fireEvent.input(within(dialog).getByLabelText("Name"), { target: { value: "Mixer 2" } });
    await fireEvent.click(within(dialog).getByRole("button", { name: "Rename" }));
    await waitFor(() => expect(app.model.toasts.list).toHaveLength(1));
    app.model.toasts.list[0]!.undo!();
    expect(app.called("members.rename")).toEqual([
      { network: "n1", member: 1, name: "Mixer 2" },
      { network: "n1", member: 1, name: "mixer" },
    ]);
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  test("the host removes one after a second thought", async () => {
    const app = await opened(withNetwork(HOSTED));
    await fireEvent.click(within(await details("mixer")).getByRole("button", { name: "Remove" }));
    const dialog = await screen.findByRole("dialog", { name: /Remove .?mixer/ });
    expect(app.called("members.remove")).toEqual([]);
    await fireEvent.click(within(dialog).getByRole("button", { name: "Remove" }));
    expect(app.called("members.remove")).toEqual([{ network: "n1", member: 1 }]);
  });

  test("what the daemon refuses is told in the dialog, which stays", async () => {
    const app = await opened(withNetwork(HOSTED));
    app.shell.handlers["daemon:members.rename"] = () => {
      throw refusal("conflict", "Somebody is called so already.");
    };
    const dialog = await details("mixer");
    await fireEvent.input(within(dialog).getByLabelText("Name"), { target: { value: "laptop" } });
    await fireEvent.click(within(dialog).getByRole("button", { name: "Rename" }));
    expect(await within(dialog).findByText("Somebody is called so already.")).toBeTruthy();
  });
});

test("guests who wait are told of where everybody looks first", async () => {
  const request = { id: "r1", inviteId: "i1", name: "Anna", endpoint: "192.0.2.9:4", since: 0 };
  await opened(withNetwork({ ...HOSTED, requests: [request, { ...request, id: "r2" }] }));
  const link = screen.getByRole("link", { name: "2 guests wait for an answer" });
  expect(link.getAttribute("href")).toBe("#/invite");
});

test("a guest leaves after a second thought", async () => {
  const app = await opened();
  app.shell.handlers["daemon:leave"] = () => app.shell.change({ snapshot: { networks: [] } }); // at once
  await fireEvent.click(screen.getByRole("button", { name: "Leave this network" }));
  const dialog = await screen.findByRole("dialog", { name: /Leave .?Home/ });
  await fireEvent.click(within(dialog).getByRole("button", { name: "Leave this network" }));
  expect(app.called("leave")).toEqual([{ network: "n1" }]);
  await waitFor(() =>
    expect(app.model.toasts.list.map(({ text }) => plain(text))).toEqual(["You left Home."]),
  );
});

test("no network: what to do first", async () => {
  const app = await opened({ snapshot: fakeSnapshot({ networks: [] }) });
  await fireEvent.click(screen.getByRole("button", { name: "I have an invite link" }));
  expect(app.model.route.screen).toBe("join");
  await fireEvent.click(screen.getByRole("button", { name: "Begin" }));
  expect(app.model.route.screen).toBe("welcome");
});

test("the service is away: what was last known is not told as if it were so", async () => {
  const app = await opened();
  expect(screen.getByText("Connected")).toBeTruthy();
  app.shell.change({ snapshot: null });
  expect(await screen.findByText("Not known")).toBeTruthy();
  expect(screen.queryByText("Connected")).toBeNull();
  expect(screen.queryByText(/over UDP/)).toBeNull();
  expect(screen.queryByRole("link", { name: /receive|carried/ })).toBeNull();
});

test("no service yet: nothing is made up", async () => {
  await opened({ snapshot: null });
  expect(screen.getByText("Nothing to show while the service is away")).toBeTruthy();
  expect(screen.queryByRole("switch")).toBeNull();
});
