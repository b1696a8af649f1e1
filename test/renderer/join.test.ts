import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { ERROR_CODES, type ErrorCode } from "#contract/errors.ts";
import type { PendingInvite } from "#main/contract/state.ts";
import JoinScreen from "#renderer/screens/join/JoinScreen.svelte";
import { joinProblem } from "#renderer/screens/join/join-problem.ts";
import { readPicture } from "#renderer/screens/join/read-picture.ts";
import { fakeNetwork, fakeSnapshot, fakeState } from "#test/support/app/fake-state.ts";
import { type FakeApp, fakeApp, HOSTILE_NAMES, refusal } from "./fake-app.ts";

vi.mock(import("#renderer/screens/join/read-picture.ts"), async (original) => ({
  ...(await original()),
  readPicture: vi.fn(),
}));

const INVITE: PendingInvite = {
  link: "castaway://join/aebagbaf",
  networkName: "Beach house",
  fingerprint: "K7QM 2F5D 9XAH",
  expiresAt: Date.UTC(2026, 5, 8, 20, 15),
  expired: false,
  endpoints: ["203.0.113.5:42268"],
  ways: ["the DHT"],
  known: false,
};

/** As the shell does it: the link is read, and becomes the pending one. */
function shellTakes({ shell }: FakeApp, invite: PendingInvite = INVITE): void {
  shell.handlers["invite.open"] = () => {
    shell.change({ pendingInvite: invite });
    return invite;
  };
  shell.handlers["invite.dismiss"] = () => {
    shell.change({ pendingInvite: null });
    return {};
  };
}

async function opened(changes: Parameters<typeof fakeApp>[0] = {}): Promise<FakeApp> {
  const app = await fakeApp(changes);
  shellTakes(app);
  render(JoinScreen, { model: app.model });
  return app;
}

const button = (name: string | RegExp) => screen.getByRole("button", { name });

beforeEach(() => vi.mocked(readPicture).mockReset());

describe("a link", () => {
  test("that is pasted into the field is shown before anything happens, and joined on a click", async () => {
    const app = await opened();
    app.shell.handlers["daemon:join"] = () => ({
      networkId: "n9",
      networkName: "Beach house",
      addresses: ["fd12::2", "100.72.0.2"],
    });
    const field = screen.getByLabelText("Paste the link or the whole message");
    await fireEvent.input(field, { target: { value: `come in: ${INVITE.link}` } });
    await fireEvent.click(button("Look at it"));
    const heading = await screen.findByRole("heading", { name: /Do you want to join .*Beach house/ });
    expect(document.activeElement === heading).toBe(true); // the button that had the focus is gone
    for (const text of ["K7QM 2F5D 9XAH", "203.0.113.5:42268", "the public DHT"])
      expect(screen.getByText(text)).toBeTruthy();
    expect(app.called("join")).toEqual([]);

    await fireEvent.input(screen.getByLabelText("What the others call this computer"), {
      target: { value: "  Anna's laptop " },
    });
    await fireEvent.click(button("Join"));
    const joined = await screen.findByRole("heading", { name: /You are in .*Beach house/ });
    expect(document.activeElement === joined).toBe(true);
    expect(app.called("join")).toEqual([{ link: INVITE.link, name: "Anna's laptop" }]);
    expect(screen.getByText(/fd12::2/)).toBeTruthy();
    await waitFor(() => expect(app.shell.state.pendingInvite).toBeNull());
  });

  test("that the system handed over asks by itself, and connects nothing by itself", async () => {
    const app = await opened();
    app.shell.change({ pendingInvite: INVITE });
    await screen.findByRole("heading", { name: /Do you want to join/ });
    expect(app.shell.calls.filter(({ call }) => call === "daemon")).toEqual([]);
    expect(screen.getByLabelText<HTMLInputElement>("What the others call this computer").value).toBe(
      "laptop",
    );
  });

  test("can be put away", async () => {
    const app = await opened({ pendingInvite: INVITE });
    await fireEvent.click(button("Not now"));
    await screen.findByRole("button", { name: "Look at it" });
    expect(app.shell.state.pendingInvite).toBeNull();
  });

  test("is taken from a drop and from a paste anywhere on the screen", async () => {
    for (const type of ["drop", "paste"] as const) {
      const app = await opened();
      const data = { files: [], getData: () => INVITE.link };
      const event = new Event(type, { bubbles: true, cancelable: true });
      Object.assign(event, { dataTransfer: data, clipboardData: data });
      document.body.dispatchEvent(event);
      await screen.findByRole("heading", { name: /Do you want to join/ });
      expect(event.defaultPrevented).toBe(true); // the page does not go to what is dropped
      expect(app.shell.calls.at(-1)).toEqual({ call: "invite.open", params: { text: INVITE.link } });
      document.body.replaceChildren();
    }
  });

  test("nothing, and far too much, do not even reach the shell", async () => {
    const app = await opened();
    await fireEvent.click(button("Look at it"));
    expect(screen.getByText(/There is no link in it yet/)).toBeTruthy();
    const field = screen.getByLabelText("Paste the link or the whole message");
    await fireEvent.input(field, { target: { value: "x".repeat(10_000_000) } });
    await fireEvent.click(button("Look at it"));
    expect(screen.getByText(/far too long/)).toBeTruthy();
    expect(app.shell.calls.map(({ call }) => call)).toEqual(["watch"]);
  });

  test("that the shell refuses says why, in its words too", async () => {
    const app = await opened();
    app.shell.handlers["invite.open"] = () => {
      throw refusal("bad-request", "This is a link of another kind (javascript:), not an invite.");
    };
    const field = screen.getByLabelText("Paste the link or the whole message");
    await fireEvent.input(field, { target: { value: "javascript:alert(1)" } });
    await fireEvent.click(button("Look at it"));
    await screen.findByText(/There is no invite in this/);
    expect(screen.getByText(/link of another kind/)).toBeTruthy();
  });

  test("that has expired cannot be joined", async () => {
    await opened({ pendingInvite: { ...INVITE, expired: true } });
    expect(screen.getByText(/^Expired on/)).toBeTruthy();
    expect(button("Join")).toHaveProperty("disabled", true);
  });

  test.each(HOSTILE_NAMES)("of a network that is called %j shows the name as text", async (networkName) => {
    await opened({ pendingInvite: { ...INVITE, networkName } });
    const heading = screen.getByRole("heading", { name: /Do you want to join/ });
    expect(document.querySelector("img")).toBeNull();
    expect(heading.textContent).not.toMatch(/[\u202A-\u202E]/);
    if (!networkName.startsWith("\u202E")) expect(heading.textContent).toContain(networkName);
  });
});

describe("a picture", () => {
  const choose = (file: File) =>
    fireEvent.change(document.querySelector('input[type="file"]')!, { target: { files: [file] } });
  const PICTURE = new File(["pixels"], "code.png", { type: "image/png" });

  test("of a QR code is a link like any other", async () => {
    const app = await opened();
    vi.mocked(readPicture).mockResolvedValue({ ok: true, text: INVITE.link.toUpperCase() });
    await choose(PICTURE);
    await screen.findByRole("heading", { name: /Do you want to join/ });
    expect(app.shell.calls.at(-1)?.params).toEqual({ text: INVITE.link.toUpperCase() });
  });

  test.each([
    ["no-code", /There is no QR code in this picture/],
    ["not-a-picture", /no picture that could be opened/],
    ["too-large", /larger than 30 MB/],
  ] as const)("%s: a sentence says so", async (fault, sentence) => {
    await opened();
    vi.mocked(readPicture).mockResolvedValue({ ok: false, fault });
    await choose(PICTURE);
    expect(await screen.findByText(sentence)).toBeTruthy();
  });
});

describe("when joining fails", () => {
  const CASES: [ErrorCode, RegExp, again: boolean][] = [
    ["invite-damaged", /is damaged/, false],
    ["invite-expired", /has expired/, false],
    ["invite-used-up", /as often as it may be/, false],
    ["invite-revoked", /has revoked/, false],
    ["invite-too-new", /newer Castaway/, true],
    ["refused", /The host said no/, false],
    ["approval-pending", /its host has to say yes/, false],
    ["unreachable", /does not answer/, true],
    ["timeout", /no answer in time/, true],
    ["permission-denied", /may look/, true],
    ["conflict", /cannot be done now/, true],
    ["disconnected", /broke off/, true],
    ["internal", /did not work/, true],
  ];

  test.each(CASES)("%s: what happened, and what to do next", async (code, sentence, again) => {
    const app = await opened({ pendingInvite: INVITE });
    app.shell.handlers["daemon:join"] = () => {
      throw refusal(code);
    };
    await fireEvent.click(button("Join"));
    const what = await screen.findByText(sentence);
    expect(what.nextElementSibling?.textContent).toMatch(/\w{3}.*\./);
    expect(screen.queryByRole("button", { name: "Try again" }) !== null).toBe(again);
    // A link that is worth nothing any more is forgotten; another is kept for the next try.
    await waitFor(() => expect(app.shell.state.pendingInvite === null).toBe(!again));
    if (!again) return;
    await fireEvent.click(button("Try again"));
    await screen.findByRole("heading", { name: /Do you want to join/ });
  });

  test("each code has words, and different failures have different ones", () => {
    for (const code of ERROR_CODES) expect(joinProblem({ code }).what).toMatch(/^join:problem/);
    expect(new Set(CASES.map(([code]) => joinProblem({ code }).what)).size).toBe(CASES.length);
  });

  test("because the daemon goes in the middle of it: no waiting without end", async () => {
    const app = await opened({ pendingInvite: INVITE });
    app.shell.handlers["daemon:join"] = () => new Promise(() => {});
    await fireEvent.click(button("Join"));
    expect(await screen.findByText(/Calling .*Beach house/)).toBeTruthy();
    expect(button("Join").getAttribute("aria-busy")).toBe("true");
    app.lose();
    await screen.findByText(/broke off/);
  });

  test("waiting for the host's yes ends by itself", async () => {
    const app = await opened({ pendingInvite: INVITE });
    const asked = fakeNetwork({ id: "n9", name: "Beach house", state: "attention", ownAddresses: [] });
    app.shell.handlers["daemon:join"] = () => {
      app.shell.change({ snapshot: { networks: [asked] } });
      throw refusal("approval-pending");
    };
    await fireEvent.click(button("Join"));
    await screen.findByText(/its host has to say yes/);
    app.shell.change({
      snapshot: { networks: [{ ...asked, state: "connected", ownAddresses: ["fd12::7"] }] },
    });
    await screen.findByRole("heading", { name: /You are in .*Beach house/ });
    expect(screen.getByText(/fd12::7/)).toBeTruthy();
  });
});

test("who may only look sees whose invite it is, and cannot join", async () => {
  const { service } = fakeState();
  await opened({ pendingInvite: INVITE, service: { ...service, access: "read" } });
  expect(screen.getByText("K7QM 2F5D 9XAH")).toBeTruthy();
  expect(button("Join")).toHaveProperty("disabled", true);
});

test("without a service there is nothing to join with, and no form that could not work", async () => {
  await opened({ snapshot: null });
  expect(screen.queryByRole("textbox") === null).toBe(true);
});

test("another link takes the place of an outcome", async () => {
  const app = await opened({ pendingInvite: INVITE, snapshot: fakeSnapshot() });
  app.shell.handlers["daemon:join"] = () => {
    throw refusal("unreachable");
  };
  await fireEvent.click(button("Join"));
  await screen.findByText(/does not answer/);
  app.shell.change({ pendingInvite: { ...INVITE, link: "castaway://join/other", networkName: "Attic" } });
  const heading = await screen.findByRole("heading", { name: /Do you want to join .*Attic/ });
  expect(within(heading).queryByText("Beach house")).toBeNull();
});
