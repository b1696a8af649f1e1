// A member as the IPv6 router of its own /64: the host on its link is a real kernel that makes its address itself.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab, type LabHost } from "#test/support/lab.ts";
import { words } from "#test/support/machine.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { transfer } from "#test/support/traffic/transfer.ts";

const missing = missingForLab("ping");
const PORT = 42268;
const BYTES = 5_000_000;

describe.skipIf(missing !== undefined)(
  `a member that routes its own subnet${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let home: TestDaemon;
    let away: TestDaemon;
    /** On the link of the laptop: a printer in the holiday home. */
    let printer: LabHost;

    beforeAll(async () => {
      lab = await Lab.create({ portForward: PORT, neighbours: true });
      try {
        [home, away] = await Promise.all([TestDaemon.inLab(lab, "home"), TestDaemon.inLab(lab, "away")]);
        printer = lab.host("neighbour");
        // As a computer is that nobody configured: it listens to routers, and has none so far.
        await printer.exec("ip", words("-6 addr flush dev lan scope global"));
        await printer.exec("ip", words("-6 route del default"), { anyExit: true });
        await printer.exec("sh", ["-c", "echo 1 > /proc/sys/net/ipv6/conf/lan/accept_ra"]);
        const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
        await away.join(link);
        expect((await home.castaway("share", "lan", "on")).code).toBe(0);
        await away.until(
          "the LAN is announced",
          ({ networks }) => networks[0]!.lanAccess.lans.length === 2,
          15_000,
        );
      } catch (error) {
        await lab.dispose();
        throw error;
      }
    });
    afterAll(async () => lab?.dispose());

    const subnet = async (): Promise<string> => {
      const own = (await away.status()).networks[0]!.ownAddresses.find((one) => one.includes(":"))!;
      return own.replace(/::1$/, "");
    };
    /** The printer's address of the subnet, as `ip` shows it. */
    const madeAddress = async (): Promise<string | undefined> => {
      const { stdout } = await printer.exec("ip", words("-6 -o addr show dev lan scope global"));
      const line = stdout.split("\n").find((one) => one.includes(` ${prefix}:`));
      return line && /inet6 (\S+)\/64/.exec(line)?.[1];
    };
    const reaches = async (from: LabHost, address: string): Promise<boolean> => {
      const { stdout } = await from.exec("ping", words(`-c 2 -i 0.2 -W 2 ${address}`), { anyExit: true });
      return !stdout.includes(" 0 received");
    };
    let prefix: string;

    test("hosts on the link make themselves addresses of it", async () => {
      prefix = await subnet();
      const { code, stdout, stderr } = await away.castaway("share", "subnet", "on", "--interface", "wan");
      expect(stderr).toBe("");
      expect(code).toBe(0);
      expect(stdout).toContain("Every host on wan gets an address in the network");
      await expect.poll(madeAddress, { timeout: 30_000 }).toBeDefined();
      const { stdout: routes } = await printer.exec("ip", words("-6 route show default"));
      expect(routes).toMatch(/proto ra .*pref low/);
    });

    test("they reach the home's members and, shared, its devices; members reach them", async () => {
      const address = (await madeAddress())!;
      const [host6] = (await home.status()).networks[0]!.ownAddresses;
      await expect.poll(() => reaches(printer, host6!), { timeout: 20_000 }).toBe(true);
      expect(await reaches(printer, lab.host("source").address6)).toBe(true);
      expect(await reaches(lab.host("home"), address)).toBe(true);
      const { sent, received } = await transfer(lab.host("home"), printer, address, BYTES);
      expect(received).toMatchObject({ bytes: BYTES, sha256: sent.sha256 });
    });

    test("nothing else is routed: not to where the laptop can go itself", async () => {
      expect(await reaches(lab.host("away"), "2001:db8:0:1::1")).toBe(true);
      expect(await reaches(printer, "2001:db8:0:1::1")).toBe(false);
    });

    test("killed: the next start is the router as before; switched off, nobody is", async () => {
      await away.kill("SIGKILL");
      const before = await lab.host("away").exec("ip", words("-6 route show dev wan"));
      expect(before.stdout).toContain(`${prefix}::/64`);
      await away.restart();
      const [host6] = (await home.status()).networks[0]!.ownAddresses;
      await expect.poll(() => reaches(printer, host6!), { timeout: 20_000 }).toBe(true);
      expect((await away.castaway("share", "subnet", "off")).code).toBe(0);
      const noDefault = async () => (await printer.exec("ip", words("-6 route show default"))).stdout;
      await expect.poll(noDefault, { timeout: 15_000 }).not.toContain("proto ra");
      const after = await lab.host("away").exec("ip", words("-6 route show dev wan"));
      expect(after.stdout).not.toContain(prefix);
      const { stdout: tables } = await lab.host("away").exec("nft", ["list", "tables"]);
      expect(tables).toBe("");
    });
  },
);
