// Castaway without privileges: two ends behind NATs, run by "nobody", carry chosen groups by plain sockets.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check, Snapshot, Vif } from "#contract/snapshot.ts";
import { parseCapabilities } from "#edge/linux/capabilities.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { NOBODY, asNobody } from "#test/support/ordinary-user.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { VideoReceiver, sendVideo } from "#test/support/traffic/ffmpeg.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import type { ReceiveReport, Receiver } from "#test/support/traffic/mcast.ts";
import { bridgeForwards } from "./streams-scene.ts";

const PORT = 42290;
const missing = missingForLab("setpriv", "ffmpeg");
const SOURCE4 = "192.168.1.20";
const SOURCE6 = "2001:db8:1:1::20";
const COUNT = 300;
const STREAM = { count: COUNT, rate: 300, interface: "lan" };

/** The groups that both ends carry; in those with a source that of the home's source host alone. */
const GROUPS = {
  "IPv4 any-source": "239.7.7.1:5004",
  "IPv4 source-specific": `232.7.7.1:5004@${SOURCE4}`,
  "IPv6 any-source": "[ff1e::7:1]:5004",
  "IPv6 source-specific": `[ff3e::8000:7]:5004@${SOURCE6}`,
} as const;
const HOME_ONLY = "239.7.7.1:5005"; // at home one port more
const VIDEO = "239.7.7.2:5004";

let lab: Lab;
let home: TestDaemon;
let away: TestDaemon;

async function start(name: string, interfaceName: string, groups: readonly string[]): Promise<TestDaemon> {
  const daemon = await TestDaemon.start(asNobody(lab.host(name)), {
    port: PORT,
    uid: NOBODY,
    args: groups.flatMap((group) => ["--socket-vif", `${group}%${interfaceName}`]),
  });
  lab.beforeDispose(() => daemon.dispose());
  return daemon;
}

beforeAll(async () => {
  if (missing) return;
  lab = await Lab.create({ portForward: PORT, neighbours: true });
  const shared = [...Object.values(GROUPS), VIDEO];
  [home, away] = await Promise.all([
    start("home", "lan", [...shared, HOME_ONLY]),
    start("away", "wan", shared),
  ]);
  const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
  await away.join(link);
  await away.until("connected", connected);
  // The host knows what the guest wants when the first membership message has come.
  for (const daemon of [home, away])
    await daemon.until("all groups wanted by both", ({ groups }) =>
      Object.values(GROUPS).every((choice) =>
        groups.some(({ group, listeners }) => choice.includes(group) && listeners.length === 2),
      ),
    );
}, 90_000);
afterAll(() => lab?.dispose());

function connected({ networks }: Snapshot): boolean {
  return networks.some(({ state, ownAddresses }) => state === "connected" && ownAddresses.length > 0);
}

async function socketVif(daemon: TestDaemon): Promise<Vif> {
  return (await daemon.status()).vifs.find(({ kind }) => kind === "socket")!;
}

/** All of one run, at each receiver, once and in order. */
async function expectAll(receivers: readonly Receiver[], from: string): Promise<ReceiveReport[]> {
  const reports = await Promise.all(receivers.map((receiver) => receiver.finished()));
  for (const report of reports)
    expect(report).toMatchObject({
      received: COUNT,
      duplicates: 0,
      corrupt: 0,
      reordered: 0,
      first_seq: 0,
      last_seq: COUNT - 1,
      sources: { [from]: COUNT },
    });
  return reports;
}

describe.skipIf(missing)(`socket vifs, run by nobody${missing ? ` (${missing})` : ""}`, () => {
  let run = 1;

  describe.each(Object.entries(GROUPS))("%s", (_name, choice) => {
    const [group, source] = choice.split("@") as [string, string | undefined];
    const address = (host: string): string => lab.host(host)[group.startsWith("[") ? "address6" : "address4"];

    test("what a LAN host sends at home reaches a program on the laptop and one on the LAN beside it", async () => {
      const from = address("away"); // a foreign source address cannot be kept
      const options = { group, run: ++run, count: COUNT, seconds: 30, sources: source ? [from] : [] };
      const receivers = [
        await startReceiver(lab.host("away"), { ...options, interface: "wan" }),
        await startReceiver(lab.host("neighbour"), { ...options, interface: "lan" }),
      ];
      const before = await Promise.all([socketVif(home), socketVif(away)]);
      const sender = await startSender(lab.host("source"), { ...STREAM, group, run });
      const reports = await expectAll(receivers, from);
      await sender.finished();
      // TTL 64 where the datagram was taken, less one there and one at the other end.
      for (const { ttls } of reports) expect(ttls).toEqual([62]);
      const after = await Promise.all([socketVif(home), socketVif(away)]);
      const counted = after.map(({ traffic }, i) => [
        traffic.rxPackets - before[i]!.traffic.rxPackets,
        traffic.txPackets - before[i]!.traffic.txPackets,
      ]);
      expect(counted, "neither end takes in what it sent itself").toEqual([
        [COUNT, 0],
        [0, COUNT],
      ]);
    });

    test("8,000 bytes in one datagram", async () => {
      const options = { group, run: ++run, interface: "lan", count: 50 };
      // While the LAN's bridge asks whether the receiver before it really left, a new one may miss a datagram.
      await expect
        .poll(() => bridgeForwards(lab.host("away-router"), "p-neighbour"), { timeout: 10_000 })
        .not.toContain(group.replace(/^\[?([\da-f:.]+?)\]?:\d+$/, "$1"));
      const receiver = await startReceiver(lab.host("neighbour"), { ...options, seconds: 30 });
      // A plain socket's buffer holds fifteen of them: so many that a daemon may rest for half a second.
      const sender = await startSender(lab.host("source"), { ...options, size: 8000, rate: 25 });
      expect(await receiver.finished()).toMatchObject({
        received: 50,
        first_seq: 0,
        last_seq: 49,
        duplicates: 0,
        corrupt: 0,
        bytes: 50 * 8000,
      });
      await sender.finished();
    });
  });

  describe.each([["IPv4 any-source"], ["IPv6 any-source"]] as const)("%s", (name) => {
    const group = GROUPS[name];
    const address = (host: string): string => lab.host(host)[group.startsWith("[") ? "address6" : "address4"];

    test("the other way round", async () => {
      const options = { group, run: ++run, count: COUNT, seconds: 30, interface: "lan" };
      const receivers = [
        await startReceiver(lab.host("home"), options),
        await startReceiver(lab.host("listener"), options),
      ];
      const sender = await startSender(lab.host("neighbour"), { ...STREAM, group, run });
      await expectAll(receivers, address("home"));
      await sender.finished();
    });

    test("a program on the machine itself is a source like others", async () => {
      const options = { group, run: ++run, count: COUNT, seconds: 30, interface: "lan" };
      const receivers = [await startReceiver(lab.host("neighbour"), options)];
      const sender = await startSender(lab.host("home"), { ...STREAM, group, run });
      await expectAll(receivers, address("away"));
      await sender.finished();
    });
  });

  test.each([["IPv4 source-specific"], ["IPv6 source-specific"]] as const)(
    "%s: another source of the group is not carried",
    async (name) => {
      const [group = ""] = GROUPS[name].split("@");
      const options = { group, run: ++run, interface: "lan" };
      const receiver = await startReceiver(lab.host("neighbour"), options);
      const stranger = await startSender(lab.host("listener"), { ...options, count: 50, size: 500 });
      await stranger.finished();
      const wanted = await startSender(lab.host("source"), { ...options, count: 20, size: 700 });
      await wanted.finished();
      const until = performance.now() + 10_000;
      while ((await receiver.report()).datagrams < 20 && performance.now() < until);
      expect(await receiver.stop()).toMatchObject({ datagrams: 20, bytes: 20 * 700 });
    },
  );

  test("a television stream by ffmpeg: sent on the home LAN, decoded beside the laptop", async () => {
    const source = lab.host("source");
    const sender = sendVideo(source, { group: VIDEO, localAddress: source.address4 });
    const neighbour = lab.host("neighbour");
    const player = new VideoReceiver(neighbour, { group: VIDEO, localAddress: neighbour.address4 });
    await player.until(25, 30_000);
    await Promise.all([player.child.stop("SIGINT"), sender.stop("SIGINT")]);
  });

  test("a port that the other end did not choose ends there, and is counted", async () => {
    const before = (await socketVif(away)).drops["other-port"] ?? 0;
    const options = { group: HOME_ONLY, run: ++run, interface: "lan" };
    const receiver = await startReceiver(lab.host("neighbour"), options);
    await (await startSender(lab.host("source"), { ...options, count: 40 })).finished();
    await away.until("all counted", ({ vifs }) =>
      vifs.some(({ kind, drops }) => kind === "socket" && (drops["other-port"] ?? 0) === before + 40),
    );
    expect((await receiver.stop()).datagrams).toBe(0);
  });

  test("the daemon has no capability, no TUN and no LAN, and the doctor says what is missing", async () => {
    for (const daemon of [home, away]) {
      const status = readFileSync(`/proc/${daemon.pid}/status`, "utf8");
      expect(parseCapabilities(status)).toMatchObject({ permitted: 0n, effective: 0n });
      expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe(String(NOBODY));
      const snapshot = await daemon.status();
      expect(snapshot.daemon.tun).toBeNull();
      expect(snapshot.lans.every(({ mode }) => mode === "off")).toBe(true);
      // For sources with public addresses a relay may be looked for, which takes no device either.
      const kinds = snapshot.vifs.map(({ kind }) => kind).filter((kind) => kind !== "amt-gateway");
      expect(kinds.sort()).toEqual(["peer", "socket"]);
    }
    const links = await lab.host("away").exec("ip", ["-o", "link"]);
    expect(links.stdout).not.toMatch(/^\d+: castaway/m);
    const { checks } = await away.json<{ checks: Check[] }>("doctor");
    expect(checks.find(({ name }) => name === "privileges")).toMatchObject({ status: "warn" });
    expect(checks.find(({ name }) => name === "privileges")?.message).toMatch(/LAN/);
    expect(checks.filter(({ status }) => status === "fail")).toEqual([]);
    expect(checks.find(({ name }) => name === "socket-wan")?.message).toContain("239.7.7.1:5004");
  });

  test("without a socket vif there is a clear end that names both ways out", async () => {
    const { code, stderr } = await away.castaway("daemon", "--state", `${away.folder}/other`);
    expect(code).toBe(4);
    expect(stderr).toMatch(/privileges/);
    expect(stderr).toMatch(/sudo castaway daemon/);
    expect(stderr).toMatch(/--socket-vif/);
  });

  test("an interface that goes and comes back is followed", async () => {
    const host = lab.host("away");
    await host.exec("ip", ["addr", "del", `${host.address4}/24`, "dev", "wan"]);
    await away.until("the vif has failed", ({ vifs }) =>
      vifs.some(
        ({ kind, state, detail }) => kind === "socket" && state === "failed" && detail.includes("wan"),
      ),
    );
    await host.exec("ip", ["addr", "add", `${host.address4}/24`, "dev", "wan"]);
    await host.exec("ip", ["route", "replace", "default", "via", "10.1.0.1"]);
    await away.until("the vif is up", ({ vifs }) =>
      vifs.some(({ kind, state }) => kind === "socket" && state === "up"),
    );
    const options = { group: GROUPS["IPv4 any-source"], run: ++run, interface: "lan" };
    const receiver = await startReceiver(lab.host("neighbour"), options);
    const sender = await startSender(lab.host("source"), { ...options, seconds: 60 });
    await receiver.first(30_000);
    await Promise.all([sender.stop(), receiver.stop()]);
  });
});
