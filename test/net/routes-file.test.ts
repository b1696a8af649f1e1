import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StaticRoute } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Machine } from "#test/support/machine.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { SMCROUTE_EXAMPLE } from "#test/support/smcroute-example.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import type { PassedPacket } from "#test/support/traffic/passed-packet.ts";
import { decodeMembershipPacket } from "#wire/membership-packet.ts";
import { ip } from "./edge-namespaces.ts";
import { kernelGroups } from "./streams-scene.ts";

const missing = missingForLab();
const INTERFACES = ["eth0", "eth1", "eth2", "virbr0"];
const NEAR = `cw-routes-${process.pid}-n`;
const FAR = `cw-routes-${process.pid}-f`;

/** What the router's report says of 225.1.2.4. */
function reported({ bytes, out }: PassedPacket): string[] {
  const decoded = decodeMembershipPacket(bytes);
  if (out || "refused" in decoded || decoded.message.kind !== "report") return [];
  return decoded.message.records
    .filter(({ group }) => group === "225.1.2.4")
    .map(({ type, sources }) => `${type} ${[...sources].join()}`);
}

describe.skipIf(missing !== undefined)(`smcroute's example file${missing ? ` (${missing})` : ""}`, () => {
  const machine = new Machine("router", ["ip", "netns", "exec", NEAR]);
  const far = new Machine("far", ["ip", "netns", "exec", FAR]);
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "castaway-routes-"));
    for (const name of [NEAR, FAR]) ip("netns", "add", name);
    ip("-n", NEAR, "link", "set", "lo", "up");
    for (const [i, name] of INTERFACES.entries()) {
      ip("-n", NEAR, "link", "add", name, "type", "veth", "peer", "name", name, "netns", FAR);
      ip("-n", NEAR, "addr", "add", `192.168.${i}.1/24`, "dev", name);
      for (const namespace of [NEAR, FAR]) ip("-n", namespace, "link", "set", name, "up");
    }
  });
  afterAll(async () => {
    await machine.stopAll();
    await far.stopAll();
    for (const name of [NEAR, FAR]) ip("netns", "del", name);
    rmSync(folder, { recursive: true });
  });

  test("is in force from the start: a join of one source is one of that source", async () => {
    const own = join(folder, "routes.conf");
    writeFileSync(own, SMCROUTE_EXAMPLE);
    const wire = await Capture.start(far, "virbr0", 2048);
    const daemon = await TestDaemon.start(machine, { args: ["--routes", own] });
    try {
      const count = async (): Promise<number> => (await kernelGroups(machine, "eth0")).length;
      await expect.poll(count, { timeout: 10_000 }).toBeGreaterThanOrEqual(258);
      // Its list alone would not do: the kernel may leave out an interface where another group was joined later.
      await wire.until("a report of 225.1.2.4", (packet) => reported(packet).length > 0);
      expect(new Set((await wire.packets()).flatMap(reported))).toEqual(new Set(["allow 192.168.123.110"]));
      // By interface: group, source, sockets that include it and that exclude it.
      const filters = async (): Promise<string[]> => {
        const { stdout } = await machine.exec("cat", ["/proc/net/mcfilter"]);
        const rows = stdout.split("\n").map((line) => line.trim().split(/\s+/).slice(1).join(" "));
        return rows.filter((row) => row.includes("0xe1"));
      };
      await expect.poll(filters, { timeout: 10_000 }).toEqual(["virbr0 0xe1010204 0xc0a87b6e 1 0"]);
    } finally {
      await daemon.dispose();
      await wire.stop();
    }
  });

  // That it joins and forwards the same as smcrouted does is in smcroute-examples.test.ts.
  test("is in force as a whole or not at all, and what is changed in it follows a reload", async () => {
    const count = async (): Promise<number> => (await kernelGroups(machine, "eth0")).length;
    const own = join(folder, "routes.conf");
    writeFileSync(own, SMCROUTE_EXAMPLE.replace("ttl-threshold 11", "ttl-threshold 300"));
    const daemon = await TestDaemon.start(machine, { args: ["--routes", own] });
    try {
      // What Castaway cannot keep to is not passed over in silence, and the daemon runs.
      const { warnings } = await daemon.status();
      expect(warnings).toContainEqual(
        expect.objectContaining({ message: expect.stringContaining(`${own}:2: ttl-threshold takes`) }),
      );
      expect(await count()).toBeLessThan(10);

      writeFileSync(own, SMCROUTE_EXAMPLE);
      expect(await daemon.json("reload")).toMatchObject({ file: own, entries: 8 });
      await expect.poll(count, { timeout: 10_000 }).toBeGreaterThanOrEqual(258);
      const { routes } = await daemon.json<{ routes: StaticRoute[] }>("routes", "list");
      expect(routes[0]).toMatchObject({ id: "file-1", group: "225.1.2.3", active: true, origin: `${own}:6` });
      const removed = await daemon.castaway("routes", "remove", "file-1");
      expect(removed.code).not.toBe(0);
      expect(removed.stderr).toContain(`stands in ${own}:6`);

      const lan = await daemon.castaway("lans", "set", "eth0", "off");
      expect(lan.stderr).toContain(`${own} says how eth0 is used`);

      await daemon.json("routes", "add", "225.9.9.9", "--from", "eth1");
      writeFileSync(own, `${readFileSync(own, "utf8")}\nmgroup from eth0 grp 225.7.7.7`);
      process.kill(daemon.pid, "SIGHUP");
      await expect.poll(() => daemon.output, { timeout: 10_000 }).toContain('"grp" does not fit');
      expect(await kernelGroups(machine, "eth0")).toContain("225.3.2.1");
      writeFileSync(own, "phyint eth0\nphyint eth1\nmgroup from eth0 group 225.7.7.7");
      process.kill(daemon.pid, "SIGHUP");
      await expect
        .poll(async () => (await kernelGroups(machine, "eth0")).filter((group) => group.startsWith("225.")), {
          timeout: 10_000,
        })
        .toEqual(["225.7.7.7"]);
      expect(await kernelGroups(machine, "eth1")).toContain("225.9.9.9");
      expect((await daemon.status()).warnings).toEqual([]);
    } finally {
      await daemon.dispose();
    }
  });
});
