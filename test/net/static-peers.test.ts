// Computers behind NATs of their own that have each other in a file: no invite, no host.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Result } from "#contract/methods.ts";
import type { Snapshot } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { removeAtEnd } from "#test/support/lab/cleanup.ts";
import { Lab } from "#test/support/lab.ts";
import { hasCommand, missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender, type Receiver, type Sender } from "#test/support/traffic/mcast.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab("tcpdump");
const NAMES = ["home", "home2", "away", "away2", "away3"] as const;
type Name = (typeof NAMES)[number];
const TUN = "castaway0";
const RATE = 300;
const ENOUGH = 200;
const HOME_NAME = "home.example";
/** Nobody's, RFC 5737. */
const UNKNOWN = "192.0.2.99";

describe.skipIf(missing !== undefined)(`joined by a file${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let folder: string;
  let hosts: string | undefined;
  let daemons: Record<Name, TestDaemon>;
  let keys: Record<Name, Result<"key.show">>;
  let endpoints: Partial<Record<Name, string>>;
  const psk = Buffer.alloc(32, 7).toString("base64");

  const fileOf = (name: Name): string => join(folder, `${name}.conf`);
  const line = (name: Name, more = "", endpoint = endpoints[name]): string =>
    `peer ${name} key ${keys[name].publicKey}${endpoint ? ` endpoint ${endpoint}` : ""} ${more}\n`;
  const write = (name: Name, ...peers: readonly string[]): void =>
    writeFileSync(fileOf(name), `network studio\npsk ${psk}\n${peers.join("")}`, { mode: 0o600 });
  const online = (daemon: TestDaemon, ...names: readonly string[]): Promise<unknown> =>
    daemon.until(`${names.join(" and ")} online`, ({ networks }) => {
      const here = networks[0]?.members.filter((member) => member.online && !member.self) ?? [];
      return (
        here
          .map((member) => member.name)
          .sort()
          .join() === [...names].sort().join()
      );
    });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "castaway-static-"));
    chmodSync(folder, 0o755);
    lab = await Lab.create({ away: 3, home2: true, portForward: PORT });
    await lab.setInboundBlocked6("home", true);
    await lab.setInboundBlocked6("away", true);
    writeHosts(UNKNOWN);
    const started = await Promise.all(
      NAMES.map((name) => {
        writeFileSync(fileOf(name), "", { mode: 0o600 });
        const lan = name.startsWith("home") ? ["lan=full"] : [];
        return TestDaemon.inLab(lab, name, { lan, args: ["--peers", fileOf(name)] });
      }),
    );
    daemons = Object.fromEntries(NAMES.map((name, i) => [name, started[i]!])) as typeof daemons;
    const shown = await Promise.all(started.map((daemon) => daemon.json<Result<"key.show">>("key", "show")));
    keys = Object.fromEntries(NAMES.map((name, i) => [name, shown[i]!])) as typeof keys;
    // The laptop behind the first NAT is reached by nobody; the second has IPv6, as many networks do.
    endpoints = {
      home: `${lab.homePublic.address4}:${PORT}`,
      away2: `[${lab.host("away2").address6}]:${PORT}`,
    };
    write("home", line("away"), line("away2"));
    write("away", line("home", "", `${HOME_NAME}:${PORT}`), line("away2"));
    write("away2", line("home"), line("away"));
    await Promise.all([daemons.home, daemons.away, daemons.away2].map((daemon) => daemon.json("reload")));
    await online(daemons.away, "away2");
    writeHosts(lab.homePublic.address4); // while others are looked at
  }, 60_000);
  afterAll(async () => {
    await lab?.dispose();
    if (hosts) rmSync(dirname(hosts), { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  });

  /** What the laptop's name service says of the home: ip-netns(8) puts the file over /etc/hosts. */
  function writeHosts(address: string): void {
    if (!hosts) {
      hosts = join("/etc/netns", lab.host("away").namespace, "hosts");
      removeAtEnd(dirname(hosts));
      mkdirSync(dirname(hosts), { recursive: true });
    }
    writeFileSync(hosts, `127.0.0.1 localhost\n${address} ${HOME_NAME}\n`);
  }

  /** Everybody has enough of it, each datagram once and none missing. */
  async function allHear(sender: Sender, receivers: readonly Receiver[]): Promise<void> {
    await Promise.all(receivers.map((receiver) => receiver.first()));
    for (const receiver of receivers)
      await expect
        .poll(async () => (await receiver.report()).received, { timeout: 10_000, interval: 100 })
        .toBeGreaterThan(ENOUGH);
    for (const receiver of receivers)
      expect(await receiver.stop()).toMatchObject({ duplicates: 0, lost: 0, corrupt: 0 });
    await sender.stop();
  }

  test("a key that is not in the file gets not a word, and is counted", async () => {
    const router = lab.host("away3-router");
    const capture = router.spawn("tcpdump", ["-n", "-l", "-i", "wan", "udp", "port", String(PORT)]);
    await expect.poll(() => capture.stderr).toContain("listening on");
    write("away3", line("home"));
    await daemons.away3.json("reload");
    const strangers = async (): Promise<number> =>
      (await daemons.home.json<Result<"stats">>("stats")).counters["session.handshakes-dropped-stranger"] ??
      0;
    const packets = (): string[] => capture.stdout.split("\n").filter((text) => text.includes(" IP"));
    await expect.poll(() => packets().length, { timeout: 10_000 }).toBeGreaterThan(2);
    await expect.poll(strangers, { timeout: 10_000, interval: 500 }).toBeGreaterThan(1);
    await capture.stop();
    const answers = packets().filter((text) => text.includes(`IP ${lab.homePublic.address4}.${PORT} >`));
    expect(answers).toEqual([]);
    const { networks } = await daemons.away3.status();
    expect(networks[0]!.state).toBe("connecting");
    write("away3");
    await daemons.away3.json("reload");
    expect((await daemons.away3.status()).networks).toEqual([]);
  });

  test("a name that led somewhere else is looked up again, until it leads there", async () => {
    await online(daemons.away, "away2", "home");
  });

  test("all three find each other, and have the addresses that follow from their keys", async () => {
    await online(daemons.home, "away", "away2");
    await online(daemons.away, "home", "away2");
    await online(daemons.away2, "home", "away");
    const { networks } = await daemons.away.status();
    expect(networks).toHaveLength(1);
    expect(networks[0]).toMatchObject({ name: "studio", role: "static", state: "connected" });
    expect(networks[0]!.ownAddresses).toEqual(keys.away.addresses);
    expect(networks[0]!.members[1]).toMatchObject({ name: "home", addresses: keys.home.addresses });
    for (const address of keys.away2.addresses) {
      const ping = await lab.host("away").exec("ping", ["-c", "1", "-W", "5", address]);
      expect(ping.stdout).toContain("0% packet loss");
    }
    const { stdout } = await daemons.home.castaway("status");
    expect(stdout).toContain("studio (static): connected. 2 of 2 peers of the peers file are here.");
  });

  /** Three streams at once: out of the home's LAN, and out of each of the others. */
  async function manyToMany(fromLan: string, fromAway: string, fromAway2: string): Promise<void> {
    const heard = await Promise.all([
      Promise.all(["away", "away2"].map((name) => startReceiver(lab.host(name), { group: fromLan }))),
      Promise.all([
        startReceiver(lab.host("listener"), { group: fromAway, interface: "lan" }),
        startReceiver(lab.host("away2"), { group: fromAway }),
      ]),
      Promise.all([
        startReceiver(lab.host("listener"), { group: fromAway2, interface: "lan" }),
        startReceiver(lab.host("away"), { group: fromAway2 }),
      ]),
    ]);
    const senders = await Promise.all([
      startSender(lab.host("source"), { group: fromLan, interface: "lan", rate: RATE }),
      startSender(lab.host("away"), { group: fromAway, interface: TUN, rate: RATE }),
      startSender(lab.host("away2"), { group: fromAway2, interface: TUN, rate: RATE }),
    ]);
    await Promise.all(senders.map((sender, i) => allHear(sender, heard[i]!)));
  }

  test("many to many, each datagram once, in both families", async () => {
    await Promise.all([
      manyToMany("239.60.1.1", "239.60.1.2", "239.60.1.3"),
      manyToMany("[ff1e::60:1]", "[ff1e::60:2]", "[ff1e::60:3]"),
    ]);
  });

  test("a Librecast channel goes through, between two laptops", async (context) => {
    if (!hasCommand("gcc")) context.skip("needs gcc");
    const program = join(folder, "librecast");
    const source = fileURLToPath(new URL("../support/traffic/librecast.c", import.meta.url));
    const built = spawnSync("gcc", ["-o", program, source, "-llibrecast"], { encoding: "utf8" });
    if (built.status !== 0) context.skip("needs liblibrecast-dev");
    const receiver = lab.host("away2").spawn(program, [TUN, "castaway static", "recv"]);
    await receiver.line(/joined/);
    const sender = lab.host("away").spawn(program, [TUN, "castaway static", "hello by file"]);
    await receiver.line(/hello by file/, 20_000);
    await Promise.all([receiver.stop(), sender.stop()]);
  });

  test("who is taken out of the file is out at once, and the others notice nothing", async () => {
    const group = "239.60.2.1";
    const up = "239.60.2.2";
    const [out, stays, atHome] = await Promise.all([
      startReceiver(lab.host("away"), { group }),
      startReceiver(lab.host("away2"), { group }),
      startReceiver(lab.host("listener"), { group: up, interface: "lan" }),
    ]);
    const senders = await Promise.all([
      startSender(lab.host("source"), { group, interface: "lan", rate: RATE }),
      startSender(lab.host("away"), { group: up, interface: TUN, rate: RATE }),
    ]);
    await Promise.all([out, stays, atHome].map((receiver) => receiver.first()));
    write("home", line("away2"));
    await daemons.home.json("reload");
    // The command has just returned; what was under way arrives while the report is made.
    const [before, beforeHome, beforeStays] = [
      await out.report(),
      await atHome.report(),
      await stays.report(),
    ];
    await expect
      .poll(async () => (await stays.report()).received - beforeStays.received, { timeout: 10_000 })
      .toBeGreaterThan(ENOUGH);
    const [after, afterHome, afterStays] = [await out.stop(), await atHome.stop(), await stays.stop()];
    await Promise.all(senders.map((sender) => sender.stop()));
    expect([after.received, afterHome.received]).toEqual([before.received, beforeHome.received]);
    expect(afterStays).toMatchObject({ lost: 0, duplicates: 0 });
  });

  test("a file that others may write, or a psk that all may read, is refused; what was in force stays", async () => {
    write("home", line("away"), line("away2"));
    for (const [mode, message] of [
      [0o602, "can be written by other users"],
      [0o604, "a psk is a secret"],
    ] as const) {
      chmodSync(fileOf("home"), mode);
      const { code, stderr } = await daemons.home.castaway("reload");
      expect(code).toBe(2); // a bad request
      expect(stderr).toContain(message);
      expect(stderr).not.toContain(psk);
    }
    const snapshot = await daemons.home.status();
    expect(snapshot.warnings).toContainEqual(expect.objectContaining({ code: "peers-file" }));
    expect(snapshot.networks[0]!.members.map(({ name }) => name).slice(1)).toEqual(["away2"]);
    chmodSync(fileOf("home"), 0o600);
    process.kill(daemons.home.pid, "SIGHUP");
    await online(daemons.home, "away", "away2");
    expect((await daemons.home.status()).warnings).toEqual([]);
  });

  test("of two on one LAN one forwards there: nothing comes twice, or goes in circles", async () => {
    const onLan = (name: "home" | "home2"): string => `${lab.host(name).address4}:${PORT}`;
    write("home", line("home2", "", onLan("home2")), line("away2"));
    write("home2", line("home", "", onLan("home")), line("away2"));
    write("away2", line("home"), line("home2"));
    await Promise.all([daemons.home, daemons.home2, daemons.away2].map((daemon) => daemon.json("reload")));
    await online(daemons.home, "home2", "away2");
    await online(daemons.home2, "home", "away2");
    const roles = (): string[] =>
      [daemons.home, daemons.home2].flatMap(
        ({ output }) => [...output.matchAll(/this computer is (\w+) on a LAN/g)].at(-1)?.[1] ?? [],
      );
    await expect.poll(() => roles().sort(), { timeout: 15_000 }).toEqual(["forwarder", "passive"]);
    const [down, up] = ["239.60.3.1", "239.60.3.2"];
    const programs = (group: string): Promise<Receiver>[] =>
      ["home", "home2", "away2"].map((name) => startReceiver(lab.host(name), { group }));
    const heard = await Promise.all([
      Promise.all(programs(down)),
      Promise.all([
        ...programs(up).slice(0, 2),
        startReceiver(lab.host("listener"), { group: up, interface: "lan" }),
      ]),
    ]);
    const senders = await Promise.all([
      startSender(lab.host("source"), { group: down, interface: "lan", rate: RATE }),
      startSender(lab.host("away2"), { group: up, interface: TUN, rate: RATE }),
    ]);
    await Promise.all(senders.map((sender, i) => allHear(sender, heard[i]!)));
  });

  test("the hub of a star passes on between those who say that it may, and TCP does where UDP does not pass", async () => {
    await lab.setUdpBlocked("away", true);
    write("home", "forward\n", line("away"), line("away2", "", ""), line("away3"));
    const all = "hub ranges 100.64.0.0/10,fd00::/8";
    write("away", line("home", all));
    write("away2", line("home"));
    write("away3", line("home", all));
    await Promise.all(
      [daemons.home, daemons.away, daemons.away2, daemons.away3].map((one) => one.json("reload")),
    );
    await online(daemons.home, "away", "away2", "away3");
    const { networks } = await daemons.away.status();
    expect(networks[0]!.members[1]).toMatchObject({ name: "home", path: "tcp" });
    const group = "239.60.4.1";
    const receivers = await Promise.all([
      startReceiver(lab.host("away3"), { group }),
      startReceiver(lab.host("listener"), { group, interface: "lan" }),
    ]);
    const without = await startReceiver(lab.host("away2"), { group });
    const sender = await startSender(lab.host("away"), { group, interface: TUN, rate: RATE });
    await allHear(sender, receivers);
    // Its file does not say that home is a hub.
    expect((await without.stop()).received).toBe(0);
    const { drops } = await daemons.away2.json<Result<"stats">>("stats");
    expect(drops["wrong-origin"]).toBeGreaterThan(ENOUGH);
    // By unicast too, and although away has just sent to a group (METRIC_UNICAST4 in rtnetlink-routes.ts).
    for (const address of keys.away3.addresses) {
      const ping = await lab.host("away").exec("ping", ["-c", "1", "-W", "5", address]);
      expect(ping.stdout).toContain("0% packet loss");
    }
  });

  test("who is a guest of the same computer, too, has everything once, and so has the home", async () => {
    await lab.setUdpBlocked("away", false);
    write("home", line("away"));
    write("away", line("home"));
    const { link } = await daemons.home.invite(endpoints.home!);
    await Promise.all([daemons.home, daemons.away].map((one) => one.json("reload")));
    await daemons.away.join(link);
    const both = ({ networks }: Snapshot): boolean =>
      networks.map(({ role, state }) => `${role} ${state}`).join() === "guest connected,static connected";
    await daemons.away.until("guest and peer", both);
    const [down, up] = ["239.60.5.1", "239.60.5.2"];
    const heard = await Promise.all([
      startReceiver(lab.host("away"), { group: down }),
      startReceiver(lab.host("listener"), { group: up, interface: "lan" }),
    ]);
    const senders = await Promise.all([
      startSender(lab.host("source"), { group: down, interface: "lan", rate: RATE }),
      startSender(lab.host("away"), { group: up, interface: TUN, rate: RATE }),
    ]);
    await Promise.all(senders.map((sender, i) => allHear(sender, [heard[i]!])));
    const { drops } = await daemons.away.json<Result<"stats">>("stats");
    // It did come by both ways: the second one is known by its source, or by origin and number.
    expect((drops["rpf"] ?? 0) + (drops["duplicate"] ?? 0)).toBeGreaterThan(ENOUGH / 2);
  });
});
