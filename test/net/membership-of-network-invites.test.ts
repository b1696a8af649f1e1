import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorBody } from "#contract/errors.ts";
import type { Invite } from "#contract/snapshot.ts";
import { labelledHash } from "#protocol/addressing/network-id.ts";
import { decodeBase32, encodeBase32 } from "#protocol/invite/base32.ts";
import { decodeInvite, encodeInvite, INVITE_SCHEME } from "#protocol/invite/invite-link.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab();
const REFUSED = 5;
const UNUSED_MS = 1_000;

describe.skipIf(missing !== undefined)(`invites${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let away: TestDaemon;
  let away2: TestDaemon;
  let listener: TestDaemon;
  let endpoint: string;
  const links: string[] = [];

  beforeAll(async () => {
    lab = await Lab.create({ away: 2, portForward: PORT });
    await lab.setInboundBlocked6("home", true);
    endpoint = `${lab.homePublic.address4}:${PORT}`;
    [home, away, away2, listener] = (await Promise.all(
      ["home", "away", "away2", "listener"].map((name) => TestDaemon.inLab(lab, name)),
    )) as [TestDaemon, TestDaemon, TestDaemon, TestDaemon];
  });
  afterAll(async () => lab?.dispose());

  async function invite(...words: readonly string[]): Promise<{ link: string; id: string }> {
    const created = (await home.invite(endpoint, ...words)) as unknown as { link: string; invite: Invite };
    links.push(created.link);
    return { link: created.link, id: created.invite.id };
  }

  const inviteState = async (id: string): Promise<Invite | undefined> =>
    (await home.json<{ invites: Invite[] }>("invite", "list")).invites.find((one) => one.id === id);

  /** A join that has to fail, as people and as scripts are told. */
  async function failure(
    guest: TestDaemon,
    link: string,
  ): Promise<ErrorBody & { readonly exitCode: number }> {
    const { code, stdout, stderr } = await guest.castaway("join", link, "--json");
    expect(code, stdout).not.toBe(0);
    const { error } = JSON.parse(stderr) as { error: ErrorBody & { exitCode: number } };
    expect(error.exitCode).toBe(code);
    const before = await guest.status();
    expect(before.networks.filter(({ role, state }) => role === "guest" && state === "connected")).toEqual(
      [],
    );
    return error;
  }

  /** The link of a later version: another first byte, and a checksum that is right. */
  function asOfVersion(link: string, version: number): string {
    const body = decodeBase32(link.slice(INVITE_SCHEME.length))!.slice(0, -4);
    body[0] = version;
    const sum = labelledHash("castaway invite", body).subarray(0, 4);
    return INVITE_SCHEME + encodeBase32(new Uint8Array([...body, ...sum])).toLowerCase();
  }

  describe("say what is wrong with them", () => {
    let good: { link: string; id: string };

    beforeAll(async () => {
      good = await invite();
    });

    test.each([
      [
        "one letter is another one",
        (link: string) => link.replace(/(.{30})(.)/, (_, head, c) => head + (c === "a" ? "b" : "a")),
      ],
      ["the end is missing", (link: string) => link.slice(0, -9)],
      ["it is no invite at all", () => "https://example.org/castaway"],
    ])("damaged: %s", async (_, damage) => {
      const error = await failure(away, damage(good.link));
      expect(error).toMatchObject({ code: "invite-damaged", exitCode: REFUSED });
      expect(error.message).toMatch(/Copy the whole link/);
    });

    test("made by a newer version", async () => {
      const error = await failure(away, asOfVersion(good.link, 2));
      expect(error).toMatchObject({ code: "invite-too-new", exitCode: REFUSED });
      expect(error.message).toMatch(/Update Castaway/);
      expect(asOfVersion(good.link, 1)).toBe(good.link);
    });

    test("expired, by the date in it", async () => {
      const old = encodeInvite({ ...decodeInvite(good.link, Date.now()), expiresAt: 1_600_000_000_000 });
      const error = await failure(away, old);
      expect(error).toMatchObject({ code: "invite-expired", exitCode: REFUSED });
      expect(error.message).toContain("2020-09-13");
    });

    test("revoked", async () => {
      const { link, id } = await invite();
      await home.json("invite", "revoke", id);
      expect(await failure(away, link)).toMatchObject({ code: "invite-revoked", exitCode: REFUSED });
      expect(await inviteState(id)).toMatchObject({ state: "revoked", usesLeft: 1 });
    });

    test("of this computer's own network", async () => {
      const { code, stderr } = await home.castaway("join", good.link);
      expect(code).toBe(REFUSED);
      expect(stderr).toMatch(/the network of this computer itself/);
    });

    test("all of this has used nothing up", async () => {
      expect(await inviteState(good.id)).toMatchObject({ state: "open", usesLeft: 1 });
    });
  });

  test("two uses serve two computers, no third one, and a retry uses no second one", async () => {
    const { link, id } = await invite("--uses", "2");
    const first = await away.join(link);
    expect((await inviteState(id))!.usesLeft).toBe(1);
    // As after an answer that was lost: the same computer once more, and after it has left.
    expect((await away.join(link)).addresses).toEqual(first.addresses);
    await away.json("leave");
    expect((await away.join(link)).addresses).toEqual(first.addresses);
    expect((await inviteState(id))!.usesLeft).toBe(1);
    await away2.join(link);
    expect(await inviteState(id)).toMatchObject({ state: "used-up", usesLeft: 0 });
    expect(await failure(listener, link)).toMatchObject({ code: "invite-used-up", exitCode: REFUSED });
    // Used up by it: it may come back with it all the same.
    expect((await away.join(link)).addresses).toEqual(first.addresses);
    const { networks } = await home.status();
    expect(networks[0]!.members).toHaveLength(3);
  });

  test("expired, by the host's clock alone", async () => {
    const { link, id } = await invite("--uses", "5");
    await home.kill("SIGTERM");
    const file = join(home.folder, "state", "state.json");
    const state = JSON.parse(readFileSync(file, "utf8")) as {
      value: {
        hosted: { invites: { invites: { createdAt: number; expiresAt: number; usedBy: string[] }[] } };
      };
    };
    const newest = state.value.hosted.invites.invites.at(-1)!;
    newest.expiresAt = newest.createdAt + UNUSED_MS;
    writeFileSync(file, JSON.stringify(state, undefined, 2));
    await home.restart();
    expect(await failure(listener, link)).toMatchObject({ code: "invite-expired", exitCode: REFUSED });
    expect(await inviteState(id)).toMatchObject({ state: "expired", usesLeft: 5 });
  });

  describe("with approval", () => {
    const GROUP = "239.13.1.1";

    test("a guest waits, is listed, and carries nothing", async () => {
      const { link } = await invite("--approve");
      const { code, stderr } = await listener.castaway("join", link);
      expect(code).toBe(REFUSED);
      expect(stderr).toMatch(/has to approve this computer first/);
      const waiting = await listener.until("it waits", ({ networks }) => networks[0]?.state === "attention");
      expect(waiting.networks[0]!.ownAddresses).toEqual([]);
      const { networks } = await home.status();
      expect(networks[0]!.requests).toHaveLength(1);
      expect(networks[0]!.requests[0]!.endpoint).toContain(lab.host("listener").address4);
      expect(networks[0]!.members).toHaveLength(3);
      const waits = await startReceiver(lab.host("listener"), { group: GROUP, interface: "castaway0" });
      const member = await startReceiver(lab.host("away2"), { group: GROUP, count: 100 });
      const sender = await startSender(lab.host("away"), { group: GROUP, rate: 100 });
      expect((await member.finished()).received).toBe(100);
      await sender.stop();
      expect((await waits.stop()).datagrams).toBe(0);
    });

    test("the host says yes: it is in by itself, and streams pass", async () => {
      const { networks } = await home.status();
      await home.json("invite", "approve", networks[0]!.requests[0]!.id);
      await listener.until("connected", (snapshot) => snapshot.networks[0]?.state === "connected");
      const receiver = await startReceiver(lab.host("away"), { group: GROUP });
      const sender = await startSender(lab.host("listener"), {
        group: GROUP,
        interface: "castaway0",
        rate: 100,
      });
      await receiver.first(20_000);
      await sender.stop();
      expect((await receiver.stop()).duplicates).toBe(0);
      expect((await home.status()).networks[0]!.requests).toEqual([]);
    });

    test("the host says no: it is out", async () => {
      await listener.json("leave");
      const member = (await home.status()).networks[0]!.members.find(({ number }) => number === 4)!;
      await home.json("members", "remove", String(member.number));
      const { link } = await invite("--approve");
      await listener.castaway("join", link);
      const { networks } = await home.until(
        "a request",
        (snapshot) => snapshot.networks[0]!.requests.length > 0,
      );
      await home.json("invite", "deny", networks[0]!.requests[0]!.id);
      await listener.until("refused", (snapshot) => snapshot.networks[0]?.state === "refused");
      expect((await home.status()).networks[0]!.requests).toEqual([]);
    });
  });

  test("no secret of an invite is in a log, a snapshot, a dump or a list", async () => {
    const shown = await Promise.all([
      ...["status", "dump", "logs"].map(async (word) => (await home.castaway(word, "--json")).stdout),
      home.castaway("invite", "list", "--json").then(({ stdout }) => stdout),
      ...["status", "dump", "logs"].map(async (word) => (await away.castaway(word, "--json")).stdout),
    ]);
    const everything = [...shown, home.output, away.output, listener.output].join("\n");
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) {
      const { secret } = decodeInvite(link, 0);
      for (const text of [link, secret.toHex(), secret.toBase64(), encodeBase32(secret).toLowerCase()])
        expect(everything.toLowerCase()).not.toContain(text.toLowerCase());
    }
  });
});
