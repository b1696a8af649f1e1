import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { words } from "#test/support/machine.ts";
import { PYTHON } from "#test/support/python.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { PORT } from "./streams-scene.ts";

const BROWSER = fileURLToPath(new URL("../support/traffic/ssdp_browse.py", import.meta.url));
const hasGssdp = spawnSync(PYTHON, [BROWSER, "--check"], { stdio: "ignore" }).status === 0;
const missing =
  missingForLab("minidlnad", "ffmpeg", "ffprobe") ?? (hasGssdp ? undefined : "needs GSSDP for Python's gi");
const MEDIA_SERVER = "urn:schemas-upnp-org:device:MediaServer:1";
const LOCATION = "http://192.168.1.20:8200/rootDesc.xml";

/** What a control point does with a media server: its description, what it has, the first film. */
const CONTROL_POINT = `
import re, sys, urllib.request
location, target = sys.argv[1:]
base = re.match(r"http://[^/]+", location).group(0)
description = urllib.request.urlopen(location, timeout=10).read().decode()
control = re.search(r"ContentDirectory:1</serviceType>.*?<controlURL>(.*?)</controlURL>", description, re.S).group(1)
body = '''<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>
 <u:Search xmlns:u="urn:schemas-upnp-org:service:ContentDirectory:1"><ContainerID>0</ContainerID>
 <SearchCriteria>upnp:class derivedfrom "object.item.videoItem"</SearchCriteria><Filter>*</Filter>
 <StartingIndex>0</StartingIndex><RequestedCount>5</RequestedCount><SortCriteria></SortCriteria></u:Search>
 </s:Body></s:Envelope>'''
request = urllib.request.Request(base + control, body.encode(), {"Content-Type": 'text/xml; charset="utf-8"',
 "SOAPAction": '"urn:schemas-upnp-org:service:ContentDirectory:1#Search"'})
answer = urllib.request.urlopen(request, timeout=10).read().decode()
film = re.search(r"http://[^&<]+\\.(?:mp4|mkv|avi)", answer).group(0)
open(target, "wb").write(urllib.request.urlopen(film, timeout=20).read())
print(re.search(r"<friendlyName>(.*?)</friendlyName>", description).group(1), film)
`;

// A media server of the home, found by a control point away that has never heard of Castaway.
describe.skipIf(missing !== undefined)(`UPnP across the tunnel${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let away: TestDaemon;
  let folder: string;

  beforeAll(async () => {
    lab = await Lab.create({ away: 1, portForward: PORT });
    [home, away] = (await Promise.all(["home", "away"].map((name) => TestDaemon.inLab(lab, name)))) as [
      TestDaemon,
      TestDaemon,
    ];
    await away.join((await home.invite(`${lab.homePublic.address4}:${PORT}`)).link);
    folder = mkdtempSync(join(tmpdir(), "castaway-dlna-"));
    for (const part of ["media", "state"]) mkdirSync(join(folder, part));
    const source = lab.host("source");
    const film = join(folder, "media", "film.mp4");
    await source.exec(
      "ffmpeg",
      words(`-v error -f lavfi -i testsrc=size=320x240:rate=25 -t 4 -pix_fmt yuv420p ${film}`),
      { timeoutMs: 40_000 },
    );
    const config = join(folder, "minidlna.conf");
    const lines = [
      "port=8200",
      "network_interface=lan",
      `media_dir=V,${folder}/media`,
      `db_dir=${folder}/state`,
    ];
    lines.push(`log_dir=${folder}/state`, "friendly_name=Film box", "inotify=no", "notify_interval=30");
    writeFileSync(config, `${lines.join("\n")}\n`);
    source.spawn("minidlnad", ["-S", "-f", config, "-P", join(folder, "pid")]);
  }, 150_000);
  afterAll(async () => {
    await lab?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  async function discover(host: string, interfaceName: string, seconds = 3): Promise<string[]> {
    const args = [BROWSER, interfaceName, MEDIA_SERVER, String(seconds)];
    const { stdout } = await lab.host(host).exec(PYTHON, args, { timeoutMs: 20_000 });
    return [...stdout.matchAll(/Location: (\S+)/g)].map(([, location]) => location!);
  }

  test("off: it is found at home alone", async () => {
    await expect
      .poll(() => discover("listener", "lan"), { timeout: 30_000, interval: 500 })
      .toContain(LOCATION);
    expect(await discover("away", "wan")).toEqual([]);
  });

  test("on: it is found, says what it has, and a film is fetched and plays", async () => {
    await home.json("share", "lan", "on");
    await home.json("share", "dlna");
    await away.until("the proxy runs", ({ sharing }) => sharing.proxies.includes("ssdp"), 20_000);
    const visited = await Capture.start(lab.host("away-router"), "p-away");
    await expect.poll(() => discover("away", "wan"), { timeout: 40_000 }).toContain(LOCATION);
    // On the LAN that the laptop visits, there is nothing but its own searches.
    const relayed = (await visited.stop()).filter(({ bytes }) => Buffer.from(bytes).includes("X-CASTAWAY"));
    expect(relayed).toEqual([]);

    const laptop = lab.host("away");
    const film = join(folder, "fetched.mp4");
    const shown = async (): Promise<string> =>
      (
        await laptop.exec("python3", ["-c", CONTROL_POINT, LOCATION, film], {
          anyExit: true,
          timeoutMs: 45_000,
        })
      ).stdout;
    await expect
      .poll(shown, { timeout: 50_000, interval: 1_000 })
      .toMatch(/^Film box http:\/\/192\.168\.1\.20:8200\//);
    const probe = words(
      "-v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0",
    );
    const { stdout } = await laptop.exec("ffprobe", [...probe, film], { timeoutMs: 30_000 });
    expect(Number(stdout)).toBe(100);
  }, 120_000);

  test("off again: searches find nothing", async () => {
    await home.json("share", "dlna", "off");
    await away.until("the proxy ends", ({ sharing }) => sharing.proxies.length === 0, 20_000);
    expect(await discover("away", "wan")).toEqual([]);
  });
});
