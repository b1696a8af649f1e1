import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { useLanguage } from "#renderer/i18n/i18n.svelte.ts";
import InviteScreen from "#renderer/screens/invite/InviteScreen.svelte";
import { leadsFromElsewhere } from "#renderer/screens/invite/reachable.ts";
import { fakeNetwork, fakeSnapshot, fakeState } from "#test/support/app/fake-state.ts";
import { busyHost, fakeInvite } from "#test/support/app/screen-answers.ts";
import { type FakeApp, fakeApp, HOSTILE_NAMES, refusal } from "./fake-app.ts";

const LINK = "castaway://join/aebagbafaydqqcikbmga2dqp";
const CREATED = {
  link: LINK,
  networkName: "Studio",
  invite: fakeInvite("d4", { usesTotal: 3, usesLeft: 3 }),
  endpoints: ["203.0.113.5:42268"],
  ways: ["the DHT", "meet.example:42269"],
};

async function opened(changes: Parameters<typeof fakeApp>[0] = {}): Promise<FakeApp> {
  const app = await fakeApp({ snapshot: fakeSnapshot({ networks: [busyHost()] }), ...changes });
  app.shell.handlers["daemon:invite.create"] = () => CREATED;
  render(InviteScreen, { model: app.model });
  return app;
}

const button = (name: string | RegExp) => screen.getByRole("button", { name });
const make = () => fireEvent.click(button("Make the link"));

beforeAll(() => {
  Object.defineProperty(navigator, "clipboard", { value: { writeText: vi.fn() }, configurable: true });
});

describe("making an invite", () => {
  test("as it stands: one computer, seven days, nobody is asked", async () => {
    const app = await opened();
    await make();
    expect(app.called("invite.create")).toEqual([{ uses: 1, expiresInSeconds: 604_800, approval: false }]);
  });

  test("with limits of one's own", async () => {
    const app = await opened();
    await fireEvent.input(screen.getByLabelText("For whom"), { target: { value: " Anna's laptop\u202E " } });
    await fireEvent.input(screen.getByLabelText("Computers that may join with it"), {
      target: { value: "12" },
    });
    await fireEvent.change(screen.getByLabelText("Good for"), { target: { value: "3600" } });
    await fireEvent.click(screen.getByRole("switch", { name: /Ask me/ }));
    await fireEvent.input(screen.getByLabelText("Address and port"), {
      target: { value: "home.example:42268, [2001:db8::1]:4000" },
    });
    await make();
    expect(app.called("invite.create")).toEqual([
      {
        uses: 12,
        expiresInSeconds: 3600,
        approval: true,
        label: "Anna's laptop",
        endpoints: ["home.example:42268", "[2001:db8::1]:4000"],
      },
    ]);
  });

  test.each(["0", "1001", "-1", "2.5", "", "many", "1e3"])(
    "for %j computers is not asked for",
    async (uses) => {
      const app = await opened();
      await fireEvent.input(screen.getByLabelText("Computers that may join with it"), {
        target: { value: uses },
      });
      expect(screen.getByText("A whole number from 1 to 1000.")).toBeTruthy();
      await make();
      expect(app.called("invite.create")).toEqual([]);
    },
  );

  test.each(["home.example", "home.example:0", "home.example:65536", "a:1 b:2 c:3 d:4 e:5", "<b>:1"])(
    "at the address %j is not asked for",
    async (endpoints) => {
      const app = await opened();
      await fireEvent.input(screen.getByLabelText("Address and port"), { target: { value: endpoints } });
      expect(screen.getByText(/At most four/)).toBeTruthy();
      await make();
      expect(app.called("invite.create")).toEqual([]);
    },
  );

  test("of one of several networks", async () => {
    const app = await opened({
      snapshot: fakeSnapshot({
        networks: [busyHost(), fakeNetwork({ id: "n3", name: "Attic", role: "host" })],
      }),
    });
    await fireEvent.change(screen.getByLabelText("Network"), { target: { value: "n3" } });
    await make();
    expect(app.called("invite.create")).toMatchObject([{ network: "n3" }]);
  });

  test("that the daemon refuses says why, and what to do", async () => {
    const app = await opened();
    app.shell.handlers["daemon:invite.create"] = () => {
      throw refusal("conflict", "there are as many open invites as there can be", "castaway invite revoke");
    };
    await make();
    expect(await screen.findByText("there are as many open invites as there can be")).toBeTruthy();
    expect(button("Make the link").getAttribute("aria-busy")).toBeNull();
  });

  test("while the daemon goes ends with a sentence, not with waiting", async () => {
    const app = await opened();
    app.shell.handlers["daemon:invite.create"] = () => new Promise(() => {});
    await make();
    expect(button("Make the link").getAttribute("aria-busy")).toBe("true");
    app.lose();
    expect(await screen.findByText(/not connected at the moment/)).toBeTruthy();
    expect(button("Make the link").getAttribute("aria-busy")).toBeNull();
  });
});

describe("the invite that was made", () => {
  test("is shown as link and QR code, copied, and copied as a message in the person's language", async () => {
    await opened();
    await make();
    expect((await screen.findByLabelText<HTMLTextAreaElement>("Invite link")).value).toBe(LINK);
    expect(screen.getByRole("img", { name: /QR code of the invite into .*Studio/ })).toBeTruthy();
    expect(screen.getByText(/Lets 3 computers in/)).toBeTruthy();
    expect(screen.getByText(/Your fingerprint.*aaaa bbbb cccc dddd eeee/)).toBeTruthy();
    expect(
      screen.getByText(/203\.0\.113\.5:42268.*, the public DHT, and the meeting point .*meet\.example/),
    ).toBeTruthy();
    const copy = vi.mocked(navigator.clipboard.writeText).mockResolvedValue();
    await fireEvent.click(button("Copy the link"));
    expect(copy).toHaveBeenLastCalledWith(LINK);
    await fireEvent.click(button("Copy as a message"));
    expect(copy.mock.lastCall![0]).toContain(`\n\n${LINK}\n\n`);
    expect(copy.mock.lastCall![0]).not.toMatch(/[\u2066-\u2069]/);
    await useLanguage("de", []);
    await fireEvent.click(button("Als Nachricht kopieren"));
    expect(copy.mock.lastCall![0]).toMatch(
      /Sie sind in mein Netz „Studio“ eingeladen[^]*castaway:\/\/join\//,
    );
    await useLanguage("en", []);
  });

  test("is forgotten on a click, and nowhere to be found when the screen is opened again", async () => {
    const app = await opened();
    await make();
    await screen.findByLabelText("Invite link");
    expect(screen.getByText(/shown only now/)).toBeTruthy();
    await fireEvent.click(button("Done, forget the link"));
    expect(screen.queryByLabelText("Invite link") === null).toBe(true);
    await make();
    await screen.findByLabelText("Invite link");
    document.body.replaceChildren();
    render(InviteScreen, { model: app.model });
    expect(document.body.innerHTML).not.toContain(LINK);
    expect(JSON.stringify(app.model.state)).not.toContain(LINK);
  });

  test("that leads nowhere says so, and what can be done", async () => {
    const { reach } = fakeSnapshot();
    const app = await opened({
      snapshot: fakeSnapshot({ networks: [busyHost()], reach: { ...reach, portMapping: false, dht: false } }),
    });
    app.shell.handlers["daemon:invite.create"] = () => ({ ...CREATED, endpoints: [], ways: [] });
    await make();
    await screen.findByText(/Nothing leads to this computer/);
    const links = screen.getAllByRole<HTMLAnchorElement>("link").map((link) => link.getAttribute("href"));
    expect(links).toEqual(expect.arrayContaining(["#/settings", "#/doctor"]));
    expect(screen.getByText(/UDP port 42268/)).toBeTruthy();
  });
});

describe("whether an address leads here from elsewhere", () => {
  test.each([
    "203.0.113.5:42268",
    "100.128.0.1:4000",
    "172.32.0.1:4000",
    "192.169.0.1:4000",
    "[2001:db8::1]:4000",
    "home.example:4000",
    "fd-box.example:4000",
  ])("%s does", (endpoint) => expect(leadsFromElsewhere(endpoint)).toBe(true));

  test.each([
    "192.168.1.10:4000",
    "10.0.0.1:4000",
    "172.16.0.1:4000",
    "172.31.255.1:4000",
    "100.64.0.1:4000",
    "100.127.0.1:4000",
    "169.254.1.1:4000",
    "127.0.0.1:4000",
    "[fd12::1]:4000",
    "[fe80::1]:4000",
    "[::1]:4000",
  ])("%s does not", (endpoint) => expect(leadsFromElsewhere(endpoint)).toBe(false));

  test("an invite whose addresses all lead here from the LAN alone says so", async () => {
    const app = await opened();
    app.shell.handlers["daemon:invite.create"] = () => ({
      ...CREATED,
      endpoints: ["192.168.1.10:4810"],
      ways: [],
    });
    await make();
    await screen.findByText(/from the same LAN alone/);
    expect(screen.getByText(/UDP port 42268/)).toBeTruthy();
  });
});

describe("guests who wait", () => {
  test("are let in, or sent away", async () => {
    const app = await opened();
    await fireEvent.click(button(/^Let in: .*Anna's laptop/));
    await waitFor(() => expect(app.model.toasts.list).toHaveLength(1));
    await fireEvent.click(button(/^Send away: .*Anna's laptop/));
    await waitFor(() => expect(app.model.toasts.list).toHaveLength(2));
    expect(app.called("invite.approve")).toEqual([{ request: "member-4" }]);
    expect(app.called("invite.deny")).toEqual([{ request: "member-4" }]);
    expect(app.model.toasts.list.map(({ text }) => text)).toEqual([
      expect.stringContaining("is in."),
      expect.stringContaining("was sent away."),
    ]);
  });

  test("who have gone meanwhile: the daemon's word is shown", async () => {
    const app = await opened();
    app.shell.handlers["daemon:invite.approve"] = () => {
      throw refusal("not-found", 'there is no request "member-4"');
    };
    await fireEvent.click(button(/^Let in/));
    expect(await screen.findByText('there is no request "member-4"')).toBeTruthy();
    expect(app.model.toasts.list).toEqual([]);
  });

  test.each(HOSTILE_NAMES)("called %j are shown as text", async (name) => {
    const host = busyHost();
    await opened({
      snapshot: fakeSnapshot({ networks: [{ ...host, requests: [{ ...host.requests[0]!, name }] }] }),
    });
    const row = screen.getByText(name.replaceAll("\u202E", ""), { selector: "bdi" });
    expect(row.querySelector("*")).toBeNull();
    expect(document.body.textContent).not.toContain("\u202E");
  });
});

describe("the list of invites", () => {
  test("tells of each how it stands, the good ones first", async () => {
    await opened();
    const list = screen.getByRole("region", { name: "Invites so far" });
    const rows = within(list).getAllByRole("listitem");
    expect(rows.map((row) => /Good|Used up|Revoked/.exec(row.textContent)![0])).toEqual([
      "Good",
      "Used up",
      "Revoked",
    ]);
    expect(rows[0]!.textContent).toMatch(/for Anna and her band.*3 of 5 uses left/s);
    expect(rows[1]!.textContent).toMatch(/Invite of .*2026/s);
    expect(within(list).getAllByRole("button", { name: /^Revoke/ })).toHaveLength(1);
  });

  test("an invite is revoked after a yes, not before", async () => {
    const app = await opened();
    await fireEvent.click(button(/^Revoke: /));
    const dialog = screen.getByRole("dialog", { name: "Revoke this invite?" });
    await fireEvent.click(within(dialog).getByRole("button", { name: "Cancel" }));
    expect(app.called("invite.revoke")).toEqual([]);
    await fireEvent.click(button(/^Revoke: /));
    await fireEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Revoke" }));
    expect(app.called("invite.revoke")).toEqual([{ invite: "a1" }]);
    await waitFor(() => expect(screen.queryByRole("dialog") === null).toBe(true));
  });

  test("where that fails, the question stays, with the reason", async () => {
    const app = await opened();
    app.shell.handlers["daemon:invite.revoke"] = () => {
      throw refusal("not-found", 'there is no invite "a1"');
    };
    await fireEvent.click(button(/^Revoke: /));
    await fireEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Revoke" }));
    expect(await within(screen.getByRole("dialog")).findByText('there is no invite "a1"')).toBeTruthy();
  });
});

test("who may only look can press nothing that changes something", async () => {
  const { service } = fakeState();
  await opened({ service: { ...service, access: "read" } });
  for (const name of ["Make the link", /^Let in/, /^Send away/, /^Revoke/])
    expect(button(name)).toHaveProperty("disabled", true);
});

test("a guest is told whose network an invite leads into, a newcomer that it makes one", async () => {
  await opened({ snapshot: fakeSnapshot() });
  expect(screen.getByText(/In .*Home.* this computer is a guest/)).toBeTruthy();
  document.body.replaceChildren();
  await opened({ snapshot: fakeSnapshot({ networks: [] }) });
  expect(screen.getByText(/The first invite makes one/)).toBeTruthy();
});
