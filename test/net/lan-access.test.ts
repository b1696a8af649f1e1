import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Snapshot } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab, type LabHost } from "#test/support/lab.ts";
import { words } from "#test/support/machine.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { transfer } from "#test/support/traffic/transfer.ts";

const missing = missingForLab("ping");
const PORT = 42268;
const BYTES = 20_000_000;
/** A table that somebody else made, with a name that begins like ours. */
const FOREIGN =
  "table inet castaway-other { chain forward { type filter hook forward priority 5; counter accept; }; }";

interface Scene {
  readonly lab: Lab;
  readonly home: TestDaemon;
  readonly away: TestDaemon;
  readonly source: LabHost;
}

async function startScene(options: Parameters<typeof Lab.create>[0]): Promise<Scene> {
  const lab = await Lab.create({ portForward: PORT, ...options });
  try {
    const [home, away] = await startBoth(lab);
    // IPv6 has no NAT: it would get there without us.
    await lab.setInboundBlocked6("home", true);
    const pings = words("insert rule inet guard inbound6 icmpv6 type echo-request drop");
    await lab.host(lab.site("home").router).exec("nft", pings);
    const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
    await away.join(link);
    return { lab, home, away, source: lab.host("source") };
  } catch (error) {
    await lab.dispose();
    throw error;
  }
}

function startBoth(lab: Lab): Promise<[TestDaemon, TestDaemon]> {
  return Promise.all([TestDaemon.inLab(lab, "home"), TestDaemon.inLab(lab, "away")]);
}

/** Does one of a few pings come back? */
async function reaches(from: LabHost, address: string): Promise<boolean> {
  const { stdout } = await from.exec("ping", words(`-c 3 -i 0.2 -W 1 ${address}`), { anyExit: true });
  return !stdout.includes(" 0 received");
}

async function nftables(host: LabHost): Promise<string[]> {
  const { stdout } = await host.exec("nft", ["list", "tables"]);
  return stdout.trim().split("\n");
}

/** All that is forwarded on a machine, by the paths of the settings that are 1. */
async function forwarding(host: LabHost): Promise<string[]> {
  const script = "cd /proc/sys/net; grep -lx 1 ipv4/conf/*/forwarding ipv6/conf/*/f*forwarding";
  const { stdout } = await host.exec("sh", ["-c", script], { anyExit: true });
  return stdout.trim().split("\n").filter(Boolean);
}

const lansOf = (snapshot: Snapshot) => snapshot.networks[0]!.lanAccess.lans;
const share = async (home: TestDaemon, ...line: string[]): Promise<void> => {
  const { code, stderr } = await home.castaway("share", "lan", ...line);
  expect(stderr).toBe("");
  expect(code).toBe(0);
};

describe.skipIf(missing !== undefined)(`the host's LAN, from away${missing ? ` (${missing})` : ""}`, () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await startScene({});
  });
  afterAll(async () => scene?.lab.dispose());

  const laptop = (): LabHost => scene.lab.host("away");
  const homeMachine = (): LabHost => scene.lab.host("home");
  const until = (what: string, count: number) =>
    scene.away.until(what, (snapshot) => lansOf(snapshot).length === count, 15_000);

  test("not shared: no device answers, and the kernel forwards nothing", async () => {
    for (const address of [scene.source.address4, scene.source.address6])
      expect(await reaches(laptop(), address)).toBe(false);
    expect(await nftables(homeMachine())).toEqual([""]);
    expect(await forwarding(homeMachine())).toEqual([]);
  });

  test("shared: it is said what that opens, and other tables are left alone", async () => {
    await homeMachine().exec("nft", ["-f", "-"], { input: FOREIGN });
    const { stdout, code } = await scene.home.castaway("share", "lan", "on");
    expect(code).toBe(0);
    expect(stdout).toContain(
      "every device in 192.168.1.0/24 (lan) and 2001:db8:1:1::/64 (lan), on every port",
    );
    const { networks } = await scene.home.json<{ networks: Snapshot["networks"] }>("share", "lan");
    expect(networks[0]!.lanAccess).toMatchObject({ on: true, problem: null });
    expect(networks[0]!.lanAccess.opens.length).toBeGreaterThan(2);
    expect(await nftables(homeMachine())).toEqual(["table inet castaway-other", "table inet castaway"]);
    const seen = lansOf(await until("the LANs are announced", 2));
    expect(seen.map(({ use }) => use)).toEqual(["192.168.1.0/24", "2001:db8:1:1::/64"]);
  });

  test.each([4, 6] as const)("devices answer by their own addresses, IPv%i", async (family) => {
    const address = family === 4 ? scene.source.address4 : scene.source.address6;
    await expect.poll(() => reaches(laptop(), address), { timeout: 15_000 }).toBe(true);
    const { sent, received } = await transfer(laptop(), scene.source, address, BYTES);
    console.log(`IPv${family} to a LAN device: ${((8 * BYTES) / received.seconds / 1e6).toFixed(0)} Mbit/s`);
    expect(received).toMatchObject({ bytes: BYTES, sha256: sent.sha256 });
  });

  test("the host itself answers at its address in the LAN, and what is sent to it outside goes on", async () => {
    // The host's IPv6 address on the LAN is also an endpoint of the tunnel.
    for (const address of [homeMachine().address4, homeMachine().address6])
      expect(await reaches(laptop(), address)).toBe(true);
  });

  test("the devices see the host as the sender, and cannot begin a connection themselves", async () => {
    const tcpdump = scene.source.spawn("tcpdump", ["-lni", "lan", "-c", "1", "icmp"]);
    const line = tcpdump.line(/ICMP echo request/);
    await expect
      .poll(
        async () => {
          await reaches(laptop(), scene.source.address4);
          return Promise.race([line, Promise.resolve("")]);
        },
        { timeout: 15_000 },
      )
      .toContain(`${homeMachine().address4} > ${scene.source.address4}`);
    await tcpdump.stop();
    const own = (await scene.away.status()).networks[0]!.ownAddresses.find((one) => !one.includes(":"))!;
    await scene.source.exec("ip", ["route", "add", own, "via", homeMachine().address4]);
    expect(await reaches(scene.source, own)).toBe(false);
  });

  test("no other network of the host is reached: not by members, nor by the devices for which it forwards now", async () => {
    // Behind the host there is a network that it never forwarded to.
    const behind = scene.lab.host("listener");
    const home = homeMachine();
    const wire = `link add elsewhere type veth peer name far netns ${behind.namespace}`;
    await home.exec("ip", words(wire));
    await home.exec("ip", words("addr add 10.77.7.1/24 dev elsewhere"));
    await home.exec("ip", words("link set elsewhere up"));
    await behind.exec("ip", words("addr add 10.77.7.2/24 dev far"));
    await behind.exec("ip", words("link set far up"));
    expect(await reaches(home, "10.77.7.2")).toBe(true);
    await laptop().exec("ip", words("route add 10.77.7.0/24 dev castaway0"));
    await scene.source.exec("ip", words(`route add 10.77.7.0/24 via ${home.address4}`));
    for (const address of ["10.77.7.1", "10.77.7.2"]) expect(await reaches(laptop(), address)).toBe(false);
    expect(await reaches(scene.source, "10.77.7.2")).toBe(false);
    const { stdout } = await home.exec("nft", words("list chain inet castaway forward"));
    expect(Number(/counter packets (\d+)/.exec(stdout)?.[1])).toBeGreaterThan(0);
    await home.exec("ip", words("link del elsewhere"));
    expect(await reaches(laptop(), scene.source.address4)).toBe(true);
  });

  test("killed with rules in place: the next start serves on, and where it has no LAN to share it cleans", async () => {
    const { home } = scene;
    await home.kill("SIGKILL");
    expect(await nftables(homeMachine())).toContain("table inet castaway");
    expect(await forwarding(homeMachine())).not.toEqual([]);
    await home.restart();
    await expect.poll(() => reaches(laptop(), scene.source.address4), { timeout: 20_000 }).toBe(true);
    expect(await nftables(homeMachine())).toEqual(["table inet castaway-other", "table inet castaway"]);
    await home.kill("SIGKILL");
    await homeMachine().exec("ip", ["link", "set", "lan", "down"]);
    await home.restart();
    await expect
      .poll(() => nftables(homeMachine()), { timeout: 15_000 })
      .toEqual(["table inet castaway-other"]);
    expect(await forwarding(homeMachine())).toEqual([]);
    const lan = homeMachine();
    await lan.exec("ip", ["link", "set", "lan", "up"]);
    await lan.exec("ip", ["addr", "replace", `${lan.address6}/64`, "dev", "lan", "nodad"]);
    const router = scene.lab.site("home");
    await lan.exec("ip", ["route", "replace", "default", "via", `${router.lan4}.1`]);
    await expect.poll(() => reaches(laptop(), scene.source.address4), { timeout: 20_000 }).toBe(true);
  });

  test("a guest may do without, and is asked again for nothing", async () => {
    const { code } = await scene.away.castaway("share", "use", "off");
    expect(code).toBe(0);
    expect(await reaches(laptop(), scene.source.address4)).toBe(false);
    await scene.away.castaway("share", "use", "on");
    await expect.poll(() => reaches(laptop(), scene.source.address4), { timeout: 15_000 }).toBe(true);
  });

  test("switched off at run time: nothing is reached, nothing is left", async () => {
    await share(scene.home, "off");
    expect(await nftables(homeMachine())).toEqual(["table inet castaway-other"]);
    expect(await forwarding(homeMachine())).toEqual([]);
    await until("they are withdrawn", 0);
    expect(await reaches(laptop(), scene.source.address4)).toBe(false);
    const { stdout } = await laptop().exec("ip", ["rule"]);
    expect(stdout).not.toContain("32500:");
    expect(() => readFileSync(join(scene.home.folder, "state", "gateway.json"))).toThrow("ENOENT");
  });

  test("an interface that is not there is refused, and nothing is switched on", async () => {
    const { code, stderr } = await scene.home.castaway("share", "lan", "on", "--interface", "eth7");
    expect(code).not.toBe(0);
    expect(stderr).toContain('no interface "eth7"');
    const { networks } = await scene.home.status();
    expect(networks[0]!.lanAccess.on).toBe(false);
  });
});

describe.skipIf(missing !== undefined)(
  `a guest on a network with the same addresses${missing ? ` (${missing})` : ""}`,
  () => {
    let scene: Scene;
    beforeAll(async () => {
      scene = await startScene({ sameSubnet: true, away: 2 });
    });
    afterAll(async () => scene?.lab.dispose());

    const use = (snapshot: Snapshot): string | null | undefined =>
      lansOf(snapshot).find(({ prefix }) => prefix === "192.168.1.0/24")?.use;

    test("reaches the devices under a prefix of their own, and its own network as ever", async () => {
      await share(scene.home, "on");
      const snapshot = await scene.away.until(
        "the LAN is mapped",
        (now) => use(now)?.startsWith("100.") === true,
      );
      const device = use(snapshot)!.replace(/\.0\/24$/, ".20");
      const { stdout } = await scene.away.castaway("status");
      expect(stdout).toContain(`reached as ${device} for ${scene.source.address4}`);
      const laptop = scene.lab.host("away");
      await expect.poll(() => reaches(laptop, device), { timeout: 15_000 }).toBe(true);
      const { sent, received } = await transfer(laptop, scene.source, scene.source.address4, BYTES, {
        dialled: device,
      });
      expect(received).toMatchObject({ bytes: BYTES, sha256: sent.sha256 });
      // 192.168.1.1 is the hotel's router here, and not through the tunnel.
      const { stdout: route } = await laptop.exec("ip", ["route", "get", "192.168.1.1"]);
      expect(route).toContain("dev wan");
      expect(await reaches(laptop, "192.168.1.1")).toBe(true);
    });

    test("carried to another network, it uses their own addresses again", async () => {
      await scene.lab.roam("away", "away2");
      await scene.away.until("the clash is over", (now) => use(now) === "192.168.1.0/24", 15_000);
      const laptop = scene.lab.host("away");
      await expect.poll(() => reaches(laptop, scene.source.address4), { timeout: 20_000 }).toBe(true);
    });
  },
);

describe.skipIf(missing !== undefined)(
  `a host whose outer address is on the LAN that it shares${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    afterAll(async () => lab?.dispose());

    test("is reached there by the tunnel's own packets, and through the tunnel by all others", async () => {
      lab = await Lab.create();
      const [machine, laptop, source] = ["home", "away", "source"].map((name) => lab.host(name));
      const [home, away] = await startBoth(lab);
      // The router lets in what is for the host, and nothing else.
      await lab
        .host(lab.site("home").router)
        .exec("nft", words(`insert rule inet guard inbound6 ip6 daddr != ${machine!.address6} drop`));
      const { link } = await home.invite(`[${machine!.address6}]:${PORT}`);
      await away.join(link);
      expect(await reaches(laptop!, source!.address6)).toBe(false);
      await share(home, "on");
      await away.until("the LANs are announced", (now) => lansOf(now).length === 2, 15_000);
      await expect.poll(() => reaches(laptop!, source!.address6), { timeout: 15_000 }).toBe(true);
      const { stdout } = await laptop!.exec("ip", words(`route get ${machine!.address6}`));
      expect(stdout).toContain("dev castaway0");
      expect(await reaches(laptop!, machine!.address6)).toBe(true);
      // A new handshake has to get there too, while the routes are in place.
      await away.kill("SIGKILL");
      await away.restart();
      const again = await away.until(
        "it is connected again",
        ({ networks }) =>
          networks[0]!.state === "connected" && networks[0]!.members.some(({ role }) => role === "host"),
        15_000,
      );
      const host = again.networks[0]!.members.find(({ role }) => role === "host");
      expect(host!.endpoint).toBe(`[${machine!.address6}]:${PORT}`);
      await expect.poll(() => reaches(laptop!, source!.address6), { timeout: 15_000 }).toBe(true);
    }, 120_000); // a lab of its own
  },
);
