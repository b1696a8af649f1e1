// Programs and daemons come and go: who joined before a daemon started is served, what is joined outlives a daemon,
// and what is left is left.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { TestDaemon } from "#test/support/daemon.ts";
import type { Lab, LabHost } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import {
  deliver,
  expectEachOnce,
  pause,
  Programs,
  reaches,
  type Receiving,
  type Sending,
} from "./local-programs.ts";
import { HOWS, KINDS, LocalScene, TUN, type Kind } from "./local-scene.ts";

const missing = missingForLab();
const EARLY_PORT = 15_000;
/** Reports of a change are repeated for a second or two (RFC 9776 section 8.11); then there is silence. */
const REPORTS_REPEATED_MS = 3_000;
const PLACES = ["home", "away"] as const;
type Place = (typeof PLACES)[number];

interface Early {
  readonly kind: Kind;
  readonly group: string;
  readonly port: number;
  /** Joined before any daemon ran, without naming an interface. */
  readonly programs: Readonly<Record<Place, Receiving>>;
}

let scene: LocalScene;
const early: Early[] = [];
const earlyPrograms = new Programs();

/** Home hears the laptop, away hears the home LAN. */
const otherSide = (place: Place): LabHost => scene.host(place === "home" ? "away" : "source");

/** Source-specific ones want addresses that are known before there is a network: those of LAN interfaces. */
function joinEarly(lab: Lab): void {
  for (const [i, kind] of KINDS.entries()) {
    const [group, port] = [`${kind.prefix}${201 + i}`, EARLY_PORT + i];
    const join = (name: Place, fromName: string): Receiving => {
      const from = lab.host(fromName);
      const source = kind.version === 4 ? from.address4 : from.address6;
      return earlyPrograms.receiver(lab.host(name), group, { port, ...(kind.specific ? { source } : {}) });
    };
    early.push({ kind, group, port, programs: { home: join("home", "away"), away: join("away", "source") } });
  }
}

beforeAll(async () => {
  if (missing === undefined) scene = await LocalScene.start({}, async (lab) => joinEarly(lab));
});
afterAll(async () => {
  await scene?.dispose();
  expect(earlyPrograms.end()).toEqual([]);
});
afterEach(() => expect(scene.programs.end()).toEqual([]));

async function expectEarlyServed(place: Place): Promise<void> {
  const from = otherSide(place);
  await Promise.all(
    early.map(({ group, port, programs }) => {
      const sender = scene.programs.sender(from, group, { port, device: from.interfaceName });
      return expectEachOnce(sender, [programs[place]]);
    }),
  );
}

async function setIgmpVersion(host: LabHost, version: number): Promise<void> {
  await host.exec("sysctl", ["-qw", `net.ipv4.conf.${host.interfaceName}.force_igmp_version=${version}`]);
}

/** Packets come in on the interface, and nobody listens. */
async function untilNobodyListens(
  daemon: TestDaemon,
  vifName: string,
  senders: readonly Sending[],
): Promise<void> {
  const dropped = async (): Promise<number> =>
    (await daemon.status()).vifs.find((vif) => vif.name === vifName)?.drops["no-listener"] ?? 0;
  for (const end = performance.now() + 10_000; ;) {
    const before = await dropped();
    for (const sender of senders) sender.send(20);
    await pause(50);
    if ((await dropped()) - before >= 20 * senders.length) return;
    if (performance.now() > end) throw new Error(`${vifName}: what nobody listens to still crosses`);
  }
}

describe.skipIf(missing !== undefined)(`programs and daemons${missing ? ` (${missing})` : ""}`, () => {
  test.each(PLACES)(
    "programs %s that joined before the daemon started, naming no interface, are served once",
    expectEarlyServed,
  );

  describe.each(["SIGKILL", "SIGUSR2", "SIGTERM"] as const)(
    "over a daemon's end by %s and its new start",
    (how) => {
      test.each(PLACES)("programs %s keep what they joined, whichever way", async (place) => {
        const streams = KINDS.map((kind) => {
          const { sender, receiver } = scene.stream(kind, otherSide(place), "lan");
          return { sender, receivers: HOWS.map((by) => receiver(scene.host(place), by)) };
        });
        for (const { sender, receivers } of streams) await reaches(sender, receivers);
        await scene[place].kill(how);
        await scene[place].restart();
        const since = performance.now();
        await reaches(streams[0]!.sender, streams[0]!.receivers);
        console.log(
          `${place}, ${how}: heard ${(performance.now() - since).toFixed(0)} ms after the new start`,
        );
        await Promise.all(streams.map(({ sender, receivers }) => expectEachOnce(sender, receivers)));
        // No one hears just because another one has joined.
        for (let left = HOWS.length - 1; left > 0; left--) {
          for (const { receivers } of streams) scene.programs.leave(receivers.shift()!);
          await Promise.all(streams.map(({ sender, receivers }) => expectEachOnce(sender, receivers)));
        }
        await expectEarlyServed(place);
      });
    },
  );

  test(`a daemon that ends takes ${TUN} along where nobody has joined there`, async () => {
    const links = async (): Promise<string> => (await scene.host("away").exec("ip", ["link"])).stdout;
    const before = await links();
    await scene.away.kill("SIGTERM");
    const after = await links();
    await scene.away.restart();
    await scene.connected();
    expect(before).toContain(TUN);
    expect(after).not.toContain(TUN);
  });

  test(`a daemon that ends leaves ${TUN} bare to programs that have joined there: nothing is routed to it`, async () => {
    const away = scene.host("away");
    const { sender, receiver } = scene.stream(KINDS[0]!, otherSide("away"), "lan");
    const program = receiver(away, "default");
    await reaches(sender, [program]);
    const shown = async (words: string): Promise<string> => (await away.exec("ip", words.split(" "))).stdout;
    await scene.away.kill("SIGTERM");
    const [joined, routes4, routes6, addresses] = [
      await shown(`maddr show dev ${TUN}`),
      await shown(`-4 route show dev ${TUN}`),
      await shown(`-6 route show table all dev ${TUN}`),
      await shown(`addr show dev ${TUN}`),
    ];
    await scene.away.restart();
    await scene.connected();
    expect(joined).toContain("239.20.0.");
    expect(routes4).toBe("");
    expect(routes6).not.toMatch(/ff[0-9a-f]{2}::\/16/);
    expect(addresses).not.toContain("inet");
    await expectEachOnce(sender, [program]);
  });

  test("programs at home that join what we hold joined on the LAN for a guest already are noticed", async () => {
    const away = scene.host("away");
    const streams = KINDS.map((kind) => scene.stream(kind, away, "lan"));
    for (const { receiver } of streams) receiver(away, "tun");
    await pause(REPORTS_REPEATED_MS);
    const joined = streams.map(({ sender, receiver }) => ({
      sender,
      program: receiver(scene.host("home"), "lan"),
    }));
    await Promise.all(joined.map(({ sender, program }) => expectEachOnce(sender, [program])));
  });

  test("programs at home that join what we hold joined on the LAN, and let go of at once, are noticed", async () => {
    const home = scene.host("home");
    const streams = KINDS.map((kind) => {
      const { sender, receiver } = scene.stream(kind, scene.host("away"), "lan");
      return { sender, receiver, first: receiver(home, "tun") };
    });
    for (const { sender, first } of streams) await reaches(sender, [first]);
    await pause(REPORTS_REPEATED_MS);
    await Promise.all(
      streams.map(({ sender, receiver, first }) => {
        const second = receiver(home, "lan");
        scene.programs.leave(first);
        return expectEachOnce(sender, [second]);
      }),
    );
  });

  test("a program away that leaves unreported, because a neighbour reported last (IGMPv2), is noticed", async () => {
    const [away, neighbour] = [scene.host("away"), scene.host("neighbour")];
    await scene.lab.setSnooping("away", false, false); // neighbours hear each other's reports
    await setIgmpVersion(away, 2);
    await setIgmpVersion(neighbour, 2);
    try {
      const { sender, receiver } = scene.stream(KINDS[0]!, scene.host("home"), "lan");
      const program = receiver(away, "lan");
      await reaches(sender, [program]);
      receiver(neighbour, "lan");
      await pause(REPORTS_REPEATED_MS);
      scene.programs.leave(program);
      await untilNobodyListens(scene.home, "lan", [sender]);
    } finally {
      await setIgmpVersion(away, 0);
      await setIgmpVersion(neighbour, 0);
      await scene.lab.setSnooping("away", true, true);
    }
  });

  describe.each(KINDS)("$name", (kind) => {
    test.each(PLACES)("what a program %s has left does not cross any more", async (place) => {
      const from = scene.host(place === "home" ? "away" : "home");
      const daemon = place === "home" ? scene.away : scene.home;
      const streams = HOWS.map((how) => {
        const { sender, receiver } = scene.stream(kind, from, "lan");
        return { sender, program: receiver(scene.host(place), how) };
      });
      for (const { sender, program } of streams) {
        await reaches(sender, [program]);
        scene.programs.leave(program);
      }
      const senders = streams.map(({ sender }) => sender);
      await untilNobodyListens(daemon, from.interfaceName, senders);
    });

    test("programs at home that come and go cost a host on its LAN no datagram twice, and none at all", async () => {
      const { sender, receiver } = scene.stream(kind, scene.host("away"), "lan");
      const staying = receiver(scene.host("listener"), "lan");
      await reaches(sender, [staying]);
      const sent: number[] = [];
      for (let round = 0; round < 6; round++) {
        const visitor = receiver(scene.host("home"), HOWS[round % HOWS.length]!);
        await reaches(sender, [visitor]);
        for (let i = 0; i < 40; i++) {
          if (i === 10) scene.programs.leave(visitor); // the kernel tells us some 10 ms later
          sent.push(...sender.send(2));
          await pause(1);
        }
      }
      await deliver(sender, [staying], { count: 1 });
      expect(sent.filter((number) => staying.take().get(number) !== 1)).toEqual([]);
    });

    test.each(["lan", "tun"] as const)(
      "programs that come and go beside one that joined on the %s cost it no datagram twice, and just a moment",
      async (how) => {
        const away = scene.host("away");
        const { sender, receiver } = scene.stream(kind, otherSide("away"), "lan");
        const staying = receiver(away, how);
        await reaches(sender, [staying]);
        for (const by of [...HOWS, ...HOWS]) {
          const visitor = receiver(away, by);
          await expectEachOnce(sender, [staying, visitor], { count: 5, quietMs: 20 });
          scene.programs.leave(visitor);
          await reaches(sender, [staying], 1_000);
        }
      },
    );
  });
});
