import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { startReceiver, startSender, type Receiver, type SendOptions } from "#test/support/traffic/mcast.ts";
import { PORT, reportUntil } from "./streams-scene.ts";

const missing = missingForLab();
const UDP = 17;
const PACKETS = 400;
const RATE = 200;

// home and home2 sit on one LAN. Each hosts a network and is a guest in the other's; away is a guest in both. So
// there are two ways from everywhere to everywhere, and rings through the LAN.
describe.skipIf(missing !== undefined)(`a loop of two hosts${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  const daemons: TestDaemon[] = [];

  beforeAll(async () => {
    lab = await Lab.create({ home2: true });
    const [home, home2, away] = await Promise.all(
      ["home", "home2", "away"].map((name) =>
        TestDaemon.inLab(lab, name, { lan: name === "away" ? [] : ["lan=full"] }),
      ),
    );
    daemons.push(home!, home2!, away!);
    const toHome = await home!.invite(`[${lab.host("home").address6}]:${PORT}`, "--uses", "2");
    await home2!.json("up", "--name", "annexe");
    const toHome2 = await home2!.invite(`[${lab.host("home2").address6}]:${PORT}`, "--uses", "2");
    await home2!.join(toHome.link);
    await home!.join(toHome2.link);
    await away!.join(toHome.link);
    await away!.join(toHome2.link);
    for (const daemon of daemons) await daemon.until("all sessions are up", allUp);
  });
  afterAll(async () => lab?.dispose());

  const allUp = ({ networks }: Awaited<ReturnType<TestDaemon["status"]>>): boolean =>
    networks.length === 2 &&
    networks.every(
      ({ state, members }) =>
        state === "connected" && members.length === 3 && members.every((member) => member.online),
    );

  /** Every receiver has each packet once; the figures are what crossed which wire meanwhile. */
  async function carry(
    group: string,
    from: string,
    receivers: Readonly<Record<string, Receiver>>,
    options: Partial<SendOptions> = {},
  ): Promise<{ readonly onLan: number; readonly onInternet: number }> {
    const lans = await Promise.all(["home", "home2"].map((name) => Capture.start(lab.host(name), "lan")));
    const internet = await Capture.start(lab.host("internet"), "home");
    const sender = await startSender(lab.host(from), { group, rate: RATE, count: PACKETS, ...options });
    await Promise.all(Object.values(receivers).map((receiver) => receiver.first(20_000)));
    await sender.finished();
    for (const [name, receiver] of Object.entries(receivers)) {
      await reportUntil(receiver, `the last datagram at ${name}`, ({ last_seq }) => last_seq === PACKETS - 1);
      const report = await receiver.stop();
      expect(report, name).toMatchObject({ lost: 0, duplicates: 0, corrupt: 0 });
      expect(report.received, name).toBeGreaterThan(PACKETS / 2);
    }
    const passed = (await Promise.all(lans.map((capture) => capture.stop()))).flat();
    return {
      onLan: passed.filter(
        ({ out, protocol, destination }) => out && protocol === UDP && destination === group,
      ).length,
      onInternet: (await internet.stop()).filter(({ length }) => length > 1300).length,
    };
  }

  test("each is a member of both networks, with an address in each", async () => {
    for (const daemon of daemons) {
      const { networks } = await daemon.status();
      expect(networks.map(({ role }) => role).sort()).toEqual(
        daemon.machine.name === "away" ? ["guest", "guest"] : ["guest", "host"],
      );
      expect(new Set(networks.flatMap(({ ownAddresses }) => ownAddresses)).size).toBe(4);
    }
  });

  test("a stream of the LAN: each listener has each packet once, and nothing comes back to the LAN", async () => {
    const group = "239.8.1.1";
    const { onLan, onInternet } = await carry(
      group,
      "source",
      {
        listener: await startReceiver(lab.host("listener"), { group }),
        "home by the tunnel": await startReceiver(lab.host("home"), { group }),
        "home2 by the tunnel": await startReceiver(lab.host("home2"), { group }),
        "home by the LAN": await startReceiver(lab.host("home"), { group, interface: "lan" }),
        "home2 by the LAN": await startReceiver(lab.host("home2"), { group, interface: "lan" }),
        away: await startReceiver(lab.host("away"), { group }),
      },
      { interface: "lan" },
    );
    expect(onLan).toBe(0);
    // Both hosts may send it to the guest that they share; neither sends it twice.
    expect(onInternet).toBeLessThanOrEqual(2.1 * PACKETS);
  });

  test("a stream from afar: on the LAN once, and once at each listener", async () => {
    const group = "239.8.1.2";
    const { onLan, onInternet } = await carry(group, "away", {
      listener: await startReceiver(lab.host("listener"), { group }),
      source: await startReceiver(lab.host("source"), { group }),
      "home by the tunnel": await startReceiver(lab.host("home"), { group }),
      "home2 by the LAN": await startReceiver(lab.host("home2"), { group, interface: "lan" }),
    });
    expect(onLan).toBeGreaterThan(PACKETS / 2);
    expect(onLan).toBeLessThanOrEqual(PACKETS);
    expect(onInternet).toBeLessThanOrEqual(2.1 * PACKETS);
  });

  test.each(["home", "home2"])("a stream that a program on %s sends into the tunnel", async (from) => {
    const group = from === "home" ? "239.8.1.3" : "239.8.1.4";
    const other = from === "home" ? "home2" : "home";
    const { onLan, onInternet } = await carry(group, from, {
      listener: await startReceiver(lab.host("listener"), { group }),
      [`${other} by the tunnel`]: await startReceiver(lab.host(other), { group }),
      [`${from} by the tunnel`]: await startReceiver(lab.host(from), { group }),
      away: await startReceiver(lab.host("away"), { group }),
    });
    expect(onLan).toBeGreaterThan(PACKETS / 2);
    expect(onLan).toBeLessThanOrEqual(PACKETS);
    expect(onInternet).toBeLessThanOrEqual(2.1 * PACKETS);
  });

  test("nothing goes round when nobody sends any more", async () => {
    const lan = await Capture.start(lab.host("home"), "lan");
    const internet = await Capture.start(lab.host("internet"), "home");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const groups = (await lan.stop()).filter(
      ({ protocol, destination }) => protocol === UDP && destination.startsWith("239.8."),
    );
    expect(groups).toEqual([]);
    expect((await internet.stop()).length).toBeLessThan(60);
  });
});
