// Socket vifs beside the other vifs: as root with TUN and LAN, and two members on one LAN.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Snapshot } from "#contract/snapshot.ts";
import { parseCapabilities } from "#edge/linux/capabilities.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";

const PORT = 42291;
const missing = missingForLab();
const GROUP = "239.7.8.1:5004";
const COUNT = 300;

let lab: Lab;
let home: TestDaemon;
let home2: TestDaemon;
let away: TestDaemon;

beforeAll(async () => {
  if (missing) return;
  lab = await Lab.create({ portForward: PORT, home2: true, neighbours: true });
  // At home two members on one LAN, both by socket vifs alone. The laptop has a TUN and a socket vif on loopback.
  [home, home2, away] = await Promise.all([
    TestDaemon.inLab(lab, "home", { port: PORT, args: ["--no-tun", "--socket-vif", `${GROUP}%lan`] }),
    TestDaemon.inLab(lab, "home2", { port: PORT, args: ["--no-tun", "--socket-vif", `${GROUP}%lan`] }),
    TestDaemon.inLab(lab, "away", { port: PORT, args: ["--socket-vif", `${GROUP}%lo`] }),
  ]);
  const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`, "--uses", "2");
  await away.join(link);
  const inside = await home.invite(`${lab.host("home").address4}:${PORT}`);
  await home2.join(inside.link);
  await home.until("both guests want the group", ({ groups }) =>
    groups.some(({ listeners }) => listeners.length === 3),
  );
}, 90_000);
afterAll(() => lab?.dispose());

const capabilities = (pid: number): bigint =>
  parseCapabilities(readFileSync(`/proc/${pid}/status`, "utf8")).permitted;
const kinds = ({ vifs }: Snapshot): string[] => [...new Set(vifs.map(({ kind }) => kind))].sort();

/** CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW: capability.h. */
const KEPT = (1n << 10n) | (1n << 12n) | (1n << 13n);

describe.skipIf(missing)(`socket vifs beside others${missing ? ` (${missing})` : ""}`, () => {
  test("two members on one LAN: no storm, each packet once there and once far away", async () => {
    const options = { group: GROUP, interface: "lan", run: 1 };
    const sender = await startSender(lab.host("source"), { ...options, rate: 200 });
    // Who hears it first, the link or the tunnel, is settled with the first packets.
    const first = await startReceiver(lab.host("listener"), options);
    await first.first();
    await first.stop();
    const near = await startReceiver(lab.host("listener"), { ...options, count: COUNT, seconds: 30 });
    const far = await startReceiver(lab.host("away"), {
      ...options,
      interface: "lo",
      count: COUNT,
      seconds: 30,
      multicastAll: false,
    });
    const reports = await Promise.all([near.finished(), far.finished()]);
    // The sender goes on, so a datagram more may be in the socket when the last one that counts is read.
    for (const { received, datagrams, duplicates, lost } of reports) {
      expect(received).toBeGreaterThanOrEqual(COUNT);
      expect({ datagrams, duplicates, lost }).toEqual({ datagrams: received, duplicates: 0, lost: 0 });
    }
    expect(reports[0].sources).toEqual({ [lab.host("source").address4]: reports[0].received });
    expect(reports[1].sources).toEqual({ "127.0.0.1": reports[1].received });
    await sender.stop();
  });

  test("the laptop's programs hear it on the TUN and on loopback, each once", async () => {
    const options = { group: GROUP, run: 2, count: COUNT, seconds: 30, multicastAll: false };
    const tun = (await away.status()).daemon.tun!;
    const byTun = await startReceiver(lab.host("away"), { ...options, interface: tun });
    const byLoopback = await startReceiver(lab.host("away"), { ...options, interface: "lo" });
    await away.until("both are known", ({ groups }) =>
      groups.some(({ listeners }) => listeners.some(({ vif }) => vif === tun)),
    );
    const sender = await startSender(lab.host("source"), {
      group: GROUP,
      run: 2,
      count: COUNT,
      rate: 300,
      interface: "lan",
    });
    const source = lab.host("source").address4; // the TUN keeps it
    expect(await byTun.finished()).toMatchObject({
      received: COUNT,
      duplicates: 0,
      sources: { [source]: COUNT },
    });
    expect(await byLoopback.finished()).toMatchObject({
      received: COUNT,
      duplicates: 0,
      sources: { "127.0.0.1": COUNT },
    });
    await sender.finished();
  });

  test("what a program sends on loopback arrives at home, from the home machine's address", async () => {
    const options = { group: GROUP, run: 3, count: COUNT };
    const receiver = await startReceiver(lab.host("listener"), { ...options, interface: "lan", seconds: 30 });
    const sender = await startSender(lab.host("away"), {
      ...options,
      interface: "lo",
      source: "127.0.0.1",
      rate: 300,
    });
    const report = await receiver.finished();
    await sender.finished();
    expect(report).toMatchObject({ received: COUNT, lost: 0, corrupt: 0 });
    // Both members at home have it from the tunnel, and neither knows of the other one's copy.
    const members = ["home", "home2"].map((name) => lab.host(name).address4);
    expect(members).toEqual(expect.arrayContaining(Object.keys(report.sources)));
  });

  test("root keeps capabilities for its devices and for port 443, and none without devices", async () => {
    expect(capabilities(away.pid)).toBe(KEPT);
    expect(capabilities(home.pid)).toBe(0n);
    expect(kinds(await away.status())).toEqual(["lan", "peer", "socket", "tun"]);
    expect(kinds(await home.status())).toEqual(["peer", "socket"]);
  });

  test("an interface with a socket vif is no LAN, and who wants both is told", async () => {
    const daemon = await TestDaemon.start(lab.host("neighbour"), {
      port: PORT,
      lan: ["lan=full"],
      args: ["--socket-vif", GROUP], // of no interface: that of the default route
    });
    try {
      const snapshot = await daemon.until("the conflict is seen", ({ warnings }) => warnings.length > 0);
      expect(kinds(snapshot)).toEqual(["socket", "tun"]);
      expect(snapshot.warnings[0]?.message).toMatch(/lan cannot be used.*socket vif/);
    } finally {
      await daemon.dispose();
    }
  });
});
