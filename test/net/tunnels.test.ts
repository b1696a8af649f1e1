// Tunnels of other programs' kinds that end in the daemon: what comes by them reaches the LAN, and the other way round.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Tunnel } from "#contract/tunnels.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { foreground } from "#test/support/foreground.ts";
import { Lab } from "#test/support/lab.ts";
import { PYTHON } from "#test/support/python.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";

const SIXTUNNEL_PEER = fileURLToPath(new URL("../support/sixtunnel_peer.py", import.meta.url));
const missing = missingForLab("ping", "chrt");
const PORTS = [9401, 9402, 9403];
const COUNT = 200;

let lab: Lab;
let home: TestDaemon;
let away: TestDaemon;

beforeAll(async () => {
  if (missing) return;
  lab = await Lab.create({ neighbours: true });
  await lab.setPortForward(PORTS);
  home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
  away = await TestDaemon.inLab(lab, "away", { lan: ["wan=full"] });
}, 90_000);
afterAll(() => lab?.dispose());

async function tunnels(daemon: TestDaemon): Promise<readonly Tunnel[]> {
  return (await daemon.json<{ tunnels: Tunnel[] }>("tunnels")).tunnels;
}

const add = async (daemon: TestDaemon, words: string): Promise<string> =>
  (await daemon.json<{ id: string }>("tunnels", "add", ...words.split(" "))).id;

const connected = (daemon: TestDaemon, id: string): Promise<unknown> =>
  expect
    .poll(async () => (await tunnels(daemon)).find((tunnel) => tunnel.id === id)?.state, { timeout: 15_000 })
    .toBe("up");

interface Way {
  readonly from: string;
  readonly to: string;
  readonly group: string;
  readonly run: number;
  /** Of the receiver's. */
  readonly interface?: string;
  /** Of the sender's. */
  readonly out?: string;
  /** How many may be missing. */
  readonly excused?: () => number;
}

/** The receiver joins, the sender sends; from the first that arrives on, each does, once. */
async function flows({
  from,
  to,
  group,
  run,
  interface: link = "lan",
  out,
  excused = () => 0,
}: Way): Promise<void> {
  const receiver = await startReceiver(lab.host(to), { group, interface: link, run, seconds: 30 });
  const send = { group, run, interface: out ?? lab.host(from).interfaceName, size: 1_200 };
  const first = await startSender(lab.host(from), { ...send, rate: 20 });
  await receiver.first(15_000);
  await first.stop();
  const before = await receiver.report();
  const sender = await startSender(lab.host(from), { ...send, rate: 200, count: COUNT });
  expect(await sender.finished()).toMatchObject({ sent: COUNT, refused: 0 });
  const got = async (): Promise<number> => (await receiver.report()).datagrams - before.datagrams;
  await expect.poll(got, { timeout: 5_000 }).toBeGreaterThanOrEqual(COUNT - excused());
  const { corrupt, datagrams } = await receiver.stop();
  expect(corrupt).toBe(0);
  expect(datagrams - before.datagrams).toBeLessThanOrEqual(COUNT);
}

describe.skipIf(missing)(`tunnels of the daemon${missing ? ` (${missing})` : ""}`, () => {
  test("mcasttunnel: from LAN to LAN, over IPv4 and IPv6, and no loop", { timeout: 90_000 }, async () => {
    const server = await add(home, `mcasttunnel -s -p ${PORTS[0]} -g ff1e::8:9 -r 5004`);
    const client = await add(
      away,
      `mcasttunnel -a ${lab.homePublic.address4} -p ${PORTS[0]} -g ff1e::8:9 -r 5004`,
    );
    await connected(home, server);
    await connected(away, client);
    await flows({ from: "source", to: "neighbour", group: "[ff1e::8:9]:5004", run: 1 });
    await flows({ from: "neighbour", to: "listener", group: "[ff1e::8:9]:5004", run: 2 });
    const [one] = await tunnels(home);
    expect(one).toMatchObject({
      kind: "mcasttunnel",
      role: "server",
      peers: [expect.stringMatching(/:\d+$/)],
    });
    // A second one between the same two LANs: each carries a datagram once, and none carries what the other brought.
    const more = [
      await add(home, `mcasttunnel -s -p ${PORTS[2]} -g ff1e::8:9 -r 5004`),
      await add(away, `mcasttunnel -a ${lab.homePublic.address4} -p ${PORTS[2]} -g ff1e::8:9 -r 5004`),
    ] as const;
    await connected(away, more[1]);
    const twice = await startReceiver(lab.host("neighbour"), {
      ...{ group: "[ff1e::8:9]:5004", interface: "lan", run: 9, seconds: 30 },
    });
    const sender = await startSender(lab.host("source"), {
      ...{ group: "[ff1e::8:9]:5004", interface: "lan", run: 9, rate: 100, count: 100 },
    });
    await sender.finished();
    await expect.poll(async () => (await twice.report()).received).toBe(100);
    expect((await twice.stop()).datagrams).toBeLessThanOrEqual(200);
    await home.json("tunnels", "remove", more[0]);
    await away.json("tunnels", "remove", more[1]);
    // The command, which is the other program's stand-in, at the far end of the daemon's; IPv4.
    await home.json("tunnels", "remove", server);
    await away.json("tunnels", "remove", client);
    const four = await add(home, `mcasttunnel -s -p ${PORTS[0]} -g 239.8.8.9 -r 5004`);
    const far = await foreground(lab.host("away"), [
      ...["mcasttunnel", "-a", lab.homePublic.address4, "-p", String(PORTS[0])],
      ...["-i", lab.host("away").address4, "-g", "239.8.8.9", "-r", "5004", "-t", "3"],
    ]);
    await connected(home, four);
    await flows({ from: "source", to: "neighbour", group: "239.8.8.9:5004", run: 3 });
    await flows({ from: "neighbour", to: "listener", group: "239.8.8.9:5004", run: 4 });
    const snapshot = await home.status();
    expect(snapshot.vifs.find(({ kind }) => kind === "mcasttunnel")).toMatchObject({ state: "up" });
    await far.stop();
    await expect.poll(async () => (await tunnels(home))[0]?.state).toBe("waiting");
    // Nobody is there: the home's LAN is not asked for the group any more.
    const { groups } = await home.status();
    const listening = groups.flatMap(({ listeners }) => listeners).map(({ vif }) => vif);
    expect(listening.filter((vif) => vif.startsWith("mcasttunnel"))).toEqual([]);
    await home.json("tunnels", "remove", four);
  });

  test(
    "the IPv6 tunnel: its clients reach the home's groups, and the home theirs",
    { timeout: 90_000 },
    async () => {
      const server = await add(home, `sixtunnel server --port ${PORTS[1]} --range 2001:db8:aa::/48`);
      const client = await add(
        away,
        `sixtunnel client --port ${PORTS[1]} --address ${lab.homePublic.address4} --id 02:00:00:00:00:01`,
      );
      await connected(away, client);
      await connected(home, server);
      const { stdout } = await lab.host("away").exec("ping", ["-c", "3", "-i", "0.2", "2001:db8:aa::1"]);
      expect(stdout).toContain(" 0% packet loss");
      // A daemon at each end: from LAN to LAN.
      await flows({ from: "source", to: "neighbour", group: "[ff1e::9:1]:5004", run: 5 });
      const listening = await startReceiver(lab.host("listener"), {
        ...{ group: "[ff1e::9:4]:5004", interface: "lan", run: 9, seconds: 30 },
      });
      await flows({
        ...{ from: "away", to: "listener", group: "[ff1e::9:1]:5004", run: 6, out: `six-${client}` },
      });
      // A source that is not in the client's /64 would be refused: it does not leave.
      const foreign = await startSender(lab.host("neighbour"), {
        ...{ group: "[ff1e::9:4]:5004", interface: "lan", run: 9, rate: 50, seconds: 20 },
      });
      await expect
        .poll(async () => (await tunnels(away))[0]!.drops["foreign-source"], { timeout: 10_000 })
        .toBeGreaterThan(10);
      await foreign.stop();
      expect(await listening.stop()).toMatchObject({ received: 0 });

      // The other program's client: its programs join on the tunnel's device, and its kernel reports.
      const original = lab
        .host("neighbour")
        .spawn("chrt", [
          ...["-f", "10", PYTHON, SIXTUNNEL_PEER, "client", lab.homePublic.address4],
          ...[String(PORTS[1]), "02:00:00:00:00:02", "six"],
        ]);
      await original.line(/connected/);
      await flows({
        from: "source",
        to: "neighbour",
        group: "[ff1e::9:2]:5004",
        run: 7,
        interface: "six",
        // It takes for one packet what it reads at once, where this computer lets it wait.
        excused: () => (original.stdout.includes("defect:") ? COUNT / 20 : 0),
      });
      const listener = await startReceiver(lab.host("listener"), {
        ...{ group: "[ff1e::9:3]:5004", interface: "lan", run: 8, seconds: 30 },
      });
      const sender = await startSender(lab.host("neighbour"), {
        ...{ group: "[ff1e::9:3]:5004", interface: "six", run: 8, rate: 50, seconds: 20 },
      });
      await listener.first(15_000);
      const { sources } = await listener.stop();
      expect(Object.keys(sources)).toEqual(["2001:db8:aa:2::1"]);
      await sender.stop();
      const [tunnel] = await tunnels(home);
      expect(tunnel!.peers.map((peer) => peer.split(" ")[1]).sort()).toEqual([
        "2001:db8:aa:1::/64",
        "2001:db8:aa:2::/64",
      ]);

      // The daemon is started anew: the tunnels are there again, with the same prefixes.
      await home.restart();
      await connected(home, server);
      await connected(away, client);
      expect((await tunnels(away))[0]!.peers[0]).toContain("2001:db8:aa:1::/64");
      await away.json("tunnels", "remove", client);
      await home.json("tunnels", "remove", server);
      expect((await lab.host("away").exec("ip", ["-o", "link"])).stdout).not.toContain("six-");
    },
  );
});
