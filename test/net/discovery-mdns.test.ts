import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { Avahi, AVAHI_COMMANDS } from "#test/support/traffic/avahi.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab(...AVAHI_COMMANDS);
const TYPE = "_http._tcp";
const PATIENCE = { timeout: 30_000, interval: 500 };

// Real responders at home and away. Nothing of them has heard of Castaway.
describe.skipIf(missing !== undefined)(`mDNS across the tunnel${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let away: TestDaemon;
  let mediabox: Avahi;
  let laptop: Avahi;
  const children: { stop(): Promise<unknown> }[] = [];

  beforeAll(async () => {
    lab = await Lab.create({ away: 1, portForward: PORT });
    [home, away] = (await Promise.all(["home", "away"].map((name) => TestDaemon.inLab(lab, name)))) as [
      TestDaemon,
      TestDaemon,
    ];
    await away.join((await home.invite(`${lab.homePublic.address4}:${PORT}`)).link);
    [mediabox, laptop] = await Promise.all([
      Avahi.start(lab.host("source"), { hostName: "mediabox" }),
      Avahi.start(lab.host("away"), { hostName: "laptop" }),
    ]);
  }, 150_000);
  afterEach(async () => {
    for (const child of children.splice(0)) await child.stop();
  });
  afterAll(async () => {
    await mediabox?.dispose();
    await laptop?.dispose();
    await lab?.dispose();
  });

  const publish = async (at: Avahi, name: string, port: number): Promise<void> => {
    children.push(await at.publish("-s", name, TYPE, String(port), "path=/"));
  };
  const names = async (at: Avahi): Promise<string[]> =>
    [...new Set((await at.browse(TYPE)).filter(([mark]) => mark === "+").map((line) => line[3]!))].sort();

  test("off: nothing crosses", async () => {
    await publish(mediabox, "Films", 8080);
    const wire = await Capture.start(lab.host("away"), "castaway0");
    expect(await names(laptop)).toEqual([]);
    expect((await wire.stop()).filter(({ destination }) => destination.endsWith(".251"))).toEqual([]);
    expect((await home.status()).sharing.proxies).toEqual([]);
  });

  test("on: what the home has is found away, and used by its own address where the LAN is shared", async () => {
    children.push(
      lab.host("source").spawn("python3", ["-m", "http.server", "8080", "--directory", "/usr/share/doc"]),
    );
    await publish(mediabox, "Dr. Films", 8080);
    await home.json("share", "mdns");
    await home.json("share", "lan", "on");
    await away.until("the proxy runs", ({ sharing }) => sharing.proxies.includes("mdns"), 20_000);
    await expect.poll(() => names(laptop), PATIENCE).toEqual(["Dr\\.\\032Films"]);
    const resolved = async (): Promise<string[] | undefined> =>
      (await laptop.browse(TYPE, "-r")).find(
        ([mark, , , , , , , address]) => mark === "=" && address === "192.168.1.20",
      );
    await expect.poll(resolved, PATIENCE).toBeDefined();
    const [, , , , , , host, address, port] = (await resolved())!;
    expect(host).toBe("mediabox.local");
    const page = `import urllib.request; print(urllib.request.urlopen("http://${address}:${port}/", timeout=10).read())`;
    const { stdout } = await lab.host("away").exec("python3", ["-c", page]);
    expect(stdout).toContain("Directory listing");
  });

  test("a service of the host itself is used by its address in the network, whatever else is shared", async () => {
    const host = await Avahi.start(lab.host("home"), { hostName: "homeserver" });
    children.push({ stop: () => host.dispose() });
    await home.json("share", "mdns");
    await home.json("share", "lan", "off");
    await publish(host, "Notes", 8090);
    const address = (await home.status()).networks[0]!.ownAddresses.find((one) => !one.includes(":"))!;
    await expect
      .poll(
        async () => (await laptop.browse(TYPE, "-r")).map((line) => `${line[0]} ${line[3]} ${line[7]}`),
        PATIENCE,
      )
      .toContain(`= Notes ${address}`);
  });

  test("one who asks from a port of its own is answered there; a responder on the tunnel's interface hears, too", async () => {
    await home.json("share", "mdns");
    await publish(mediabox, "Legacy", 8082);
    await expect.poll(() => names(laptop), PATIENCE).toContain("Legacy");
    const ask = `import socket
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(2)
q=b"\\x12\\x34"+bytes([0,0,0,1,0,0,0,0,0,0])+b"\\x05_http\\x04_tcp\\x05local\\0"+bytes([0,12,0,1])
s.sendto(q,("224.0.0.251",5353)); seen=b""
while True:
  try: d,a=s.recvfrom(9000)
  except TimeoutError: break
  if d[:2]==b"\\x12\\x34" and b"Legacy" in d: print("answered")`;
    const answered = async (): Promise<string> =>
      (await lab.host("away").exec("python3", ["-c", ask], { timeoutMs: 15_000 })).stdout;
    await expect.poll(answered, PATIENCE).toContain("answered");
    const onTunnel = await Avahi.start(lab.host("away"), {
      hostName: "laptop2",
      interfaces: ["castaway0"],
      pointToPoint: true,
    });
    children.push({ stop: () => onTunnel.dispose() });
    await expect.poll(() => names(onTunnel), PATIENCE).toContain("Legacy");
  });

  test("what goes at home is gone away, at once", async () => {
    await home.json("share", "mdns");
    const service = await mediabox.publish("-s", "Short", TYPE, "8081");
    await expect.poll(() => names(laptop), PATIENCE).toContain("Short");
    await service.stop();
    await expect.poll(() => names(laptop), PATIENCE).not.toContain("Short");
  });

  test("a laptop's own service is found at home only where it said so, and never on the LAN that it visits", async () => {
    await home.json("share", "mdns");
    await publish(laptop, "Travels", 8070);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await names(mediabox)).not.toContain("Travels");
    const visited = await Capture.start(lab.host("away-router"), "p-away");
    await publish(mediabox, "Films", 8080);
    await away.json("share", "mdns");
    await expect.poll(() => names(mediabox), PATIENCE).toContain("Travels");
    await expect.poll(() => names(laptop), PATIENCE).toContain("Films");
    // The laptop's responder speaks there, as it always does; the proxy does not: its messages have an id.
    const seen = (await visited.stop()).filter(({ destination }) => destination === "224.0.0.251");
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter(({ bytes }) => bytes[28] === 0xca && bytes[29] === 0x57)).toEqual([]);
    await away.json("share", "mdns", "off");
  });

  test("off again: it is all taken back", async () => {
    await publish(mediabox, "Films", 8080);
    await home.json("share", "mdns");
    await expect.poll(() => names(laptop), PATIENCE).toContain("Films");
    await home.json("share", "mdns", "off");
    await expect.poll(() => names(laptop), PATIENCE).toEqual([]);
  });
});
