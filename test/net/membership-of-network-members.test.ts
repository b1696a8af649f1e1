import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Member, Network } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab("ping");
const RATE = 500;

describe.skipIf(missing !== undefined)(`members of a network${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let away: TestDaemon;
  let away2: TestDaemon;
  let endpoint: string;
  let firstLink: string;

  beforeAll(async () => {
    lab = await Lab.create({ away: 2, portForward: PORT });
    await lab.setInboundBlocked6("home", true);
    endpoint = `${lab.homePublic.address4}:${PORT}`;
    home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
    away = await TestDaemon.inLab(lab, "away");
    away2 = await TestDaemon.inLab(lab, "away2");
    firstLink = (await home.invite(endpoint, "--uses", "5")).link;
    await away.json("join", firstLink, "--name", "Anna");
    await away2.json("join", firstLink, "--name", "Bert");
  });
  afterAll(async () => lab?.dispose());

  const membersOf = async (daemon: TestDaemon): Promise<Member[]> =>
    (await daemon.json<{ members: Member[] }>("members", "list")).members;
  const named = (network: Network | undefined, name: string): Member | undefined =>
    network?.members.find((member) => member.name === name);

  test("are listed by the host and by each other, by name, number, role and address", async () => {
    for (const daemon of [home, away, away2]) {
      const snapshot = await daemon.until("all three are online", ({ networks }) => {
        const members = networks[0]?.members ?? [];
        return members.length === 3 && members.every((member) => member.online);
      });
      const { members } = snapshot.networks[0]!;
      expect(members.map(({ number }) => number)).toEqual([1, 2, 3]);
      expect(members.map(({ role }) => role)).toEqual(["host", "guest", "guest"]);
      expect(members.slice(1).map(({ name }) => name)).toEqual(["Anna", "Bert"]);
      expect(members.filter(({ self }) => self)).toHaveLength(1);
      expect(new Set(members.flatMap(({ addresses }) => addresses)).size).toBe(6);
    }
    expect(await membersOf(away)).toHaveLength(3);
  });

  test("are renamed, and everybody calls them so", async () => {
    await home.json("members", "rename", "Anna", "Anna's laptop");
    for (const daemon of [home, away, away2])
      await daemon.until("the new name", ({ networks }) => named(networks[0], "Anna's laptop")?.number === 2);
    const { code, stderr } = await home.castaway("members", "rename", "3", "Anna's laptop");
    expect(code).toBe(1);
    expect(stderr).toMatch(/another member has that name/);
    expect((await home.castaway("members", "rename", "9", "Nobody")).code).toBe(1);
    // A guest names nobody.
    expect((await away.castaway("members", "rename", "3", "Mallory")).code).toBe(1);
    expect(named((await home.status()).networks[0], "Bert")).toBeDefined();
  });

  describe("are removed", () => {
    const DOWN = "239.14.1.1";
    const UP = "239.14.1.2";
    let before: Member;

    beforeAll(async () => {
      before = named((await home.status()).networks[0], "Anna's laptop")!;
    });

    test("and are out at once: no packet more in either direction", async () => {
      const down = await startReceiver(lab.host("away"), { group: DOWN });
      const others = await startReceiver(lab.host("away2"), { group: DOWN });
      const up = await startReceiver(lab.host("listener"), { group: UP });
      const senders = [
        await startSender(lab.host("source"), { group: DOWN, interface: "lan", rate: RATE }),
        await startSender(lab.host("away"), { group: UP, interface: "castaway0", rate: RATE }),
      ];
      await Promise.all([down, others, up].map((receiver) => receiver.first()));
      await home.json("members", "remove", "2");
      // The command has just returned. What was under way arrives within the time that a report takes.
      const [atDown, atUp] = [await down.report(), await up.report()];
      const atOthers = await others.report();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const [after, afterUp, afterOthers] = [await down.stop(), await up.stop(), await others.stop()];
      await Promise.all(senders.map((sender) => sender.stop()));
      expect(after.received).toBe(atDown.received);
      expect(afterUp.received).toBe(atUp.received);
      // The others notice nothing.
      expect(afterOthers.received - atOthers.received).toBeGreaterThan(RATE / 2);
      expect(afterOthers.lost).toBe(0);
    });

    test("which they and all others are told", async () => {
      await away.until("refused", ({ networks }) => networks[0]?.state === "refused");
      const { networks } = await away.status();
      expect(networks[0]!.detail).toMatch(/removed/);
      const list = await lab
        .host("away")
        .exec("ip", ["-o", "addr", "show", "dev", "castaway0", "scope", "global"]);
      expect(list.stdout).toBe("");
      for (const daemon of [home, away2])
        await daemon.until("two are left", (snapshot) => snapshot.networks[0]!.members.length === 2);
    });

    test("and their addresses answer nobody", async () => {
      for (const address of before.addresses) {
        const ping = await lab
          .host("away2")
          .exec("ping", ["-c", "2", "-i", "0.2", "-W", "1", address], { anyExit: true });
        expect(ping.stdout).toMatch(/100% packet loss/);
      }
    });

    test("and do not come back: not with the old invite, though it has uses left, nor by starting again", async () => {
      await away.restart();
      await away.until("refused again", ({ networks }) => networks[0]?.state === "refused");
      const { code, stderr } = await away.castaway("join", firstLink);
      expect(code).toBe(5);
      expect(stderr).toMatch(/removed this computer|revoked/);
      expect((await home.status()).networks[0]!.members).toHaveLength(2);
    });

    test("but with a new invite, with the addresses that they had, also across restarts of the host", async () => {
      const fresh = await home.invite(endpoint);
      const { addresses } = await away.join(fresh.link);
      expect([...addresses].sort()).toEqual([...before.addresses].sort());
      await home.restart();
      for (const guest of [away, away2])
        await guest.until("connected again", ({ networks }) => networks[0]?.state === "connected");
      const member = (await home.status()).networks[0]!.members.find(({ number }) => number === 2)!;
      expect([...member.addresses].sort()).toEqual([...before.addresses].sort());
      const ping = await lab
        .host("away2")
        .exec("ping", ["-c", "3", "-i", "0.2", "-W", "2", before.addresses[0]!]);
      expect(ping.stdout).toMatch(/ 0% packet loss/);
    });

    test("which ends their invite, but not those who joined with it too: they come back after any restart", async () => {
      const { networks } = await home.status();
      expect(networks[0]!.invites[0]).toMatchObject({ state: "revoked" });
      await home.restart();
      await away2.until("connected again", (snapshot) => snapshot.networks[0]?.state === "connected");
      await away2.restart();
      await away2.until("connected again", (snapshot) => snapshot.networks[0]?.state === "connected");
    });

    test("nobody else ever gets their addresses", async () => {
      await home.json("members", "remove", "2");
      const listener = await TestDaemon.inLab(lab, "listener");
      const { addresses } = await listener.join((await home.invite(endpoint)).link);
      expect(addresses.filter((address) => before.addresses.includes(address))).toEqual([]);
      expect((await membersOf(home)).map(({ number }) => number)).toEqual([1, 3, 4]);
    });

    test("never the host itself", async () => {
      const { code, stderr } = await home.castaway("members", "remove", "1");
      expect(code).toBe(1);
      expect(stderr).toMatch(/the host itself/);
    });
  });
});
