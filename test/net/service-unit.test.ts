// assets/castaway.service as it is, under a real systemd: what it grants is enough, and what it forbids is not needed.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check, Snapshot } from "#contract/snapshot.ts";
import {
  CAP_NET_ADMIN,
  CAP_NET_BIND_SERVICE,
  CAP_NET_RAW,
  capabilityMask,
  parseCapabilities,
} from "#edge/linux/capabilities.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { startLabDht } from "#test/support/dht/lab-dht.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { missingForSystemd, Systemd } from "#test/support/systemd.ts";
import {
  type JournalEntry,
  journalOf,
  journalUnits,
  missingForJournal,
} from "#test/support/systemd/journal.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { readExposition } from "#test/helper/metrics/read-exposition.ts";
import { PYTHON } from "#test/support/python.ts";
import { SHOWN } from "#runtime/repeated-lines.ts";
import { buildExecutable, castawayExecutable } from "../../helper/build.ts";
import type { ServiceFacts } from "#main/app/service-state.ts";
import { parseSystemctlShow, SHOW_WORDS } from "#main/helper-link/service-facts.ts";
import { PORT } from "./streams-scene.ts";

const missing =
  missingForLab("nsenter", "systemctl", "unshare", "journalctl") ??
  missingForJournal() ??
  missingForSystemd();
const ROOT = resolve(import.meta.dirname, "../..");
const PROGRAM = "/run/castaway-program";
const UNIT = readFileSync(join(ROOT, "assets/castaway.service"), "utf8");
const MEET_UNIT = readFileSync(join(ROOT, "assets/castaway-meet.service"), "utf8");
/** The place of the program is all that differs; its words go where they go by default on a real computer. */
const here = (unit: string): string =>
  unit
    .replace("/usr/bin/castaway", PROGRAM)
    .replace("[Service]\n", "[Service]\nStandardOutput=journal\nStandardError=journal\n");
const DASHBOARD = readFileSync(join(ROOT, "assets/grafana-dashboard.json"), "utf8");

/** By kind of what went wrong, and measured losses: an ordinary quarter of a minute need have none of it. */
const MAY_BE_NONE = new Set([
  "castaway_warnings",
  "castaway_transport_dropped_packets_total",
  "castaway_session_handshakes_dropped_total",
  "castaway_member_send_loss_ratio",
  "castaway_group_loss_ratio",
]);

const NUMBERS: Readonly<Record<string, number>> = {
  CAP_NET_BIND_SERVICE,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
};
/** The metrics, from the computer itself or from its address; nothing where nobody answers. */
const SCRAPE = `import sys, urllib.request
place = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
sys.stdout.write(urllib.request.urlopen(f"http://{place}:9469/metrics", timeout=5).read().decode())`;
const THIEF = `import socket, time
s = socket.create_server(("127.0.0.1", 9469)); print("listens", flush=True); time.sleep(600)`;
/** What the unit says. */
const GRANTED = capabilityMask(
  .../^AmbientCapabilities=(.*)$/m
    .exec(UNIT)![1]!
    .split(" ")
    .map((name) => NUMBERS[name] ?? Number.NaN),
);

describe.skipIf(missing !== undefined)(`the service under systemd${missing ? ` (${missing})` : ""}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "castaway-unit-"));
  let lab: Lab;
  let systemd: Systemd;
  let bootstrap: string;

  beforeAll(async () => {
    const program = join(folder, "castaway");
    await buildExecutable(castawayExecutable(program));
    lab = await Lab.create({ portForward: PORT });
    await lab.setInboundBlocked6("home", true);
    ({ bootstrap } = await startLabDht(lab));
    systemd = await Systemd.boot(lab.host("home"), {
      units: {
        ...journalUnits(),
        "castaway.service": here(UNIT),
        "castaway-meet.service": here(MEET_UNIT),
      },
      start: ["systemd-journald.service", "castaway.service"],
      program,
      account: "castaway",
    });
    lab.beforeDispose(() => systemd.dispose());
    await answers();
  }, 120_000);
  afterAll(async () => {
    await lab?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const castaway = async <T>(...words: string[]): Promise<T> => {
    const { stdout, stderr, code } = await systemd.run(PROGRAM, ...words, "--json");
    if (stdout === "")
      throw new Error(`castaway ${words.join(" ")}: exit ${code}: ${stderr}\n${await log()}`);
    return JSON.parse(stdout) as T;
  };
  const log = async (): Promise<string> =>
    (await systemd.run("journalctl", "-n", "50", "--output=short", "--no-hostname")).stdout;
  const journal = (...words: string[]): Promise<JournalEntry[]> => journalOf(systemd, "castaway", ...words);
  const shown = async (property: string): Promise<string> =>
    (await systemd.run("systemctl", "show", "castaway", "-P", property)).stdout.trim();
  const index = async (): Promise<string> =>
    (await systemd.run("cat", "/sys/class/net/castaway0/ifindex")).stdout;
  const answers = (): Promise<void> =>
    systemd
      .until("the daemon answers", async () => (await systemd.run(PROGRAM, "status")).code === 0, 30_000)
      .catch(async (error: unknown) => {
        throw new Error(`${String(error)}\n${await log()}`);
      });

  test("it runs as its own user with the capabilities that it is granted, filtered system calls and nothing to gain", async () => {
    const pid = await shown("MainPID");
    const status = (await systemd.run("cat", `/proc/${pid}/status`)).stdout;
    expect(parseCapabilities(status)).toEqual({
      inheritable: GRANTED,
      permitted: GRANTED,
      effective: GRANTED,
      bounding: GRANTED,
      ambient: GRANTED,
      noNewPrivileges: true,
    });
    expect(/^Seccomp:\s+(\d)/m.exec(status)?.[1]).toBe("2");
    expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).not.toBe("0");
    expect(await journal("--priority=warning")).toEqual([]);
  });

  test("the app learns from systemd what became of it", async () => {
    const facts = async (...words: string[]): Promise<ServiceFacts> =>
      parseSystemctlShow((await systemd.run("systemctl", ...words)).stdout);
    expect(await facts(...SHOW_WORDS)).toEqual({ installed: true, active: "active" });
    const missing = SHOW_WORDS.map((word) => word.replace("castaway", "no-such-service"));
    expect(await facts(...missing)).toEqual({ installed: false, active: "inactive" });
  });

  test("the doctor finds nothing that fails: TUN, joins, LAN, firewall", async () => {
    await castaway("up", "--name", "home");
    const { checks } = await castaway<{ checks: Check[] }>("doctor");
    expect(checks.filter(({ status }) => status === "fail")).toEqual([]);
    const { interfaceName } = lab.host("home");
    for (const name of [
      "service",
      "tun",
      "udp",
      "firewall",
      `lan ${interfaceName}`,
      `joins ${interfaceName}`,
    ])
      expect(
        checks.find((check) => check.name === name),
        name,
      ).toMatchObject({ status: "ok" });
  });

  test("a guest joins, and a stream of the LAN reaches it", async () => {
    const { link } = await castaway<{ link: string }>(
      "invite",
      "--endpoint",
      `${lab.homePublic.address4}:${PORT}`,
    );
    const away = await TestDaemon.inLab(lab, "away");
    await away.join(link);
    const group = "239.77.1.1";
    const receiver = await startReceiver(lab.host("away"), { group });
    const sender = await startSender(lab.host("source"), {
      group,
      interface: lab.host("source").interfaceName,
      seconds: 30,
    });
    await receiver.first(20_000);
    await sender.stop();
    expect((await receiver.stop()).received).toBeGreaterThan(0);
  });

  test("metrics: nobody answers until they are on; then each figure of the dashboard is there", async () => {
    const scrape = async (): Promise<string> =>
      (await lab.host("home").exec(PYTHON, ["-c", SCRAPE], { anyExit: true })).stdout;
    expect(await scrape()).toBe("");
    await castaway("metrics", "on");
    const families = readExposition(await scrape(), "prometheus");
    for (const name of new Set(DASHBOARD.match(/\bcastaway_\w+/g)))
      if (!MAY_BE_NONE.has(name)) expect([...families.keys()]).toContain(name);
    for (const name of ["castaway_member_info", "castaway_group_packets_per_second"])
      expect(families.get(name)?.samples.length, name).toBeGreaterThan(0);
    const refused = await lab
      .host("away")
      .exec(PYTHON, ["-c", SCRAPE, lab.host("home").address4], { anyExit: true });
    expect(refused.stdout).toBe("");
  });

  test("the DHT's process runs with no capability at all, and announces the home", async () => {
    await castaway("reach", "--dht-bootstrap", bootstrap);
    await systemd.until(
      "the home is announced",
      async () => (await castaway<Snapshot>("status")).reach.dhtState.announced > 0,
      40_000,
    );
    const children = (await systemd.run("pgrep", "-P", await shown("MainPID"))).stdout.trim().split("\n");
    expect(children).toHaveLength(1);
    const status = (await systemd.run("cat", `/proc/${children[0]}/status`)).stdout;
    expect(parseCapabilities(status)).toMatchObject({ permitted: 0n, effective: 0n, ambient: 0n });
    const { checks } = await castaway<{ checks: Check[] }>("doctor");
    const ofDht = checks.find(({ name }) => name === "dht");
    expect(ofDht).toMatchObject({ status: "ok", message: expect.stringContaining("announced at") as string });
  });

  test("a meeting point runs as nobody that lasts, and is used", async () => {
    expect((await systemd.run("systemctl", "start", "castaway-meet")).code).toBe(0);
    const meet = `${lab.host("home").address4}:42270`;
    await castaway("reach", "--meet", meet);
    await systemd
      .until("it answers", async () => {
        const { checks } = await castaway<{ checks: Check[] }>("doctor");
        return checks.some(({ name, status }) => name.startsWith("meet ") && status === "ok");
      })
      .catch(async (error: unknown) => {
        throw new Error(`${String(error)}\n${await log()}`);
      });
    const pid = (await systemd.run("systemctl", "show", "castaway-meet", "-P", "MainPID")).stdout.trim();
    const status = (await systemd.run("cat", `/proc/${pid}/status`)).stdout;
    expect(parseCapabilities(status)).toMatchObject({ permitted: 0n, bounding: 0n, noNewPrivileges: true });
    await castaway("reach", "--meet", "off");
    expect((await systemd.run("systemctl", "stop", "castaway-meet")).code).toBe(0);
    const result = await systemd.run("systemctl", "show", "castaway-meet", "-P", "Result");
    expect(result.stdout.trim()).toBe("success");
  });

  test("the LAN is shared by the kernel's rules and switches, and no longer when it is not", async () => {
    const access = async (): Promise<string | undefined> =>
      (await castaway<Snapshot>("status")).networks[0]!.lanAccess.problem?.message;
    const forwards = async (): Promise<string> =>
      (
        await systemd.run("cat", `/proc/sys/net/ipv4/conf/${lab.host("home").interfaceName}/forwarding`)
      ).stdout.trim();
    expect(await forwards()).toBe("0");
    await castaway("share", "lan", "on");
    expect(await access()).toBeUndefined();
    expect(await forwards()).toBe("1");
    const { checks } = await castaway<{ checks: Check[] }>("doctor");
    for (const name of ["devices of home", "firewall"])
      expect(checks.find((check) => check.name === name)).toMatchObject({ status: "ok" });
    await castaway("share", "lan", "off");
    expect(await forwards()).toBe("0");
  });

  test("keys are its own alone, and are there after a restart; the TUN stays the same device", async () => {
    const modes = await systemd.run(
      "stat",
      "-c",
      "%a %U",
      "/var/lib/castaway",
      "/var/lib/castaway/state.json",
    );
    expect(modes.stdout.trim().split("\n")).toEqual(["700 castaway", "600 castaway"]);
    const before = { network: (await castaway<Snapshot>("status")).networks[0]?.id, device: await index() };
    expect((await systemd.run("systemctl", "restart", "castaway")).code).toBe(0);
    // What systemd calls started answers.
    const { code, stderr } = await systemd.run(PROGRAM, "status");
    expect(code, stderr).toBe(0);
    const after = { network: (await castaway<Snapshot>("status")).networks[0]?.id, device: await index() };
    expect(after).toEqual(before);
  });

  test("in the journal each line has its priority, no time of its own, and is not said more than a few times", async () => {
    const [first] = await journal("--lines=1", "--grep=^castaway runs");
    expect(first).toMatchObject({ PRIORITY: "6", _SYSTEMD_UNIT: "castaway.service" });
    expect(first!.MESSAGE).toMatch(/^castaway runs version="\S+" port=\d+$/);

    const anew = (): Promise<JournalEntry[]> => journal("--boot", "--grep=the files were read anew");
    const said = async (): Promise<number> =>
      (await systemd.output(PROGRAM, "logs")).split("the files were read anew").length - 1;
    for (let count = 1; count <= SHOWN + 3; count++) {
      await systemd.output("systemctl", "reload", "castaway");
      await systemd.until("it has read its files", async () => (await said()) === count);
    }
    expect(await anew()).toHaveLength(SHOWN);
    await systemd.output("systemctl", "stop", "castaway");
    expect((await anew()).at(-1)?.MESSAGE).toMatch(/\(said 3 times more in the last minute\)$/);
    // Somebody else has the port of its metrics now.
    const thief = lab.host("home").spawn(PYTHON, ["-c", THIEF]);
    await thief.line(/listens/);
    await systemd.output("systemctl", "start", "castaway");
    const warnings = await journal("--priority=warning", "--grep=metrics");
    expect(warnings).toMatchObject([{ PRIORITY: "4" }]);
    expect(warnings[0]!.MESSAGE).toMatch(/^the metrics cannot be asked for listen="127.0.0.1:9469" error=/);
    await thief.stop();
    for (const { MESSAGE } of await journal()) expect(MESSAGE).not.toMatch(/^<\d>|^\d{4}-\d\d-\d\dT/);
  });

  test("killed, it is back by itself; stopped, it leaves no device", async () => {
    const pid = await shown("MainPID");
    await systemd.run("kill", "-9", pid);
    await systemd.until("another process", async () => !["0", pid].includes(await shown("MainPID")));
    await answers();
    expect(await shown("NRestarts")).toBe("1");
    expect((await systemd.run("systemctl", "stop", "castaway")).code).toBe(0);
    expect(await shown("Result")).toBe("success");
    expect((await systemd.run("test", "-e", "/sys/class/net/castaway0")).code).not.toBe(0);
  });
});
