// What happens to a laptop on the way, and to its stream: sleep, another interface, another NAT binding, a portal.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { SecondInterface } from "#test/support/lab/second-interface.ts";
import { closePortal, rebindNat } from "#test/support/lab/unkind-router.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender, type Receiver } from "#test/support/traffic/mcast.ts";
import { PORT, reportUntil } from "./streams-scene.ts";

const missing = missingForLab("conntrack", "socat");
const RATE = 500;
const BACK_WITHIN_MS = 2_000;

describe.skipIf(missing !== undefined)(`a laptop on its way${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let away: TestDaemon;
  let link: string;
  let groups = 0;
  let wifi: SecondInterface | undefined;
  const figures: string[] = [];

  beforeAll(async () => {
    lab = await Lab.create({ away: 3, portForward: PORT });
    await lab.setInboundBlocked6("home", true);
    home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
    away = await TestDaemon.inLab(lab, "away");
    ({ link } = await home.invite(`${lab.homePublic.address4}:${PORT}`, "--uses", "2"));
    await away.join(link);
  });
  afterAll(async () => {
    console.log(`without packets for:\n  ${figures.join("\n  ")}`);
    await lab?.dispose();
  });

  /** A stream in one direction alone, so that no packet of the other one shows the way. */
  async function stream(down: boolean): Promise<{ receiver: Receiver; stop: () => Promise<void> }> {
    const group = `239.10.3.${++groups}`;
    const receiver = await startReceiver(lab.host(down ? "listener" : "away"), { group });
    const sender = await startSender(lab.host(down ? "away" : "source"), {
      group,
      interface: down ? "castaway0" : "lan",
      rate: RATE,
    });
    await receiver.first();
    return {
      receiver,
      stop: async () => {
        await sender.stop();
        await receiver.stop();
      },
    };
  }

  async function gapOf(what: string, fromLaptop: boolean, change: () => Promise<unknown>): Promise<void> {
    const { receiver, stop } = await stream(fromLaptop);
    const { last_seq: seen } = await receiver.report();
    await change();
    const wanted = (last: number | null): boolean => last! > seen! + 2 * RATE;
    const report = await reportUntil(receiver, "packets again", (now) => wanted(now.last_seq), 30_000);
    figures.push(
      `${what}, stream ${fromLaptop ? "from" : "to"} the laptop: ${Math.round(report.longest_gap_ms)} ms`,
    );
    await stop();
    expect(report.longest_gap_ms).toBeLessThan(BACK_WITHIN_MS);
    expect(report).toMatchObject({ duplicates: 0, corrupt: 0 });
  }

  describe.each([false, true])("with a stream from the laptop: %s", (fromLaptop) => {
    test("its router forgets all bindings and chooses other ports", async () => {
      const endpoint = async (): Promise<string | null | undefined> =>
        (await home.status()).networks[0]!.members.find(({ role }) => role === "guest")!.endpoint;
      const before = await endpoint();
      await gapOf("another NAT binding", fromLaptop, () => rebindNat(lab, "away"));
      expect(await endpoint()).not.toBe(before);
    });

    test("from cable to Wi-Fi, and back", async () => {
      wifi ??= await SecondInterface.add(lab, "away", "away", "away2");
      await gapOf("from cable to Wi-Fi", fromLaptop, () => wifi!.unplugCable());
      await gapOf("from Wi-Fi to cable", fromLaptop, () => wifi!.plugCable());
    });
  });

  test("stopped for longer than the host waits for it, it is back within two seconds", async () => {
    const { receiver, stop } = await stream(false);
    const { last_seq: seen } = await receiver.report();
    const stoppedAt = performance.now();
    process.kill(away.pid, "SIGSTOP");
    await home.until(
      "the laptop is gone",
      ({ networks }) => networks[0]!.members.every(({ role, online }) => role === "host" || !online),
      30_000,
    );
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // nothing is sent to it any more
    const before = performance.now();
    process.kill(away.pid, "SIGCONT");
    const sentBefore = seen! + ((before - stoppedAt) / 1_000) * RATE;
    // What waited in the socket is older than what was missed: news is only what was sent after it woke up.
    await reportUntil(receiver, "packets again", (now) => now.last_seq! > sentBefore, 30_000);
    const took = performance.now() - before;
    figures.push(`stopped: ${Math.round(took)} ms until the stream ran again`);
    expect(took).toBeLessThan(BACK_WITHIN_MS);
    await stop();
  });

  test("behind a captive portal at first, it is in by itself once the portal opens", async () => {
    const open = await closePortal(lab, "away3");
    const guest = await TestDaemon.inLab(lab, "away3");
    const group = "239.10.3.99";
    const sender = await startSender(lab.host("source"), { group, interface: "lan", rate: 100 });
    const receiver = await startReceiver(lab.host("away3"), { group });
    const joined = guest.join(link);
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect((await guest.status()).networks[0]).toMatchObject({ state: "connecting" });
    const before = performance.now();
    await open();
    await joined;
    await receiver.first();
    const took = performance.now() - before;
    figures.push(`captive portal: ${Math.round(took)} ms from its opening to the first packet`);
    expect(took).toBeLessThan(5_000);
    await sender.stop();
    await receiver.stop();
  });
});
