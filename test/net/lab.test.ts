import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Child } from "#test/support/child.ts";
import { Lab } from "#test/support/lab.ts";
import { PYTHON } from "#test/support/python.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";

const missing = missingForLab("ping", "socat");
const GROUP = "239.1.2.3:5004";
const GROUP6 = "[ff1e::123:4567]:5004";

/** A UDP server that answers with the address and port from which it was asked. */
const WHO_AM_I = `
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    data, sender = s.recvfrom(2048)
    s.sendto(f"{sender[0]} {sender[1]}".encode(), sender)
`;
const ASK = `
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
s.bind(("", int(sys.argv[3])))
s.sendto(b"?", (sys.argv[1], int(sys.argv[2])))
try:
    print(s.recvfrom(2048)[0].decode())
except (TimeoutError, ConnectionError, OSError):
    print("no answer")
`;

describe.skipIf(missing !== undefined)(`the lab${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.create({ away: 2, neighbours: true });
  });
  afterAll(async () => lab.dispose());

  async function serve(host: string, address: string, port: number): Promise<Child> {
    const child = lab.host(host).spawn(PYTHON, ["-c", WHO_AM_I, address, String(port)]);
    await child.line(/ready/);
    return child;
  }

  async function ask(host: string, address: string, port: number, from = 0): Promise<string> {
    const { stdout } = await lab.host(host).exec(PYTHON, ["-c", ASK, address, String(port), String(from)]);
    return stdout.trim();
  }

  test("the internet sees the router's address, not the laptop's", async () => {
    const server = await serve("internet", "203.0.113.1", 7000);
    expect(await ask("away", "203.0.113.1", 7000, 6000)).toBe("198.51.100.2 6000");
    expect(await ask("away2", "203.0.113.1", 7000, 6000)).toBe("198.51.100.6 6000");
    expect(await ask("home", "203.0.113.1", 7000, 6000)).toBe("203.0.113.2 6000");
    await server.stop();
  });

  test("a port leads home only while it is forwarded", async () => {
    const server = await serve("home", "0.0.0.0", 7001);
    expect(await ask("away", lab.homePublic.address4, 7001)).toBe("no answer");
    await lab.setPortForward(7001);
    expect(await ask("away", lab.homePublic.address4, 7001)).toMatch(/^198\.51\.100\.2 \d+$/);
    await lab.setPortForward(false);
    expect(await ask("away", lab.homePublic.address4, 7001)).toBe("no answer");
    await server.stop();
  });

  test("IPv6 goes through without translation, until the firewall is on", async () => {
    const home = lab.host("home").address6;
    const server = await serve("home", "::", 7002);
    expect(await ask("away", home, 7002, 6002)).toBe(`${lab.host("away").address6} 6002`);
    await lab.setInboundBlocked6("home", true);
    expect(await ask("away", home, 7002)).toBe("no answer");
    await lab.setInboundBlocked6("home", false);
    await server.stop();
  });

  test("a site that blocks UDP still lets TCP through", async () => {
    const server = await serve("internet", "203.0.113.1", 7003);
    const tcp = lab.host("internet").spawn("socat", ["TCP4-LISTEN:7003,reuseaddr,fork", "SYSTEM:echo here"]);
    await lab.setUdpBlocked("away", true);
    expect(await ask("away", "203.0.113.1", 7003)).toBe("no answer");
    const { stdout } = await lab
      .host("away")
      .exec("socat", ["-T2", "-", "TCP4:203.0.113.1:7003,retry=20,interval=0.1"]);
    expect(stdout.trim()).toBe("here");
    await lab.setUdpBlocked("away", false);
    expect(await ask("away", "203.0.113.1", 7003)).not.toBe("no answer");
    await server.stop();
    await tcp.stop();
  });

  test("loss is about as asked, and ends", async () => {
    await lab.setLoss("away", 0.1);
    const ping = await lab
      .host("away")
      .exec("ping", ["-q", "-c", "1000", "-i", "0.002", "-W", "1", "203.0.113.1"], { anyExit: true });
    // The internet router answers itself: only what it forwards is dropped.
    expect(Number(/(\d+) received/.exec(ping.stdout)?.[1])).toBe(1000);
    const through = await lab
      .host("away")
      .exec("ping", ["-q", "-c", "1000", "-i", "0.002", "-W", "1", "203.0.113.2"], { anyExit: true });
    const received = Number(/(\d+) received/.exec(through.stdout)?.[1]);
    // Request and reply are drawn apart: 0.9 * 0.9 of 1000, standard deviation 12.
    expect(received).toBeGreaterThan(750);
    expect(received).toBeLessThan(870);
    expect(await lab.lostPackets("away")).toBe(1000 - received);
    await lab.setLoss("away", 0);
    expect(await lab.lostPackets("away")).toBe(0);
  });

  test("multicast reaches a listener on the LAN and does not cross by itself", async () => {
    const near = await startReceiver(lab.host("listener"), { group: GROUP });
    const near6 = await startReceiver(lab.host("listener"), { group: GROUP6, interface: "lan" });
    const far = await startReceiver(lab.host("away"), { group: GROUP });
    const send = { count: 50, rate: 500 };
    await (await startSender(lab.host("source"), { group: GROUP, ...send })).finished();
    await (await startSender(lab.host("source"), { group: GROUP6, interface: "lan", ...send })).finished();
    const [got, got6, nothing] = await Promise.all([near.stop(), near6.stop(), far.stop()]);
    expect(got).toMatchObject({ received: 50, duplicates: 0, lost: 0, corrupt: 0, interfaces: { lan: 50 } });
    expect(got6).toMatchObject({ received: 50, duplicates: 0, lost: 0, corrupt: 0 });
    expect(nothing.datagrams).toBe(0);
  });

  test("the home bridge sends a group to those alone who joined it", async () => {
    const packets = async (): Promise<number> => {
      const { stdout } = await lab.host("home").exec("cat", ["/sys/class/net/lan/statistics/rx_packets"]);
      return Number(stdout);
    };
    const listener = await startReceiver(lab.host("listener"), { group: GROUP });
    const before = await packets();
    await (await startSender(lab.host("source"), { group: GROUP, count: 300, rate: 1000 })).finished();
    expect((await packets()) - before).toBeLessThan(30);
    await lab.setSnooping("home", false, false);
    await (await startSender(lab.host("source"), { group: GROUP, count: 300, rate: 1000 })).finished();
    expect((await packets()) - before).toBeGreaterThanOrEqual(300);
    await lab.setSnooping("home", true, true);
    expect((await listener.stop()).received).toBe(300);
  });

  test("source filters and a leave, as a socket sees them", async () => {
    const group = "232.1.2.3:5004";
    const ssm = await startReceiver(lab.host("listener"), { group, sources: [lab.host("source").address4] });
    const other = await startReceiver(lab.host("home"), {
      group,
      sources: ["192.168.1.99"],
      multicastAll: false,
    });
    const sender = await startSender(lab.host("source"), { group, rate: 200 });
    expect(await ssm.first()).toBeLessThan(1_000);
    ssm.leave();
    await ssm.child.line(/"event": "left"/);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const report = await ssm.stop();
    expect(report.received).toBeGreaterThan(0);
    expect(report.after_leave).toBeLessThan(5);
    expect((await other.stop()).datagrams).toBe(0);
    await sender.stop();
  });

  test("the laptop gets another address, moves elsewhere, and its router is renumbered", async () => {
    const server = await serve("internet", "203.0.113.1", 7004);
    const before = lab.host("away").address4;
    await lab.readdress("away");
    expect(lab.host("away").address4).not.toBe(before);
    expect(await ask("away", "203.0.113.1", 7004, 6004)).toMatch(/^198\.51\.100\.2 /);
    await lab.roam("away", "away2");
    expect(await ask("away", "203.0.113.1", 7004, 6005)).toBe("198.51.100.6 6005");
    const renumbered = await lab.renumber("away2");
    expect(await ask("away", "203.0.113.1", 7004, 6006)).toBe(`${renumbered} 6006`);
    await server.stop();
  });
});

describe.skipIf(missing !== undefined)("the bad wire", () => {
  test("loses, doubles and reorders about as asked, and leaves bytes alone", async () => {
    const lab = await Lab.create({ badWire: true });
    try {
      // Unicast to the laptop's public address, with the datagrams of mcast.py.
      await lab
        .host("away-router")
        .exec("nft", ["add rule ip nat forwards udp dport 5004 dnat to 10.1.0.10"]);
      const receiver = await startReceiver(lab.host("away"), { group: GROUP, join: false });
      const address = { group: "198.51.100.2:5004", rate: 1000, count: 1500, size: 1316 };
      await (await startSender(lab.host("internet"), { ...address, run: 1 })).finished();
      expect(await receiver.report()).toMatchObject({ received: 1500, duplicates: 0, lost: 0, corrupt: 0 });
      await lab.setWire({ loss: 0.1, duplicate: 0.1, reorder: 0.2, reorderMs: 10, delayMs: 5 });
      await (await startSender(lab.host("internet"), { ...address, run: 2 })).finished();
      const report = await receiver.stop();
      const received = report.received - 1500;
      expect(received).toBeGreaterThan(1260);
      expect(received).toBeLessThan(1440);
      expect(report.duplicates).toBeGreaterThan(80);
      expect(report.duplicates).toBeLessThan(200);
      expect(report.reordered).toBeGreaterThan(100);
      expect(report.corrupt).toBe(0);
    } finally {
      await lab.dispose();
    }
  });
});

describe.skipIf(missing !== undefined)("the end of a lab", () => {
  test("leaves no namespace and no process", async () => {
    const lab = await Lab.create();
    const pids = ["home", "away"].map((name) => lab.host(name).spawn("sleep", ["1000"]).pid);
    // Detached from us by two generations, and so in no list of ours.
    await lab.host("home").exec("sh", ["-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"]);
    const { stdout } = await lab.host("home").exec("ip", ["netns", "pids", lab.host("home").namespace]);
    const all = [...pids, ...stdout.split("\n").filter(Boolean).map(Number)];
    expect(all.length).toBeGreaterThan(3);
    await lab.dispose();
    expect(Lab.existing()).toEqual([]);
    await expect.poll(() => all.filter(isRunning)).toEqual([]);
    await lab.dispose();
  });

  test("comes when its process is told to end, and is made up for when that was killed", async () => {
    const program = fileURLToPath(new URL("../support/lab/example.ts", import.meta.url));
    for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"] as const) {
      const child = new Child(process.execPath, [program], { label: "lab example" });
      const line = await child.line(/namespace /);
      const path = `/run/netns/${line.replace("namespace ", "")}`;
      expect(existsSync(path)).toBe(true);
      await child.stop(signal, 10_000);
      if (signal === "SIGKILL") {
        expect(existsSync(path)).toBe(true);
        await (await Lab.create({ away: 0 })).dispose();
      }
      expect(existsSync(path)).toBe(false);
    }
  });
});

/** A dead process that nobody has waited for yet does not run. */
function isRunning(pid: number | undefined): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
