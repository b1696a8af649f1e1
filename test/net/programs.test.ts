import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test, type TestContext } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { words } from "#test/support/machine.ts";
import { hasCommand, missingForLab } from "#test/support/requirements.ts";
import { sendVideo } from "#test/support/traffic/ffmpeg.ts";
import { socatReceive, socatSend } from "#test/support/traffic/programs.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab();
const GUESTS = ["away", "away2", "away3"] as const;
const TUN = "castaway0";

// Programs of the world that use multicast, each as people start it: on the host of a network, and away.
describe.skipIf(missing !== undefined)(`real programs${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let folder: string;

  beforeAll(async () => {
    lab = await Lab.create({ away: GUESTS.length, portForward: PORT });
    folder = mkdtempSync(join(tmpdir(), "castaway-programs-"));
    chmodSync(folder, 0o777);
    const [host, ...guests] = await Promise.all(
      ["home", ...GUESTS].map((name) => TestDaemon.inLab(lab, name)),
    );
    home = host!;
    const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`, "--uses", "3");
    await Promise.all(guests.map((guest) => guest.join(link)));
  }, 150_000);
  afterAll(async () => {
    await lab?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const needs = (context: TestContext, ...commands: readonly string[]): void => {
    const absent = commands.filter((command) => !hasCommand(command));
    if (absent.length > 0) context.skip(`needs ${absent.join(", ")}`);
  };

  test("DDS: two participants find each other by multicast and exchange samples", async (context) => {
    needs(context, "ddsperf");
    const CYCLONEDDS_URI = `<CycloneDDS><Domain><General><Interfaces><NetworkInterface name="${TUN}"/></Interfaces></General></Domain></CycloneDDS>`;
    const env = { CYCLONEDDS_URI };
    const sub = lab
      .host("away")
      .spawn("stdbuf", words("-oL ddsperf -D 40 sub"), { env, label: "ddsperf sub" });
    const pub = lab
      .host("home")
      .spawn("ddsperf", words("-D 40 pub 100Hz size 200"), { env, label: "ddsperf pub" });
    const line = await sub.line(/total [1-9]\d{2,} /, 38_000);
    expect(line).toMatch(/ lost 0 /);
    await Promise.all([sub.stop(), pub.stop()]);
  });

  test("VLC shows a television group", async (context) => {
    needs(context, "cvlc", "ffmpeg", "setpriv");
    const sender = sendVideo(lab.host("source"), {
      group: "239.255.77.1:5004",
      localAddress: lab.host("source").address4,
    });
    const scene =
      "--video-filter=scene --vout=dummy --scene-format=png --scene-ratio=25 --scene-prefix=frame";
    const pictures = (): string[] => readdirSync(folder).filter((name) => name.startsWith("frame"));
    const vlc = lab.host("away").spawn(
      "setpriv",
      [
        ...words("--reuid=65534 --regid=65534 --clear-groups cvlc -I dummy --no-audio"), // it refuses to run as root
        ...words(`${scene} --scene-path=${folder} rtp://@239.255.77.1:5004`),
      ],
      { env: { HOME: folder, XDG_RUNTIME_DIR: folder }, label: "cvlc" },
    );
    await expect
      .poll(() => pictures().length, { timeout: 40_000, message: "pictures that VLC decoded" })
      .toBeGreaterThan(2);
    await Promise.all([vlc.stop(), sender.stop()]);
    const picture = readFileSync(join(folder, pictures()[0]!));
    expect(picture.subarray(1, 4).toString()).toBe("PNG");
  });

  test("a Librecast channel is received", async (context) => {
    needs(context, "gcc");
    const program = join(folder, "librecast");
    const source = fileURLToPath(new URL("../support/traffic/librecast.c", import.meta.url));
    const built = spawnSync("gcc", ["-o", program, source, "-llibrecast"], { encoding: "utf8" });
    if (built.status !== 0) context.skip("needs liblibrecast-dev");
    const receiver = lab.host("away2").spawn(program, [TUN, "castaway test", "recv"]);
    await receiver.line(/joined/);
    const sender = lab.host("source").spawn(program, ["lan", "castaway test", "hello over there"]);
    await receiver.line(/hello over there/, 30_000);
    await Promise.all([receiver.stop(), sender.stop()]);
  });

  test("uftp brings a file to three members, bit for bit", async (context) => {
    needs(context, "uftp", "uftpd");
    const file = join(folder, "file.bin");
    const content = randomBytes(2_000_000);
    writeFileSync(file, content);
    const receivers = GUESTS.map((name) => {
      const into = join(folder, name);
      mkdirSync(into);
      // 230.4.4.1 and 230.5.5.x, its defaults, are shared anyway.
      return lab.host(name).spawn("uftpd", ["-d", "-I", TUN, "-D", into], { label: `${name}: uftpd` });
    });
    await home.until(
      "all three listen",
      ({ groups }) =>
        groups.filter(({ group }) => group === "230.4.4.1").flatMap(({ listeners }) => listeners).length >= 3,
      20_000,
    );
    const { stdout, stderr } = await lab
      .host("home")
      .exec("uftp", ["-I", TUN, "-t", "8", "-R", "10000", file], {
        timeoutMs: 50_000,
        anyExit: true,
      });
    for (const name of GUESTS) {
      const received = join(folder, name, "file.bin");
      expect(existsSync(received), `${name}: ${stderr}${stdout}`).toBe(true);
      expect(readFileSync(received).equals(content), name).toBe(true);
    }
    await Promise.all(receivers.map((receiver) => receiver.stop()));
  });

  test("a preset opens what an application needs, at once: Minecraft's list of worlds", async (context) => {
    needs(context, "socat");
    const [group, port] = ["224.0.2.60", 4445];
    await home.json("share", "minecraft");
    await expect
      .poll(async () => (await lab.host("away").exec("ip", ["route", "get", group])).stdout, {
        timeout: 20_000,
      })
      .toContain(TUN);
    const game = socatReceive(lab.host("away"), group, port, "0.0.0.0");
    const world = "[MOTD]A world[/MOTD][AD]25565[/AD]";
    await expect
      .poll(
        async () => {
          await socatSend(lab.host("source"), group, port, world);
          return game.stdout;
        },
        { timeout: 20_000 },
      )
      .toContain(world);
    await home.json("share", "minecraft", "off");
    await game.stop();
  });

  test("a stream with TTL 1 is pointed out, and carried where somebody asks for it", async (context) => {
    needs(context, "socat");
    const group = "239.255.77.9";
    const away = lab.host("away");
    const program = `import socket,struct
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); s.bind(("${group}",5009))
s.setsockopt(socket.IPPROTO_IP,socket.IP_ADD_MEMBERSHIP,socket.inet_aton("${group}")+struct.pack("=I",socket.INADDR_ANY))
print("joined",flush=True)
while True: print(s.recv(100).decode(),flush=True)`;
    const receiver = away.spawn("python3", ["-c", program]);
    await receiver.line(/joined/);
    const repeat = `while :; do echo tick | socat -u STDIN UDP4-DATAGRAM:${group}:5009,ip-multicast-ttl=1; sleep 0.2; done`;
    const sender = lab.host("source").spawn("sh", ["-c", repeat]);
    const snapshot = await home.until(
      "the warning",
      ({ warnings }) =>
        warnings.some(({ code, message }) => code === "ttl-too-low" && message.includes(group)),
      20_000,
    );
    expect(snapshot.warnings.find(({ code }) => code === "ttl-too-low")?.remedy).toContain(
      "castaway groups raise-ttl",
    );
    expect(receiver.stdout).not.toContain("tick");
    await home.json("groups", "raise-ttl", group);
    await receiver.line(/tick/, 20_000);
    expect((await home.status()).groups.find((one) => one.group === group)).toMatchObject({
      ttl: 1,
      ttlRaised: true,
    });
    await home.json("groups", "raise-ttl", group, "off");
    await Promise.all([sender.stop(), receiver.stop()]);
  });
});
