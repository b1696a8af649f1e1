import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { VideoReceiver, sendVideo } from "#test/support/traffic/ffmpeg.ts";
import { iperfReceive, iperfSend, socatReceive, socatSend } from "#test/support/traffic/programs.ts";
import { Tap } from "#test/support/traffic/tap.ts";

const missing = missingForLab("ffmpeg", "iperf", "socat");

// The tools that the other tests measure with, on one LAN without any tunnel.
describe.skipIf(missing !== undefined)(`traffic tools${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let folder: string;

  beforeAll(async () => {
    lab = await Lab.create({ away: 0 });
    folder = mkdtempSync(join(tmpdir(), "castaway-traffic-"));
  });
  afterAll(async () => {
    await lab.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  test("ffmpeg receives ffmpeg's stream, and taps at both ends see the same packets", async () => {
    const [source, listener] = [lab.host("source"), lab.host("listener")];
    const picture = join(folder, "frame.png");
    const group = "239.255.42.1";
    const before = await Tap.onInterface(source, "lan", group, 5004);
    const after = await Tap.onInterface(listener, "lan", group, 5004);
    const receiver = new VideoReceiver(listener, { group: `${group}:5004`, picture });
    const sender = sendVideo(source, { group: `${group}:5004`, localAddress: source.address4 });
    await receiver.until(50, 20_000);
    await sender.stop();
    await receiver.child.stop("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(existsSync(picture)).toBe(true);
    const sent = new Map(before.take().map(([number, at]) => [number, at]));
    const received = after.take();
    expect(received.length).toBeGreaterThan(200);
    // One veth pair and a bridge: each packet once, within a few milliseconds.
    const delays = received.map(([number, at]) => (at - (sent.get(number) ?? Number.NaN)) / 1e6);
    expect(new Set(received.map(([number]) => number)).size).toBe(received.length);
    expect(delays.every((ms) => ms >= 0 && ms < 50)).toBe(true);
    expect(received.some(([, , bytes]) => bytes === 1328)).toBe(true);
  });

  test("socat and iperf meet on a group", async () => {
    const [source, listener] = [lab.host("source"), lab.host("listener")];
    const socat = socatReceive(listener, "239.255.42.2", 5006, listener.address4);
    await expect
      .poll(async () => {
        await socatSend(source, "239.255.42.2", 5006, "hello over there\n");
        return socat.stdout;
      })
      .toContain("hello over there");
    await socat.stop();
    const iperf = await iperfReceive(listener, "239.255.42.3");
    await iperfSend(source, "239.255.42.3", { megabits: 5, seconds: 1 });
    // iperf itself loses the first few while it changes sockets.
    const line = await iperf.line(/ \d+\/\s*\d+ \(/);
    const [, lost, total] = / (\d+)\/\s*(\d+) \(/.exec(line) ?? [];
    expect(Number(total)).toBeGreaterThan(400);
    expect(Number(lost)).toBeLessThan(20);
    await iperf.stop();
  });
});
