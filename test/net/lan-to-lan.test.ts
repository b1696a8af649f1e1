// Real LANs, a real kernel and real programs: what a computer with several LANs carries between them.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Group } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import type { Machine } from "#test/support/machine.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { VideoReceiver, sendVideo } from "#test/support/traffic/ffmpeg.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { LanScene } from "#test/support/lan-scene.ts";

const missing = missingForLab("smcrouted", "ffmpeg");
const COUNT = 100;
const ROUTES = `
phyint north
phyint south
phyint south2 ttl-threshold 12
mroute from north group 239.1.1.1 to south+
mroute from north source 10.77.1.0/28 group 239.2.0.0/16 to south
mroute from north group ff1e::1:1 to south+
mroute from north source fd77:1::/124 group ff1e::2:0/112 to south
mroute from north group 239.3.0.0/16 to south
mroute from north group ff1e::3:0/112 to south
`;

describe.skipIf(missing !== undefined)(`LAN to LAN${missing ? ` (${missing})` : ""}`, () => {
  let scene: LanScene;
  let folder: string;
  let routes: string;
  let daemon: TestDaemon;
  const machine = (name: string): Machine => scene.machines[name]!;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "castaway-lans-"));
    routes = join(folder, "routes.conf");
    writeFileSync(routes, ROUTES);
    scene = new LanScene(["north", "south", "south2"], {
      router: ["north", "south", "south2"].map((lan) => ({ lan, host: 1 })),
      source: [{ lan: "north", host: 2 }],
      stranger: [{ lan: "north", host: 200 }],
      listener: [{ lan: "south", host: 2 }],
      listener2: [{ lan: "south2", host: 2 }],
    });
    daemon = await TestDaemon.start(machine("router"), { args: ["--routes", routes] });
  });
  afterAll(async () => {
    await daemon?.dispose();
    await scene?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const withPort = (group: string): string => (group.includes(":") ? `[${group}]:5004` : `${group}:5004`);

  async function send(from: string, group: string, ttl = 16): Promise<void> {
    const sender = await startSender(machine(from), {
      group: withPort(group),
      interface: "north",
      rate: 1000,
      count: COUNT,
      ttl,
    });
    expect(await sender.finished()).toMatchObject({ sent: COUNT });
  }

  async function groupOf(group: string): Promise<Group | undefined> {
    return (await daemon.status()).groups.find((one) => one.group === group);
  }

  test("static routes carry (*,G) and ranges of sources and groups, to one LAN or by a wildcard to several", async () => {
    const [south, south2, north] = await Promise.all([
      Capture.start(machine("listener"), "south", 64),
      Capture.start(machine("listener2"), "south2", 64),
      Capture.start(machine("source"), "north", 64),
    ]);
    for (const group of ["239.1.1.1", "239.2.200.1", "ff1e::1:1", "ff1e::2:99"]) {
      await send("source", group);
      await send("stranger", group);
    }
    await send("source", "239.9.9.9");
    await send("source", "239.1.1.1", 12); // not above south2's threshold
    await send("source", "239.1.1.1", 13);
    await send("source", "ff1e::1:1", 12);
    const seen = async (capture: Capture): Promise<Record<string, number>> => {
      const counts: Record<string, number> = {};
      for (const { destination, source, protocol, hopLimit } of await capture.packets())
        if (protocol === 17 && !destination.startsWith("ff02")) {
          const key = `${destination} ${source.replace(/.*[.:]/, "")} ${hopLimit}`;
          counts[key] = (counts[key] ?? 0) + 1;
        }
      return counts;
    };
    await expect
      .poll(() => seen(south), { timeout: 10_000 })
      .toEqual({
        "239.1.1.1 2 15": COUNT,
        "239.1.1.1 200 15": COUNT,
        "239.2.200.1 2 15": COUNT,
        "ff1e::1:1 2 15": COUNT,
        "ff1e::1:1 200 15": COUNT,
        "ff1e::2:99 2 15": COUNT,
        "239.1.1.1 2 11": COUNT,
        "239.1.1.1 2 12": COUNT,
        "ff1e::1:1 2 11": COUNT,
      });
    expect(await seen(south2)).toEqual({
      "239.1.1.1 2 15": COUNT,
      "239.1.1.1 200 15": COUNT,
      "ff1e::1:1 2 15": COUNT,
      "ff1e::1:1 200 15": COUNT,
      "239.1.1.1 2 12": COUNT,
    });
    // Nothing came back, and what the threshold kept back is counted where it was to leave.
    expect(
      (await north.packets()).filter(({ out }) => !out).filter(({ hopLimit }) => hopLimit === 15),
    ).toEqual([]);
    const { vifs } = await daemon.status();
    expect(vifs.find(({ name }) => name === "south2")!.drops["ttl-threshold"]).toBe(2 * COUNT);
    await Promise.all([south, south2, north].map((capture) => capture.stop()));
  });

  /** The kernel's entries, as iproute2 prints them. */
  async function kernelRoutes(): Promise<string> {
    const [four, six] = await Promise.all([
      machine("router").exec("ip", ["mroute", "show"]),
      machine("router").exec("ip", ["-6", "mroute", "show"]),
    ]);
    return (four.stdout + six.stdout).replaceAll(/\s+/g, " ");
  }

  const GROUPS = ["239.3.1.1", "ff1e::3:1"];

  /** Streams of both families for as long as `during` runs; returns what was sent and received of each. */
  async function streams(during: () => Promise<void>): Promise<{ sent: number; group: string }[]> {
    const receivers = await Promise.all(
      GROUPS.map((group) =>
        startReceiver(machine("listener"), { group: withPort(group), interface: "south" }),
      ),
    );
    const senders = await Promise.all(
      GROUPS.map((group) =>
        startSender(machine("source"), { group: withPort(group), interface: "north", rate: 500 }),
      ),
    );
    await during().catch(async (error: unknown) => {
      await Promise.all([...senders, ...receivers].map(({ child }) => child.stop()));
      throw error;
    });
    const reports = await Promise.all(senders.map((sender) => sender.stop()));
    for (const [i, receiver] of receivers.entries()) {
      await expect
        .poll(async () => (await receiver.report()).received, { timeout: 5_000 })
        .toBe(reports[i]!.sent);
      const { lost, duplicates, ttls } = await receiver.stop();
      expect({ lost, ttls }).toEqual({ lost: 0, ttls: [15] });
      expect(duplicates).toBeLessThanOrEqual(50); // of the moments when the kernel takes a stream, and gives it back
    }
    return GROUPS.map((group, i) => ({ group, sent: reports[i]!.sent }));
  }

  test("the kernel takes streams over that go from LAN to LAN alone, counts them, and gives them back", async () => {
    const { traffic: before } = (await daemon.status()).vifs.find(({ name }) => name === "south")!;
    const sent = await streams(async () => {
      await expect
        .poll(kernelRoutes, { timeout: 15_000 })
        .toMatch(/\(10\.77\.1\.2,\s?239\.3\.1\.1\) Iif: north Oifs: south State: resolved/);
      expect(await kernelRoutes()).toMatch(
        /\(fd77:1::2,\s?ff1e::3:1\) Iif: north Oifs: south State: resolved/,
      );
      // Nothing of them reaches the daemon any more, and they are shown as flowing.
      await expect
        .poll(async () => (await groupOf("239.3.1.1"))?.pps ?? 0, { timeout: 5_000 })
        .toBeGreaterThan(400);
      // A TTL that must be raised is beyond the kernel: the stream comes back without a loss.
      await daemon.json("groups", "raise-ttl", "239.3.1.1");
      await expect.poll(kernelRoutes, { timeout: 5_000 }).not.toMatch(/239\.3\.1\.1\) Iif: north/);
    });
    for (const { group, sent: count } of sent) {
      const packets = (await groupOf(group))!.packets;
      expect(Math.abs(packets - count), `${packets} of ${count}`).toBeLessThanOrEqual(10);
    }
    const { traffic } = (await daemon.status()).vifs.find(({ name }) => name === "south")!;
    const forwarded = sent.reduce((sum, { sent: count }) => sum + count, 0);
    expect(Math.abs(traffic.txPackets - before.txPackets - forwarded)).toBeLessThanOrEqual(20); // and queries
    // A stream that has ended leaves no entry behind.
    await expect.poll(kernelRoutes, { timeout: 10_000 }).not.toMatch(/State: resolved/);
  });

  test("beside smcrouted, which holds the kernel's router, Castaway forwards itself; with a television stream", async () => {
    await daemon.kill("SIGTERM");
    const conf = join(folder, "smcroute.conf");
    writeFileSync(conf, "phyint north enable\nphyint south enable\n");
    const files = ["-P", join(folder, "pid"), "-u", join(folder, "sock")];
    const smcrouted = machine("router").spawn("smcrouted", ["-n", "-N", "-f", conf, ...files]);
    await expect
      .poll(async () => (await machine("router").exec("cat", ["/proc/net/ip_mr_vif"])).stdout, {
        timeout: 5_000,
      })
      .toContain("south");
    await daemon.restart();
    const group = "239.3.2.2:5004";
    const video = sendVideo(machine("source"), { group, localAddress: "10.77.1.2" });
    const watched = new VideoReceiver(machine("listener"), { group, localAddress: "10.77.2.2" });
    await watched.until(50, 30_000);
    await expect.poll(() => daemon.output, { timeout: 10_000 }).toContain("another multicast router");
    await watched.until(watched.frames + 25, 10_000);
    expect(daemon.output.match(/another multicast router/g)).toHaveLength(1);
    expect(await kernelRoutes()).not.toContain("Oifs");
    await Promise.all([watched.child.stop(), video.stop(), smcrouted.stop()]);
  });
});

describe.skipIf(missing !== undefined)(
  `two routers between two LANs${missing ? ` (${missing})` : ""}`,
  () => {
    const routes = ["north", "south"]
      .map((lan) => `phyint ${lan}\n`)
      .concat(
        ["239.0.0.0/8", "ff1e::/16"].flatMap((group) => [
          `mroute from north group ${group} to south\n`,
          `mroute from south group ${group} to north\n`,
        ]),
      )
      .join("");

    test("each forwarding both ways: nothing goes round, and so it is where the LANs are one wire", async () => {
      const folder = mkdtempSync(join(tmpdir(), "castaway-loop-"));
      const file = join(folder, "routes.conf");
      writeFileSync(file, routes);
      const scene = new LanScene(["north", "south"], {
        one: ["north", "south"].map((lan) => ({ lan, host: 1 })),
        two: ["north", "south"].map((lan) => ({ lan, host: 3 })),
        source: [{ lan: "north", host: 2 }],
        listener: [{ lan: "south", host: 2 }],
      });
      const daemons: TestDaemon[] = [];
      try {
        for (const name of ["one", "two"])
          daemons.push(await TestDaemon.start(scene.machines[name]!, { args: ["--routes", file] }));
        for (const bridged of [false, true]) {
          if (bridged) scene.bridge("north", "south");
          for (const group of bridged ? ["239.5.5.6", "[ff1e::5:6]"] : ["239.5.5.5", "[ff1e::5:5]"]) {
            const [north, south] = await Promise.all([
              Capture.start(scene.machines["source"]!, "north", 64),
              Capture.start(scene.machines["listener"]!, "south", 64),
            ]);
            const sender = await startSender(scene.machines["source"]!, {
              group: `${group}:5004`,
              interface: "north",
              rate: 500,
              count: COUNT,
              ttl: 64,
            });
            await sender.finished();
            const of = async (capture: Capture): Promise<number> => {
              const all = await capture.packets();
              return all.filter(({ out, destinationPort }) => !out && destinationPort === 5004).length;
            };
            await expect.poll(() => of(south), { timeout: 5_000 }).toBeGreaterThanOrEqual(COUNT);
            await north.stop().then((packets) => {
              const back = packets.filter(({ out, destinationPort }) => !out && destinationPort === 5004);
              expect(back.length).toBeLessThanOrEqual(4 * COUNT);
            });
            // Two routers that were told to forward do so; what goes round ends where it is heard again. With a TTL of
            // 64 a loop would show up 32 times.
            expect(await of(south)).toBeLessThanOrEqual(5 * COUNT);
            await south.stop();
          }
        }
        // The kernel, which knows no packet again, is given no such stream.
        const lasting = { group: "239.5.5.7:5004", interface: "north", rate: 100, seconds: 5, ttl: 64 };
        const south = await Capture.start(scene.machines["listener"]!, "south", 64);
        const sender = await startSender(scene.machines["source"]!, lasting);
        const { sent } = await sender.finished();
        const packets = (await south.stop()).filter(({ destination }) => destination === "239.5.5.7");
        expect(packets.length).toBeLessThanOrEqual(5 * sent);
        for (const name of ["one", "two"])
          expect((await scene.machines[name]!.exec("ip", ["mroute", "show"])).stdout).not.toContain("Oifs");
      } finally {
        for (const daemon of daemons) await daemon.dispose();
        await scene.dispose();
        rmSync(folder, { recursive: true });
      }
    });
  },
);
