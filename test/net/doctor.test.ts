// The doctor on computers with real firewalls, filters and links.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check, Group, Snapshot } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import type { Machine } from "#test/support/machine.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { sendVideo, VideoReceiver } from "#test/support/traffic/ffmpeg.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab("ffmpeg");

/** Exit code and checks, whatever it found. */
async function doctor(daemon: TestDaemon): Promise<{ readonly code: number; readonly checks: Check[] }> {
  const { code, stdout } = await daemon.castaway("doctor", "--json");
  return { code: code ?? -1, checks: (JSON.parse(stdout) as { checks: Check[] }).checks };
}

const named = (checks: readonly Check[], name: string): Check[] =>
  checks.filter((check) => check.name === name);
const nft = (machine: Machine, rules: string): Promise<unknown> =>
  machine.exec("nft", ["-f", "-"], { input: rules });

describe.skipIf(missing !== undefined)(`castaway doctor${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let away: TestDaemon;
  let away2: TestDaemon;

  beforeAll(async () => {
    lab = await Lab.create({ away: 2, portForward: PORT, badWire: true });
    await lab.setInboundBlocked6("home", true);
    [home, away, away2] = (await Promise.all(
      ["home", "away", "away2"].map((name) => TestDaemon.inLab(lab, name)),
    )) as [TestDaemon, TestDaemon, TestDaemon];
    const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`, "--uses", "2");
    for (const guest of [away, away2]) await guest.join(link);
    await home.until(
      "the guest is here",
      ({ networks }) => networks.some(({ members }) => members.some(({ self, online }) => !self && online)),
      20_000,
    );
  });
  afterAll(async () => lab?.dispose());

  test("all is well on both ends of an ordinary connection", async () => {
    const { code, checks } = await doctor(home);
    expect(checks.filter(({ status }) => status === "fail")).toEqual([]);
    expect(code).toBe(0);
    const lan = lab.host("home").interfaceName;
    for (const name of [
      "daemon",
      "service",
      "tun",
      "udp",
      `lan ${lan}`,
      `joins ${lan}`,
      "firewall",
      "udp in",
      "tcp in",
    ])
      expect(named(checks, name), name).toMatchObject([{ status: "ok", remedy: null }]);
    expect(named(checks, `joins ${lan}`)[0]!.message).toContain("IPv4 and IPv6");
    const there = (await doctor(away)).checks;
    expect(named(there, "udp out")).toMatchObject([{ status: "ok" }]);
    const ways = there.filter(({ name }) => name.startsWith("member "));
    expect(ways[0]).toMatchObject({ message: expect.stringMatching(/over UDP.*, [\d.]+ ms/) as string });
  });

  test("a firewall that keeps members, IGMP and streams out is found, and its remedy is one", async () => {
    await nft(
      lab.host("home"),
      `table inet wall {
        chain entrance {
          type filter hook input priority 0; policy drop;
          ct state established,related accept
          iifname "lo" accept
          tcp dport { 22, 80 } accept
        }
      }`,
    );
    const { code, checks } = await doctor(home);
    const found = named(checks, "firewall");
    const call = found.find(({ message }) => message.includes("IPv4 calls to UDP port"))!;
    expect(call).toMatchObject({
      status: "fail",
      message: expect.stringContaining("inet wall entrance") as string,
    });
    expect(found.some(({ message }) => message.includes("IGMP queries"))).toBe(true);
    expect(code).toBe(1);
    // The remedies are commands: all of them together mend it.
    for (const remedy of new Set(found.map((check) => check.remedy!)))
      await lab.host("home").exec("sh", ["-c", remedy.replace(/\{.*\}/, (set) => `'${set}'`)]);
    expect(named((await doctor(home)).checks, "firewall")).toMatchObject([{ status: "ok" }]);
    await nft(lab.host("home"), "delete table inet wall");
  });

  test("a strict reverse path filter is named, with the setting that ends it", async () => {
    const { interfaceName } = lab.host("home");
    await lab.host("home").exec("sysctl", ["-qw", `net.ipv4.conf.${interfaceName}.rp_filter=1`]);
    const [strict] = named((await doctor(home)).checks, `rp_filter ${interfaceName}`);
    expect(strict).toMatchObject({ status: "warn" });
    const [program, ...words] = strict!.remedy!.split(" ");
    await lab.host("home").exec(program!, words);
    expect(named((await doctor(home)).checks, `rp_filter ${interfaceName}`)).toEqual([]);
  });

  test("a strict reverse path filter is loosened by --fix, and the command that it names takes that back", async () => {
    const { interfaceName } = lab.host("home");
    const setting = `net.ipv4.conf.${interfaceName}.rp_filter`;
    const read = async (): Promise<string> =>
      (await lab.host("home").exec("sysctl", ["-n", setting])).stdout.trim();
    await lab.host("home").exec("sysctl", ["-qw", `${setting}=1`]);
    const { stdout } = await home.castaway("doctor", "--fix", "--json");
    const { mended } = JSON.parse(stdout) as { mended: { undo: string }[] };
    expect(mended).toMatchObject([{ undo: `sudo sysctl -w ${setting}=1` }]);
    expect(await read()).toBe("2");
    expect(named((await doctor(home)).checks, `rp_filter ${interfaceName}`)).toEqual([]);
    const [, program, ...words] = mended[0]!.undo.split(" ");
    await lab.host("home").exec(program!, words);
    expect(await read()).toBe("1");
    await lab.host("home").exec("sysctl", ["-qw", `${setting}=0`]);
  });

  test("people see each finding as a line, and the remedy below", async () => {
    const { stdout, code } = await away.castaway("doctor");
    expect(code).toBe(0);
    for (const line of stdout.trim().split("\n").slice(0, -1))
      expect(line).toMatch(/^(ok {2}|warn|fail) \S|^ {5}\S/);
  });

  test("a daemon that cannot have its TUN ends and says why, instead of staying as half of one", async () => {
    const { interfaceName } = lab.host("listener"); // the name is taken by something else
    await expect(TestDaemon.inLab(lab, "listener", { tun: interfaceName })).rejects.toThrow(
      /ended at its start:[^]*TUNSETIFF/,
    );
  });

  test("a network without UDP is said to be one, and TCP to carry it", async () => {
    const path = (snapshot: Snapshot): string | undefined =>
      snapshot.networks[0]?.members.find(({ role }) => role === "host")?.path;
    await lab.setUdpBlocked("away", true);
    await away.castaway("ping", "1", "-c", "3", "-i", "0.2", "-W", "0.5"); // it would notice by itself, but later
    await away.until("the session goes by TCP", (snapshot) => path(snapshot) === "tcp", 30_000);
    const { checks } = await doctor(away);
    expect(named(checks, "udp out")).toMatchObject([{ status: "warn" }]);
    expect(named(checks, "tcp to home")).toMatchObject([
      { status: "ok", message: expect.stringContaining("carries the session") as string },
    ]);
    expect(checks.find(({ name }) => name.startsWith("member "))?.message).toMatch(/^Over TCP/);
    await lab.setUdpBlocked("away", false);
    await away.until("it is on UDP again", (snapshot) => path(snapshot) === "direct", 30_000);
    expect(named((await doctor(away)).checks, "udp out")).toMatchObject([{ status: "ok" }]);
  }, 120_000);

  describe("castaway ping", () => {
    interface Pinged {
      readonly sent: number;
      readonly received: number;
      readonly minMs: number | null;
    }
    const ping = (from: TestDaemon, ...words: string[]): Promise<Pinged> =>
      from.json("ping", ...words, "-i", "0.2");

    test("measures the round trip to the host, by name, number and address, and back", async () => {
      for (const who of ["1", "home", (await home.status()).networks[0]!.ownAddresses[0]!]) {
        const { sent, received, minMs } = await ping(away, who, "-c", "3");
        expect({ sent, answered: received > 0 }, who).toEqual({ sent: 3, answered: true });
        expect(minMs, who).toBeGreaterThan(0);
      }
      expect((await ping(home, "2", "-c", "2")).received).toBeGreaterThan(0);
    });

    test("reaches another guest through the host, by an echo in the tunnel", async () => {
      const [member] = (await away2.status()).networks;
      await away.until(
        "it knows the other guest",
        ({ networks }) =>
          networks[0]!.members.some(({ number, online }) => number === member!.ownNumber && online),
        20_000,
      );
      const started = performance.now();
      const { received, minMs } = await ping(away, String(member!.ownNumber), "-c", "5", "-W", "10");
      expect(received).toBeGreaterThan(0);
      expect(minMs).toBeGreaterThan(0);
      // Each answer is told when it is there, not with the daemon's next timer.
      if (received === 5) expect(performance.now() - started).toBeLessThan(5_000);
    });

    test("shows the time that the path takes", async () => {
      const before = (await ping(away, "1", "-c", "3")).minMs!;
      await lab.setWire({ delayMs: 60 });
      const after = (await ping(away, "1", "-c", "3")).minMs!;
      await lab.setWire({});
      expect(after - before).toBeGreaterThan(50);
    });
  });

  test("the loss of a stream is told by its own numbers, that of any other by the session", async () => {
    const video = "239.42.1.1";
    const other = "239.42.1.2";
    await lab.setWire({ loss: 0.1 });
    const children = [
      new VideoReceiver(lab.host("away"), { group: `${video}:5004` }).child,
      sendVideo(lab.host("source"), { group: `${video}:5004`, localAddress: lab.host("source").address4 }),
    ];
    const receiver = await startReceiver(lab.host("away"), { group: other });
    await startSender(lab.host("source"), {
      group: other,
      interface: lab.host("source").interfaceName,
      seconds: 60,
    });
    const lossOf = ({ groups }: Snapshot, group: string): Pick<Group, "lossRatio" | "lossOf"> | undefined =>
      groups.find((one) => one.group === group && one.source !== null);
    await away.until(
      "both losses are seen",
      (snapshot) => {
        const [ofVideo, ofOther] = [lossOf(snapshot, video), lossOf(snapshot, other)];
        return (
          ofVideo?.lossOf === "stream" &&
          ofVideo.lossRatio! > 0.02 &&
          ofVideo.lossRatio! < 0.3 &&
          ofOther?.lossOf === "session" &&
          ofOther.lossRatio! > 0.02 &&
          ofOther.lossRatio! < 0.3
        );
      },
      30_000,
    );
    // At home, before the bad wire, nothing is missing; and what does not number itself has no session to tell.
    await home.until(
      "home hears all of it",
      (snapshot) => {
        const ofVideo = lossOf(snapshot, video);
        return (
          ofVideo?.lossOf === "stream" &&
          ofVideo.lossRatio! < 0.01 &&
          lossOf(snapshot, other)?.lossOf === null
        );
      },
      20_000,
    );
    await lab.setWire({});
    await receiver.stop();
    for (const child of children) await child.stop();
  });
});
