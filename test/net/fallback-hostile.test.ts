// What a member or a stranger can do to the host by TCP: read nothing, say nothing, go away without a word.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { PORT, reportUntil } from "./streams-scene.ts";

const missing = missingForLab();
const figures: string[] = [];
const MB = 1 << 20;

/** Connects so many sockets and holds them for so long, saying `bytes`. Prints how many were closed on it. */
const HOLD = `
import socket, sys, time
host, port, count, seconds, bytes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), bytes.fromhex(sys.argv[5])
held = []
for i in range(count):
    s = socket.create_connection((host, port), timeout=5)
    s.sendall(bytes)
    s.setblocking(False)
    held.append(s)
print("held", flush=True)
end = time.time() + seconds
closed = set()
while time.time() < end and len(closed) < count:
    for i, s in enumerate(held):
        try:
            if i not in closed and s.recv(4096) == b"": closed.add(i)
        except BlockingIOError: pass
        except OSError: closed.add(i)
    time.sleep(0.1)
print("closed", len(closed), flush=True)
`;

describe.skipIf(missing !== undefined)(
  `what others can do to a host by TCP${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let home: TestDaemon;
    let bad: TestDaemon;
    let good: TestDaemon;

    beforeAll(async () => {
      lab = await Lab.create({ away: 2, portForward: PORT, neighbours: true });
      await lab.setInboundBlocked6("home", true);
      for (const site of ["away", "away2"]) await lab.setUdpBlocked(site, true);
      home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
      bad = await TestDaemon.inLab(lab, "away");
      good = await TestDaemon.inLab(lab, "away2");
      const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`, "--uses", "2");
      await Promise.all([bad.join(link), good.join(link)]);
    });
    afterAll(async () => {
      if (figures.length > 0) console.log(`By TCP:\n  ${figures.join("\n  ")}`);
      await lab?.dispose();
    });

    const rss = async (): Promise<number> => (await home.json<{ rssBytes: number }>("stats")).rssBytes;

    test("a member that reads nothing: bounded memory, its packets are dropped and counted, the other one is served", async () => {
      const group = "239.10.4.1";
      const receivers = await Promise.all(
        ["away", "away2"].map((name) => startReceiver(lab.host(name), { group })),
      );
      // 32 Mbit/s for longer than any buffer lasts
      const sender = await startSender(lab.host("source"), { group, interface: "lan", rate: 3_000 });
      await Promise.all(receivers.map((receiver) => receiver.first()));
      process.kill(bad.pid, "SIGSTOP");
      const before = await rss();
      const start = (await receivers[1]!.report()).received;
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      const after = await rss().finally(() => process.kill(bad.pid, "SIGCONT"));
      const { received } = await receivers[1]!.report();
      const { vifs } = await home.status();
      const dropped = vifs.reduce((sum, { drops }) => sum + (drops["stream-full"] ?? 0), 0);
      figures.push(
        `a member that reads nothing: ${dropped} packets dropped, memory ${Math.round((after - before) / MB)} MiB more`,
      );
      expect(dropped).toBeGreaterThan(1_000);
      expect(after - before).toBeLessThan(48 * MB);
      expect(received - start).toBeGreaterThan(3_000 * 3);
      // Awake again it has the stream of now, not that of then.
      const { last_seq: live } = await receivers[1]!.report();
      await reportUntil(receivers[0]!, "live again", (r) => (r.last_seq ?? 0) >= live!, 20_000);
      await sender.stop();
      const other = await receivers[1]!.stop();
      expect(other).toMatchObject({ duplicates: 0, corrupt: 0 });
      expect((await receivers[0]!.stop()).duplicates).toBe(0);
    });

    test("strangers that say nothing, or half of something: few at a time, ten seconds, and members come in all the while", async () => {
      const words = [lab.homePublic.address4, String(PORT), "40", "20"];
      const hold = (bytes: string): ReturnType<ReturnType<Lab["host"]>["spawn"]> =>
        lab.host("neighbour").spawn("python3", ["-c", HOLD, ...words, bytes], { label: "neighbour: holds" });
      const silent = hold("");
      await silent.line(/held/, 20_000);
      const half = hold("00a401000000");
      await half.line(/held/, 20_000);
      await good.restart();
      await good.until(
        "back beside the strangers",
        ({ networks }) => networks[0]?.state === "connected",
        20_000,
      );
      for (const stranger of [silent, half]) {
        await stranger.line(/closed 40/, 25_000);
        await stranger.exited;
      }
      const { counters } = await home.json<{ counters: Record<string, number> }>("stats");
      expect(counters["streams.refused"]).toBeGreaterThan(60); // all but eight of one address
      figures.push(
        `80 silent strangers: ${counters["streams.refused"]} refused at once, the rest after ten seconds`,
      );
    });

    test("the far end gone without a word: the host knows within 10 s, and they find each other again", async () => {
      await good.until("connected", ({ networks }) => networks[0]?.state === "connected", 20_000);
      await lab.setOnlyTcp("away2", []); // nothing passes, and nobody says so
      const before = performance.now();
      await home.until(
        "a member is missed",
        ({ networks }) =>
          networks[0]!.members.filter(({ role, online }) => role === "guest" && !online).length > 0,
        30_000,
      );
      figures.push(
        `gone without a word: the host says so after ${Math.round(performance.now() - before)} ms`,
      );
      await lab.setOnlyTcp("away2", false);
      await good.until(
        "back",
        ({ networks }) =>
          networks[0]!.state === "connected" && networks[0]!.members.some(({ path }) => path === "direct"),
        40_000,
      );
    });
  },
);
