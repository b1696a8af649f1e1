import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Snapshot } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { dhtPids } from "#test/support/dht/dht-pids.ts";
import { startLabDht } from "#test/support/dht/lab-dht.ts";
import { Lab } from "#test/support/lab.ts";
import type { NatKind } from "#test/support/lab/rules.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { asNobody } from "#test/support/ordinary-user.ts";
import { PYTHON } from "#test/support/python.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { reportUntil } from "./streams-scene.ts";

const missing = missingForLab();
const GROUP = "239.10.8.1";
/** The issue's limits for the time from Connect to the first packet: where UDP works, and otherwise. */
const CONNECT_MS = { punched: 2_000, relayed: 4_000 } as const;
/** The DHT's process starts from its sources, which a busy machine takes seconds for; built, it is 0.3 s. */
const START_MS = 4_000;
/** Connects again and again where the DHT's process did, with a wrong token, nonsense, and a flood. */
const IMPOSTOR = `
import json, socket, struct, sys
hello = json.dumps({"type": "hello", "token": "00" * 32}).encode()
words = [struct.pack(">HB", len(hello) + 1, 0) + hello, bytes(64), b"\\xff" * 1000, hello * 5000]
closed = 0
for i in range(40):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        try:
            s.connect("\\0" + sys.argv[1])
            s.sendall(words[i % len(words)])
            closed += s.recv(1) == b""
        except (BrokenPipeError, ConnectionResetError):
            closed += 1
print("closed", closed)
`;

function hostOf({ networks }: Snapshot): Snapshot["networks"][number]["members"][number] | undefined {
  return networks[0]?.members.find(({ role }) => role === "host");
}

describe.skipIf(missing !== undefined)(
  `a guest finds a home by the DHT, with no server and no address${missing ? ` (${missing})` : ""}`,
  () => {
    describe.each<{ home: NatKind; away: NatKind; path: keyof typeof CONNECT_MS }>([
      { home: "endpoint-independent", away: "endpoint-independent", path: "punched" },
      { home: "symmetric", away: "symmetric", path: "relayed" },
    ])(
      "home behind a NAT that is $home, away behind one that is $away",
      ({ home: homeNat, away: awayNat, path }) => {
        let lab: Lab;
        let home: TestDaemon;
        let away: TestDaemon;

        beforeAll(async () => {
          lab = await Lab.create();
          await lab.setNat("home", homeNat);
          await lab.setNat("away", awayNat);
          for (const site of ["home", "away"]) await lab.setNoIpv6(site);
          const dht = await startLabDht(lab);
          [home, away] = await Promise.all([
            TestDaemon.inLab(lab, "home", { lan: ["lan=full"] }),
            TestDaemon.inLab(lab, "away"),
          ]);
          const { bootstrap, relayKey } = dht;
          // The routers here open no ports, which an invite would wait to hear.
          await home.json(
            "reach",
            ...["--port-mapping", "off", "--dht-bootstrap", bootstrap, "--dht-relays", relayKey],
          );
          await away.json("reach", "--dht-bootstrap", bootstrap);
          await home.json("up", "--name", "home");
        });
        afterAll(() => lab?.dispose());

        test(`is ${path}, and a running stream comes`, async () => {
          expect((await home.status()).reach.dhtState.state).toBe("idle"); // nobody was invited yet
          const sender = await startSender(lab.host("source"), { group: GROUP, interface: "lan", rate: 200 });
          const { link, ways } = await home.json<{ link: string; ways: string[] }>("invite");
          expect(ways).toEqual(["the DHT"]);
          await home.until("it is announced", ({ reach }) => reach.dhtState.announced > 0, 20_000);
          const receiver = await startReceiver(lab.host("away"), { group: GROUP });
          const before = performance.now();
          await away.join(link);
          const connected = performance.now() - before;
          await receiver.first();
          const took = performance.now() - before;
          console.log(
            `DHT, home ${homeNat}, away ${awayNat}: ${path}; connected after ${Math.round(connected)} ms, ` +
              `first packet after ${Math.round(took)} ms`,
          );
          const snapshot = await away.until("the path is known", (now) => hostOf(now)?.path === path);
          expect(snapshot.reach.dhtState.nat).toBe(awayNat === "symmetric" ? "varies" : "same");
          if (path === "relayed")
            expect((await away.castaway("status")).stdout).toContain("relayed by the DHT");
          else expect(snapshot.reach.dhtState.observed).toBe(`${lab.host("away-router").address4}:42268`);
          expect(took).toBeLessThan(CONNECT_MS[path] + START_MS);
          await sender.stop();
          const report = await receiver.stop();
          expect(report.received).toBeGreaterThan(0);
          expect(report.duplicates).toBe(0);
        });

        test("the doctor says how it is with the DHT and the NAT", async () => {
          const { checks } = await home.json<{ checks: { name: string; status: string; message: string }[] }>(
            "doctor",
          );
          const found = new Map(checks.map(({ name, status }) => [name, status]));
          expect(found.get("dht")).toBe("ok");
          expect(found.get("nat")).toBe(homeNat === "symmetric" ? "warn" : "ok");
        });

        if (path === "punched")
          test("a program of the same user does not take its process's place, nor get in its way", async () => {
            const { stdout } = await lab.host("home").exec("cat", ["/proc/net/unix"]);
            const name = /@(castaway-[0-9a-f]{24})/.exec(stdout)?.[1];
            const before = (await home.status()).reach.dhtState;
            const nobody = asNobody(lab.host("home"));
            const { stdout: said } = await nobody.exec(PYTHON, ["-c", IMPOSTOR, name!], {
              timeoutMs: 30_000,
            });
            expect(said.trim()).toBe("closed 40");
            const after = (await home.status()).reach.dhtState;
            expect(after).toMatchObject({ state: "ready", starts: before.starts, losses: 0, offences: 0 });
          });

        test("the DHT's processes are killed in mid-stream: they come back where they are needed", async () => {
          const sender = await startSender(lab.host("source"), { group: GROUP, interface: "lan", rate: 200 });
          const receiver = await startReceiver(lab.host("away"), { group: GROUP });
          await receiver.first();
          const pids = [...(await dhtPids(lab.host("home"))), ...(await dhtPids(lab.host("away")))];
          expect(pids.length).toBeGreaterThanOrEqual(2);
          for (const pid of pids) process.kill(pid, "SIGKILL");
          await home.until(
            "it is announced again",
            ({ reach }) => reach.dhtState.starts === 2 && reach.dhtState.announced > 0,
            30_000,
          );
          if (path === "relayed") {
            // What went through them is found again by them.
            await away.until("it is relayed again", ({ reach }) => reach.dhtState.starts >= 2, 40_000);
            const { received } = await receiver.report();
            await reportUntil(receiver, "the stream goes on", (now) => now.received > received + 50, 40_000);
          }
          const report = await receiver.stop();
          await sender.stop();
          if (path === "punched") expect(report.longest_gap_ms).toBeLessThan(1_000);
          expect(hostOf(await away.status())?.path).toBe(path);
          const { losses, offences } = (await home.status()).reach.dhtState;
          expect([losses, offences]).toEqual([1, 0]);
        });

        test("the DHT's process ends with the switch, and with the daemon", async () => {
          await home.json("reach", "--dht", "off");
          await home.until("it is off", ({ reach }) => reach.dhtState.state === "off");
          const gone = async (): Promise<void> => {
            const deadline = performance.now() + 20_000;
            while ((await dhtPids(lab.host("home"))).length > 0) {
              if (performance.now() > deadline) throw new Error("the process stays");
              await new Promise((resolve) => setTimeout(resolve, 100));
            }
          };
          await gone();
          await home.json("reach", "--dht", "on");
          await home.until("it is back", ({ reach }) => reach.dhtState.announced > 0, 20_000);
          await home.kill("SIGKILL");
          await gone();
        });
      },
    );
  },
);
