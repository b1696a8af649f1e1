import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Stats } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { Avahi, AVAHI_COMMANDS } from "#test/support/traffic/avahi.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import type { PassedPacket } from "#test/support/traffic/passed-packet.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab(...AVAHI_COMMANDS);
const TYPE = "_http._tcp";
const PATIENCE = { timeout: 40_000, interval: 500 };

/** Responses with names of its own in each, as fast as the machine sends them. */
const FLOOD = `
import os, socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], 5353))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
end = time.monotonic() + float(sys.argv[2]); n = 0
while time.monotonic() < end:
    name = os.urandom(8).hex().encode()
    kind = n % 3
    if kind == 0: data = struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0) + bytes([16]) + name + b"\\5local\\0" + struct.pack("!HHIH4s", 1, 1, 4500, 4, b"\\xc0\\xa8\\1\\x14")
    elif kind == 1: data = struct.pack("!6H", 0, 0, 1, 0, 0, 0) + bytes([16]) + name + b"\\5local\\0" + struct.pack("!HH", 255, 1)
    else: data = os.urandom(400)
    s.sendto(data, ("224.0.0.251", 5353)); n += 1
    if n % 50 == 0: time.sleep(0.005)
print(n)
`;

// One LAN with the hosts of two networks, of which one is the other's guest, and a laptop that is in both networks.
describe.skipIf(missing !== undefined)(`discovery where ways cross${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let home2: TestDaemon;
  let away: TestDaemon;
  let mediabox: Avahi;
  let laptop: Avahi;

  beforeAll(async () => {
    lab = await Lab.create({ away: 1, home2: true, portForward: PORT });
    [home, home2, away] = (await Promise.all(
      ["home", "home2", "away"].map((name) => TestDaemon.inLab(lab, name)),
    )) as [TestDaemon, TestDaemon, TestDaemon];
    await home2.json("up", "--name", "second");
    const first = await home.invite(`${lab.homePublic.address4}:${PORT}`, "--uses", "2");
    const second = await home2.json<{ link: string }>(
      "invite",
      "--endpoint",
      `[${lab.host("home2").address6}]:${PORT}`,
    );
    await Promise.all([away.join(first.link), home2.join(first.link)]);
    await away.join(second.link);
    [mediabox, laptop] = await Promise.all([
      Avahi.start(lab.host("source"), { hostName: "mediabox" }),
      Avahi.start(lab.host("away"), { hostName: "laptop" }),
    ]);
    await Promise.all([home, home2, away].map((daemon) => daemon.json("share", "mdns")));
    await Promise.all([home, home2].map((daemon) => daemon.json("share", "lan", "on")));
  }, 150_000);
  afterAll(async () => {
    await mediabox?.dispose();
    await laptop?.dispose();
    await lab?.dispose();
  });

  const names = async (at: Avahi): Promise<string[]> =>
    [...new Set((await at.browse(TYPE)).filter(([mark]) => mark === "+").map((line) => line[3]!))].sort();
  const isMdns = ({ destination, destinationPort }: PassedPacket): boolean =>
    destinationPort === 5353 && (destination === "224.0.0.251" || destination === "ff02::fb");
  const isRelayed = ({ version, bytes }: PassedPacket): boolean => {
    const at = (version === 4 ? 20 : 40) + 8;
    return bytes[at] === 0xca && bytes[at + 1] === 0x57;
  };

  test("each thing is there once, and nothing goes round", async () => {
    const films = await mediabox.publish("-s", "Films", TYPE, "8080");
    const travels = await laptop.publish("-s", "Travels", TYPE, "8070");
    await expect.poll(() => names(laptop), PATIENCE).toEqual(["Films", "Travels"]);
    await expect.poll(() => names(mediabox), PATIENCE).toEqual(["Films", "Travels"]);
    // What is said from now on is said by somebody who asks or renews: no proxy answers another one.
    const capture = await Capture.start(lab.host("listener"), "lan");
    const lapse = 6_000;
    await new Promise((resolve) => setTimeout(resolve, lapse));
    const seen = (await capture.stop()).filter(isMdns);
    expect(seen.filter(isRelayed).length).toBeLessThan(40);
    expect(await names(laptop)).toEqual(["Films", "Travels"]);
    expect(await names(mediabox)).toEqual(["Films", "Travels"]);
    await films.stop();
    await expect.poll(() => names(laptop), PATIENCE).toEqual(["Travels"]);
    await travels.stop();
    await expect.poll(() => names(mediabox), PATIENCE).toEqual([]);
  }, 150_000);

  test("a flood on the LAN costs a bounded share, and what others say still crosses", async () => {
    const before = await home.json<Stats>("stats");
    const capture = await Capture.start(lab.host("away"), "wan", 64);
    const { stdout } = await lab
      .host("listener")
      .exec("python3", ["-c", FLOOD, lab.host("listener").address4, "5"], { timeoutMs: 20_000 });
    const sent = Number(stdout);
    expect(sent).toBeGreaterThan(1_000);
    const after = await home.json<Stats>("stats");
    const grown = (name: string): number => (after.counters[name] ?? 0) - (before.counters[name] ?? 0);
    expect(grown("mdns.malformed") + grown("mdns.limited") + grown("mdns.questionsLimited")).toBeGreaterThan(
      100,
    );
    expect(after.rssBytes - before.rssBytes).toBeLessThan(100 * 1024 * 1024);
    // 256 records of the flood, and 50 questions a second, go on: not thousands.
    const carried = (await capture.stop()).filter(({ sourcePort, out }) => sourcePort === PORT && !out);
    expect(carried.length).toBeLessThan(sent / 2);
    const radio = await mediabox.publish("-s", "Radio", TYPE, "8000");
    await expect.poll(() => names(laptop), PATIENCE).toContain("Radio");
    await radio.stop();
  });
});
