import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, test } from "vitest";
import { PRESET_NAMES } from "#protocol/discovery/presets.ts";
import type { Snapshot } from "#contract/snapshot.ts";
import { presetWords } from "#renderer/screens/sharing/preset-words.ts";
import SharingScreen from "#renderer/screens/sharing/SharingScreen.svelte";
import { fakeNetwork, fakeSnapshot, fakeState } from "#test/support/app/fake-state.ts";
import { busyHost, clashingGuest, fakePreset } from "#test/support/app/screen-answers.ts";
import { type FakeApp, fakeApp, HOSTILE_NAMES, refusal } from "./fake-app.ts";

async function opened(
  snapshot: Partial<Snapshot> = {},
  changes: Parameters<typeof fakeApp>[0] = {},
): Promise<FakeApp> {
  const app = await fakeApp({ snapshot: fakeSnapshot(snapshot), ...changes });
  app.shell.handlers["daemon:presets.list"] = () => ({
    presets: [fakePreset("iptv"), fakePreset("dlna", { lanAccess: true }), fakePreset("from-the-future")],
  });
  app.shell.handlers["daemon:share.lan"] = () => ({ networks: [] });
  render(SharingScreen, { model: app.model });
  await screen.findByRole("switch", { name: "Television and radio" });
  return app;
}

const toggle = (name: string | RegExp) => screen.getByRole("switch", { name });
const button = (name: string | RegExp) => screen.getByRole("button", { name });

describe("presets", () => {
  test("are switches with a sentence each, as the daemon has them", async () => {
    const app = await opened({ sharing: { presets: ["iptv"], proxies: [], raisedTtl: [] } });
    expect(toggle("Television and radio").getAttribute("aria-checked")).toBe("true");
    const dlna = toggle("Media servers (DLNA)");
    expect(dlna.getAttribute("aria-checked")).toBe("false");
    expect(document.getElementById(dlna.getAttribute("aria-describedby")!)!.textContent).toMatch(/UPnP/);
    await fireEvent.click(dlna);
    expect(app.called("presets.set")).toEqual([{ preset: "dlna", on: true }]);
    // What is shown is the daemon's state, not what was wished for.
    expect(dlna.getAttribute("aria-checked")).toBe("false");
    app.shell.change({ snapshot: { sharing: { presets: ["dlna"], proxies: ["ssdp"], raisedTtl: [] } } });
    await waitFor(() => expect(dlna.getAttribute("aria-checked")).toBe("true"));
    expect(screen.getByText(/Needs LAN access/)).toBeTruthy();
  });

  test("of a newer daemon say themselves what they open", async () => {
    await opened();
    expect(toggle("from-the-future")).toBeTruthy();
    expect(screen.getByText("What it opens, in the daemon's words.")).toBeTruthy();
  });

  test("that this daemon has are all translated", () => {
    for (const name of PRESET_NAMES) expect(presetWords(fakePreset(name)).title).not.toBe(name);
  });

  test("are asked for once, and again when another daemon runs", async () => {
    const app = await opened();
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setTimeout(resolve));
    expect(app.called("presets.list")).toHaveLength(1);
    const { daemon } = fakeSnapshot();
    app.shell.change({ snapshot: null });
    app.shell.change({ snapshot: fakeSnapshot({ daemon: { ...daemon, startedAt: daemon.startedAt + 1 } }) });
    await waitFor(() => expect(app.called("presets.list")).toHaveLength(2));
  });

  test("that cannot be switched: the reason is shown", async () => {
    const app = await opened();
    app.shell.handlers["daemon:presets.set"] = () => {
      throw refusal("busy", "the proxies are being changed");
    };
    await fireEvent.click(toggle("Television and radio"));
    expect(await screen.findByText("the proxies are being changed")).toBeTruthy();
  });
});

describe("interfaces", () => {
  test("take part as somebody says", async () => {
    const app = await opened();
    const mode = screen.getByLabelText<HTMLSelectElement>(/Take part with .*eth0/);
    expect(mode.value).toBe("full");
    await fireEvent.change(mode, { target: { value: "local" } });
    expect(app.called("lans.set")).toEqual([{ name: "eth0", mode: "local" }]);
  });

  test("none: a sentence says so", async () => {
    await opened({ lans: [] });
    expect(screen.getByText(/no network interface/)).toBeTruthy();
  });
});

describe("LAN access of a host", () => {
  const closed = () => {
    const host = busyHost();
    return { ...host, lanAccess: { ...host.lanAccess, on: false, lans: [], leftOut: [], opens: [] } };
  };

  test("is opened after a yes to what it opens, on the interfaces that were chosen", async () => {
    const app = await opened({ networks: [closed()] });
    await fireEvent.click(toggle(/Let members reach/));
    const dialog = screen.getByRole("dialog", { name: /Open your LAN to .*Studio/ });
    expect(dialog.textContent).toMatch(/the router's settings too/);
    expect(app.called("share.lan")).toEqual([]);
    await fireEvent.click(within(dialog).getByRole("checkbox", { name: "eth0" }));
    await fireEvent.click(within(dialog).getByRole("button", { name: "Open it" }));
    expect(app.called("share.lan")).toEqual([{ on: true, interfaces: ["eth0"] }]);
    await waitFor(() => expect(screen.queryByRole("dialog") === null).toBe(true));
  });

  test("is not opened by closing the question", async () => {
    const app = await opened({ networks: [closed()] });
    await fireEvent.click(toggle(/Let members reach/));
    await fireEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Cancel" }));
    expect(app.called("share.lan")).toEqual([]);
  });

  test("that cannot be opened says why within the question", async () => {
    const app = await opened({ networks: [closed()] });
    app.shell.handlers["daemon:share.lan"] = () => {
      throw refusal("conflict", "nft is not there", "sudo apt install nftables");
    };
    await fireEvent.click(toggle(/Let members reach/));
    await fireEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Open it" }));
    expect(await within(screen.getByRole("dialog")).findByText("nft is not there")).toBeTruthy();
  });

  test("that is open shows what it opens and what is left out, and is closed at once", async () => {
    const app = await opened({ networks: [busyHost()] });
    const table = screen.getByRole("table", { name: /LANs of .*Studio/ });
    expect(
      within(table).getByRole("row", { name: /192\.168\.1\.0\/24 eth0 100\.72\.3\.0\/24/ }),
    ).toBeTruthy();
    expect(screen.getByText(/docker0 172\.17\.0\.0\/16: it leads to no other computer/)).toBeTruthy();
    await fireEvent.click(toggle(/Let members reach/));
    expect(app.called("share.lan")).toEqual([{ on: false }]);
  });

  test("waits for the network to be switched on", async () => {
    await opened({ networks: [{ ...closed(), state: "off" }] });
    expect(toggle(/Let members reach/)).toHaveProperty("disabled", true);
    expect(screen.getByText(/Connect it on Home first/)).toBeTruthy();
  });
});

describe("LAN access of a guest", () => {
  test("shows under which addresses the devices are reached, and what clashes", async () => {
    const app = await opened({ networks: [clashingGuest()] });
    const cells = screen.getAllByRole("cell").map((cell) => cell.textContent);
    expect(cells).toEqual(["100.72.3.0/24", "192.168.1.0/24"]);
    await fireEvent.click(toggle(/Reach the devices/));
    expect(app.called("share.use")).toEqual([{ network: "n1", on: false }]);
  });

  test("what cannot be reached says so", async () => {
    const guest = clashingGuest();
    const [lan] = guest.lanAccess.lans;
    await opened({
      networks: [
        { ...guest, lanAccess: { ...guest.lanAccess, lans: [{ ...lan!, use: null, mapped: null }] } },
      ],
    });
    expect(screen.getByRole("cell", { name: "cannot be reached" })).toBeTruthy();
  });

  test("the IPv6 router needs an interface first", async () => {
    const app = await opened({ networks: [fakeNetwork()] });
    const router = toggle(/Be the IPv6 router/);
    expect(router).toHaveProperty("disabled", true);
    await fireEvent.change(screen.getByLabelText("On interface"), { target: { value: "eth0" } });
    await fireEvent.click(router);
    expect(app.called("share.subnet")).toEqual([{ network: "n1", on: true, interface: "eth0" }]);
  });
});

describe("static joins and routes", () => {
  const type = (label: string, value: string) =>
    fireEvent.input(screen.getByLabelText(label), { target: { value } });
  const from = (value: string) => fireEvent.change(screen.getByLabelText("From"), { target: { value } });

  test("a route is added, and the form is empty again", async () => {
    const app = await opened({
      lans: [
        ...fakeSnapshot().lans,
        { name: "eth1", index: 3, up: true, addresses: [], mode: "full", pinned: false },
      ],
    });
    app.shell.handlers["daemon:routes.add"] = () => ({ id: "r9" });
    await type("Group", "239.1.2.3");
    await from("eth0");
    await fireEvent.click(screen.getByRole("checkbox", { name: "eth1" }));
    await fireEvent.click(button("Add"));
    expect(app.called("routes.add")).toEqual([{ group: "239.1.2.3", fromVif: "eth0", toVifs: ["eth1"] }]);
    await waitFor(() => expect(screen.getByLabelText<HTMLInputElement>("Group").value).toBe(""));
  });

  test("faults are told when somebody tries, not before, and nothing is sent", async () => {
    const app = await opened();
    expect(screen.queryByText("A group is needed.") === null).toBe(true);
    await fireEvent.click(button("Add"));
    expect(screen.getByText("A group is needed.")).toBeTruthy();
    expect(screen.getByText("Choose an interface.")).toBeTruthy();
    await type("Group", "192.168.1.1");
    expect(screen.getByText(/This is no multicast address/)).toBeTruthy();
    expect(screen.getByLabelText("Group").getAttribute("aria-invalid")).toBe("true");
    expect(app.called("routes.add")).toEqual([]);
  });

  test("what the daemon knows better is shown, and the form keeps what was typed", async () => {
    const app = await opened();
    app.shell.handlers["daemon:routes.add"] = () => {
      throw refusal("bad-request", "224.0.0.251 stays on its link: it is none of the shared groups");
    };
    await type("Group", "224.0.0.251");
    await from("eth0");
    await fireEvent.click(button("Add"));
    expect(await screen.findByText(/stays on its link/)).toBeTruthy();
    expect(screen.getByLabelText<HTMLInputElement>("Group").value).toBe("224.0.0.251");
  });

  test("are listed, those that wait too, and removed", async () => {
    const app = await opened({
      routes: [
        { id: "r1", group: "239.1.2.3", source: null, fromVif: "eth0", toVifs: ["castaway0"], active: false },
      ],
    });
    expect(screen.getByText("waits for an interface")).toBeTruthy();
    await fireEvent.click(button(/^Remove: any source, .*239\.1\.2\.3/));
    expect(app.called("routes.remove")).toEqual([{ id: "r1" }]);
  });

  test("of a file say where they stand, and are not removed here", async () => {
    const route = { group: "239.1.2.3", source: null, fromVif: "eth0", toVifs: [], active: true };
    await opened({
      routes: [
        { id: "file-1", ...route, origin: "/etc/castaway/routes.conf:7" },
        { id: "r1", ...route },
      ],
    });
    expect(screen.getByText(/routes\.conf:7/)).toBeTruthy();
    expect(screen.getAllByRole("button", { name: /^Remove: / })).toHaveLength(1);
  });

  test("streams with TTL 1 are left on their LAN again", async () => {
    const app = await opened({ sharing: { presets: [], proxies: [], raisedTtl: ["239.5.5.5"] } });
    await fireEvent.click(button(/^Let it stay on its LAN: .*239\.5\.5\.5/));
    expect(app.called("groups.raise-ttl")).toEqual([{ group: "239.5.5.5", on: false }]);
  });
});

test.each(HOSTILE_NAMES)("networks called %j are shown as text", async (name) => {
  await opened({ networks: [{ ...busyHost(), name }] });
  const heading = screen.getByRole("heading", { name: /you are the host/ });
  expect(heading.textContent).toContain(name.replaceAll("\u202E", ""));
  expect(heading.querySelector("*")).toBeNull();
  expect(document.body.textContent).not.toContain("\u202E");
});

test("who may only look can change nothing", async () => {
  const { service } = fakeState();
  await opened(
    {
      networks: [busyHost(), clashingGuest()],
      routes: [{ id: "r1", group: "239.1.2.3", source: null, fromVif: "eth0", toVifs: [], active: true }],
      sharing: { presets: [], proxies: [], raisedTtl: ["239.5.5.5"] },
    },
    { service: { ...service, access: "read" } },
  );
  const controls = [
    ...screen.getAllByRole("switch"),
    ...screen.getAllByRole("button"),
    ...screen.getAllByRole("combobox"),
    ...screen.getAllByRole("textbox"),
  ];
  expect(controls.length).toBeGreaterThan(12);
  expect(controls.filter((control) => !control.matches(":disabled"))).toEqual([]);
});

test("the daemon goes in the middle of a change: the switch is free again, with a sentence", async () => {
  const app = await opened();
  app.shell.handlers["daemon:presets.set"] = () => new Promise(() => {});
  await fireEvent.click(toggle("Television and radio"));
  expect(toggle("Television and radio").getAttribute("aria-busy")).toBe("true");
  app.lose();
  expect(await screen.findByText(/not connected at the moment/)).toBeTruthy();
  expect(toggle("Television and radio").getAttribute("aria-busy")).toBeNull();
});
