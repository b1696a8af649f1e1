// The real commands against a daemon that records what it is asked.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ROOT, startFakeDaemon, type FakeDaemon } from "../control/fake-daemon.ts";
import { NOW, SNAPSHOT, STREAM } from "../control/sample-state.ts";
import { run, type Run, type RunOptions } from "./run.ts";

let daemon: FakeDaemon;
beforeAll(async () => {
  daemon = await startFakeDaemon();
});
afterAll(() => daemon.stop());
beforeEach(() => {
  daemon.calls.splice(0);
  daemon.caller = ROOT;
  daemon.snapshot = SNAPSHOT;
});

function castaway(line: string, options: RunOptions = {}): Promise<Run> {
  const environment = { CASTAWAY_SOCKET: daemon.path, ...options.environment };
  return run(line.split(" ").filter(Boolean), { ...options, environment });
}

// command line, the call that it makes, a part of the line that it prints
test.each([
  ["up", { method: "up", params: {} }, "Home (host): connected."],
  ["up --network Home --name x", { method: "up", params: { network: "Home", name: "x" } }, "Home"],
  ["down", { method: "down", params: {} }, "Disconnected."],
  ["down --network Home", { method: "down", params: { network: "Home" } }, "castaway up"],
  ["invite", { method: "invite.create", params: {} }, "castaway://join/"],
  [
    "invite --network Home --uses 3 --expires 90m --approve",
    {
      method: "invite.create",
      params: { network: "Home", uses: 3, expiresInSeconds: 5_400, approval: true },
    },
    "castaway invite revoke i1",
  ],
  [
    "invite inspect castaway://join/good",
    { method: "invite.inspect", params: { link: "castaway://join/good" } },
    "reached by: 198.51.100.1:4242, the DHT",
  ],
  [
    "invite inspect castaway://join/old",
    { method: "invite.inspect", params: { link: "castaway://join/old" } },
    "expired, 1 h ago. Ask the host for a new one.",
  ],
  [
    "invite --label Anna --no-qr",
    { method: "invite.create", params: { label: "Anna" } },
    "castaway invite revoke i1",
  ],
  ["invite list", { method: "invite.list", params: {} }, "1 of 1"],
  ["invite list", { method: "invite.list", params: {} }, "for Anna[2J"],
  ["invite revoke i1", { method: "invite.revoke", params: { invite: "i1" } }, "revoked"],
  ["invite approve r1", { method: "invite.approve", params: { request: "r1" } }, "approved"],
  ["invite deny r1", { method: "invite.deny", params: { request: "r1" } }, "denied"],
  ["join castaway://join/good", { method: "join", params: { link: "castaway://join/good" } }, "10.77.0.2"],
  ["join x --name bob", { method: "join", params: { link: "x", name: "bob" } }, "Joined Home."],
  ["leave", { method: "leave", params: {} }, "Left."],
  ["leave Home", { method: "leave", params: { network: "Home" } }, "Left."],
  ["members", { method: "members.list", params: {} }, "23.4 ms"],
  [
    "members list --network Home",
    { method: "members.list", params: { network: "Home" } },
    "direct 198.51.100.7:4242",
  ],
  ["members rename 2 bob", { method: "members.rename", params: { member: 2, name: "bob" } }, "is bob now"],
  [
    "members limit 2 20M",
    { method: "members.limit", params: { member: 2, bitsPerSecond: 20_000_000 } },
    "is sent at most 20.0 Mbit/s",
  ],
  [
    "members limit home off",
    { method: "members.limit", params: { member: 1, bitsPerSecond: null } },
    "Nothing limits what is sent to home",
  ],
  ["members remove 2", { method: "members.remove", params: { member: 2 } }, "removed"],
  ["members remove home", { method: "members.remove", params: { member: 1 } }, "home is removed"],
  ["routes", { method: "routes.list", params: {} }, "239.9.9.9"],
  [
    "routes add 239.1.1.1 --from eth0",
    { method: "routes.add", params: { group: "239.1.1.1", fromVif: "eth0", toVifs: [] } },
    "castaway routes remove s2",
  ],
  [
    "routes add 232.1.1.0/24 --from eth+ --source 192.0.2.1 --to alice tun0",
    {
      method: "routes.add",
      params: { group: "232.1.1.0/24", source: "192.0.2.1", fromVif: "eth+", toVifs: ["alice", "tun0"] },
    },
    "s2",
  ],
  [
    "reload",
    { method: "routes.reload", params: {} },
    "/etc/castaway/routes.conf is in force: 3 joins and routes",
  ],
  ["reload", { method: "routes.reload", params: {} }, "/etc/castaway/peers.conf is in force: 1 peer."],
  [
    "key",
    { method: "key.show", params: {} },
    "peer home-box key EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8= endpoint HOST:42268",
  ],
  ["key show", { method: "key.show", params: {} }, "fingerprint  1f3a 90bc 5d2e 77a1 04c8"],
  ["routes remove s1", { method: "routes.remove", params: { id: "s1" } }, "Removed s1."],
  ["lans", { method: "lans.list", params: {} }, "chosen by the daemon"],
  [
    "lans set eth0 local",
    { method: "lans.set", params: { name: "eth0", mode: "local" } },
    "eth0 is local now.",
  ],
  ["reach", { method: "reach.get", params: {} }, "has opened 203.0.113.5:4242 by PCP"],
  ["reach --port 5000", { method: "reach.set", params: { port: 5000 } }, "port           5000"],
  ["reach --port auto", { method: "reach.set", params: { port: null } }, "auto"],
  [
    "reach --port-mapping off --dht on --dht-bootstrap 192.0.2.1:49737,dht.example:1 --meet [2001:db8::1]:4443",
    {
      method: "reach.set",
      params: {
        portMapping: false,
        dht: true,
        dhtBootstrap: ["192.0.2.1:49737", "dht.example:1"],
        meet: "[2001:db8::1]:4443",
      },
    },
    "dht.example:1",
  ],
  [
    `reach --tcp off --tls on --proxy off --meet off --dht-bootstrap default --dht-relays ${"aB".repeat(32)}`,
    {
      method: "reach.set",
      params: {
        tcp: false,
        tls: true,
        proxy: "off",
        meet: "off",
        dhtBootstrap: [],
        dhtRelays: ["aB".repeat(32)],
      },
    },
    "tls",
  ],
  ["presets", { method: "presets.list", params: {} }, "dlna"],
  ["share dlna", { method: "presets.set", params: { preset: "dlna", on: true } }, "castaway share lan on"],
  ["share iptv off", { method: "presets.set", params: { preset: "iptv", on: false } }, "iptv is off now."],
  [
    "groups raise-ttl 239.1.2.3",
    { method: "groups.raise-ttl", params: { group: "239.1.2.3", on: true } },
    "whatever TTL",
  ],
  [
    "groups raise-ttl ff15::1 off",
    { method: "groups.raise-ttl", params: { group: "ff15::1", on: false } },
    "as far as its TTL says",
  ],
  ["share lan", { method: "share.get", params: {} }, "its LANs are not shared"],
  [
    "share lan on --interface eth0 wlan0",
    { method: "share.lan", params: { on: true, interfaces: ["eth0", "wlan0"] } },
    "castaway share lan on",
  ],
  [
    "share subnet on --interface eth1 --network Home",
    { method: "share.subnet", params: { on: true, interface: "eth1", network: "Home" } },
    "Home (host)",
  ],
  ["share lan off", { method: "share.lan", params: { on: false } }, "not shared any more"],
  [
    "share use off --network Home",
    { method: "share.use", params: { network: "Home", on: false } },
    "Home (host)",
  ],
  ["metrics", { method: "metrics.get", params: {} }, "Metrics are off."],
  ["metrics on", { method: "metrics.set", params: { on: true } }, "Refused: 2."],
  [
    "metrics on --listen [::1]:9470",
    { method: "metrics.set", params: { on: true, listen: "[::1]:9470" } },
    "http://[::1]:9470/metrics",
  ],
  ["metrics off", { method: "metrics.set", params: { on: false } }, "Nothing listens."],
  ["proxy status", { method: "proxy.get", params: {} }, "The proxy is off."],
  [
    "proxy on --upstream eth0 --downstream eth1 wlan0 --deny 239.255.0.0/16 --rate-limit 20M --quick-leave",
    {
      method: "proxy.set",
      params: {
        on: true,
        upstream: "eth0",
        downstream: ["eth1", "wlan0"],
        denied: ["239.255.0.0/16"],
        bitsPerSecond: 20_000_000,
        quickLeave: true,
      },
    },
    "gets 20.0 Mbit/s at most",
  ],
  [
    "proxy on --upstream auto --downstream auto --sources any --allow any --deny none --rate-limit off --quick-leave off",
    {
      method: "proxy.set",
      params: {
        on: true,
        upstream: null,
        downstream: [],
        sources: [],
        allowed: [],
        denied: [],
        bitsPerSecond: null,
        quickLeave: false,
      },
    },
    "The proxy is on",
  ],
  ["proxy off", { method: "proxy.set", params: { on: false } }, "The proxy is off."],
  ["owners", { method: "owners.list", params: {} }, "uid 1000"],
  ["owners add 1005", { method: "owners.add", params: { uid: 1005 } }, "uid 1005"],
  ["owners remove root", { method: "owners.remove", params: { uid: 0 } }, "no longer"],
  ["stats", { method: "stats", params: {} }, "session.handshakes"],
  ["dump", { method: "dump", params: {} }, "*** Statistics Dump"],
  ["doctor", { method: "doctor", params: {} }, "Forward UDP 4242."],
  [
    "doctor --fix",
    { method: "doctor.fix", params: { fix: "port-mapping" } },
    "To take it back: castaway reach --port-mapping off",
  ],
  ["logs", { method: "logs", params: { limit: 200 } }, "listening number=2"],
  ["logs -n 1", { method: "logs", params: { limit: 1 } }, "listening"],
  ["daemon --stop", { method: "shutdown", params: {} }, "stops"],
])("castaway %s", async (line, call, printed) => {
  const human = await castaway(line);
  expect(human).toMatchObject({ code: 0, err: "" });
  expect(daemon.calls.at(-1)).toMatchObject(call);
  expect(human.out).toContain(printed);
  expect(human.out).not.toContain("\u001b");

  const machine = await castaway(`${line} --json`);
  expect(machine).toMatchObject({ code: 0, err: "" });
  const objects = line.startsWith("logs") ? machine.out.trim().split("\n") : [machine.out];
  for (const text of objects) expect(JSON.parse(text)).toBeTypeOf("object");
});

test("status: networks, members, who waits, streams and warnings", async () => {
  const { out } = await castaway("status");
  expect(out).toBe(`Home (host): connected. 2 members, 1 online.
  addresses: fd12:3456:789a:1::1, 10.77.0.1
  fingerprint: a1b2 c3d4 e5f6 0718 293a
! bob at 203.0.113.9:1000 asks to join
  castaway invite approve r1, or castaway invite deny r1
  2 alice[2J laptop: direct 198.51.100.7:4242, 23.4 ms, path MTU 1420
    circuit breaker: at most 3.00 Mbit/s of multicast, 12 % lost; limited to 20.0 Mbit/s
Streams: 1 running, 10.5 Mbit/s; 1 groups known
LAN interfaces: eth0 (full)
Shared for applications: dlna; discovery proxies: ssdp
! 239.1.2.3 is sent with TTL 1
  Raise the sender's TTL.
Daemon 0.1.0, process 4711, up for 1 h
`);
  expect(JSON.parse((await castaway("status --json")).out)).toEqual(SNAPSHOT);
});

test("groups: the table says who listens, and why a stream cannot be routed", async () => {
  const { out } = await castaway("groups");
  expect(out).toContain(
    "239.1.2.3  News[2J at ten  192.168.1.10 (attic-nas)  eth0  alice, tun0 (here) include 1  rtp-mpegts, port 5004  10.5 Mbit/s       1000     1000  1.2 %  1 (too low to be routed)  now",
  );
  const announced = { ...STREAM, source: null, sourceName: null, listeners: [], pps: 0, lastSeen: null };
  daemon.snapshot = { ...SNAPSHOT, groups: [announced] };
  expect((await castaway("groups")).out).toMatch(/News.* any .* nobody .*announced\n/);
  daemon.snapshot = { ...SNAPSHOT, groups: [] };
  expect((await castaway("groups")).out).toContain("No groups");
});

test("dump: what ecmh's dump carries, by group and interface", async () => {
  const { out } = await castaway("dump");
  for (const part of [
    "Group : 239.1.2.3",
    "  Name                  : News[2J at ten (announcement)",
    "  Source name           : attic-nas",
    "  Carries               : rtp-mpegts, port 5004",
    "  Incoming interface    : eth0",
    "  Interface             : tun0 (programs on this computer)",
    "    Mode                : INCLUDE",
    "    Sources             : 192.168.1.10",
    "    Bytes               : 1302840",
    "    Packets             : 990",
    "    Age                 : 1 min 5 s",
    "1 groups, 2 subscriptions",
    "Interface : eth0",
    "  IGMP version          : v3, querier 192.168.1.1",
    "  MLD version           : v2, querier this daemon",
    "  Dropped, ttl-exceeded : 12",
    "  Total subscriptions   : 2",
    "  Uptime                : 1 h",
    "  session.handshakes    : 3",
    "  s1: (*, 239.9.9.9) from eth+ to alice",
  ])
    expect(out).toContain(`${part}\n`);
});

describe("on a terminal", () => {
  test("invite shows a QR code of its link", async () => {
    const { out } = await castaway("invite", { tty: true, columns: 120 });
    expect(out).toMatch(/[█▀▄]{10}/);
    expect((await castaway("invite --no-qr", { tty: true, columns: 120 })).out).not.toMatch(/[█▀▄]/);
  });

  test("a terminal too narrow for it gets the link and a sentence", async () => {
    const { out, code } = await castaway("invite", { tty: true, columns: 20 });
    expect(code).toBe(0);
    expect(out).toContain("castaway://join/");
    expect(out).toContain("this terminal has 20");
  });

  test("states have colours, and names still cannot steer it", async () => {
    const { out } = await castaway("status", { tty: true });
    expect(out).toContain("\u001b[32mconnected\u001b[0m");
    expect(out).not.toContain("\u001b[2J");
  });
});

describe("doctor", () => {
  test("ends with 1 where something fails", async () => {
    const checks = [
      { name: "tun", status: "fail" as const, message: "no /dev/net/tun", remedy: "modprobe tun" },
    ];
    const ill = await startFakeDaemon({ api: { doctor: async () => ({ checks }) } });
    const { code, out } = await run(["doctor", "--socket", ill.path]);
    await ill.stop();
    expect(out).toBe(
      "ok   daemon: it runs and answers\nfail tun: no /dev/net/tun\n     modprobe tun\n1 failed\n",
    );
    expect(code).toBe(1);
  });

  test("shows whoever looks on what it is at, in the order of the topics, and keeps that out of its output", async () => {
    const topics = ["slow", "quick"].map((id) => ({ id, title: `the ${id} part` }));
    const looked = await startFakeDaemon({
      api: {
        "doctor.topics": async () => ({ topics }),
        doctor: async ({ topic = "" }) => {
          if (topic === "slow") await new Promise((resolve) => setTimeout(resolve, 50));
          return { checks: [{ name: topic, status: "ok" as const, message: "fine", remedy: null }] };
        },
      },
    });
    const words = ["doctor", "--socket", looked.path];
    const seen = await run(words, { tty: true });
    const piped = await run(words);
    await looked.stop();
    expect(seen.err).toContain("looking at the slow part ...");
    expect(seen.err.endsWith("\u001b[K")).toBe(true); // nothing of it stays
    expect(piped).toMatchObject({
      code: 0,
      err: "",
      out: "ok   daemon: it runs and answers\nok   slow: fine\nok   quick: fine\nAll is well.\n",
    });
  });

  test("says that the daemon is of another version", async () => {
    const old = await startFakeDaemon({ buildVersion: "0.0.9" });
    const { checks } = JSON.parse((await run(["doctor", "--json", "--socket", old.path])).out) as {
      checks: { status: string; message: string; remedy: string }[];
    };
    await old.stop();
    expect(checks[0]).toMatchObject({
      status: "warn",
      message: "it runs and answers, but is version 0.0.9; this program is 0.1.0",
      remedy: expect.stringContaining("systemctl restart castaway") as string,
    });
  });

  test("says how to start a daemon that does not run", async () => {
    const { code, out, err } = await run(["doctor", "--socket", "/nowhere/control.sock"]);
    expect(out).toContain("fail daemon: ");
    expect(out).toContain("sudo systemctl start castaway");
    expect({ code, err }).toEqual({ code: 3, err: "" });
  });
});

test("logs --follow goes on until the daemon ends", async () => {
  const short = await startFakeDaemon();
  const { code, out, err } = await run(["logs", "-f", "-n", "1", "--socket", short.path], {
    onOutput: (text) => {
      if (text.includes("listening")) {
        short.server.publishLog({ number: 3, wall: NOW, level: "warn", message: "a\u001b[31mb", fields: {} });
        short.server.publishLog({ number: 6, wall: NOW, level: "info", message: "later", fields: {} });
      }
      if (text.includes("later")) void short.stop();
    },
  });
  expect(out).toContain("warn  a[31mb\n... 2 lines left out\n");
  expect(code).toBe(3);
  expect(err).toContain("the daemon was stopped");
});

test("groups --watch shows each change", async () => {
  const live = await startFakeDaemon();
  const { code, out } = await run(["groups", "--watch", "--json", "--socket", live.path], {
    onOutput: () => void live.stop(),
  });
  expect(JSON.parse(out)).toEqual({ groups: SNAPSHOT.groups });
  expect(code).toBe(3);
});

test("daemon: options as the runtime takes them", async () => {
  const words =
    "daemon --state /tmp/s --port 4242 --lan eth0 --lan wlan0=local --tun cast0 --user nobody --log-level debug " +
    "--socket-vif 239.1.2.3:5004 --socket-vif [FF3E:0::8]:5004@2001:db8::7,2001:db8::8%eth1 --amt-relay";
  const { daemon: options, code } = await castaway(words, { environment: { SUDO_UID: "1000" } });
  expect(code).toBe(0);
  expect(options).toEqual({
    stateDirectory: "/tmp/s",
    socketPath: daemon.path,
    port: 4242,
    lans: [
      { name: "eth0", mode: "full" },
      { name: "wlan0", mode: "local" },
    ],
    socketVifs: [
      { group: "239.1.2.3", port: 5004, via: undefined },
      { group: "ff3e::8", port: 5004, sources: ["2001:db8::7", "2001:db8::8"], via: "eth1" },
    ],
    amtRelay: true,
    tunName: "cast0",
    user: "nobody",
    foreground: false,
    logLevel: "debug",
    newState: false,
    kernelForwarding: true,
    sudoUid: process.getuid?.() === 0 ? 1000 : undefined,
  });
});

test("daemon: without network devices", async () => {
  const { daemon: options } = await castaway(
    "daemon --no-tun --socket-vif 232.1.2.3:5004@10.0.0.1%127.0.0.2",
  );
  const socketVif = { group: "232.1.2.3", port: 5004, sources: ["10.0.0.1"], via: "127.0.0.2" };
  expect(options).toMatchObject({ tunName: false, socketVifs: [socketVif] });
});

test("daemon: the service manager's folders", async () => {
  const environment = {
    RUNTIME_DIRECTORY: "/run/castaway",
    STATE_DIRECTORY: "/var/lib/castaway",
    CASTAWAY_SOCKET: "",
  };
  const { daemon: options } = await castaway("daemon", { environment });
  expect(options).toMatchObject({
    stateDirectory: "/var/lib/castaway",
    socketPath: "/run/castaway/control.sock",
  });
});
