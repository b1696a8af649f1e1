// A home whose router snoops and is the querier, as OpenWrt's are: it knows of this computer what its reports say.
import { afterAll, beforeAll, describe, test, vi } from "vitest";
import type { Snapshot } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import type { PassedPacket } from "#test/support/traffic/passed-packet.ts";
import { decodeMembershipPacket } from "#wire/membership-packet.ts";
import { PORT, reportUntil, withPort } from "./streams-scene.ts";

const missing = missingForLab();

function isQuery({ bytes }: PassedPacket): boolean {
  const decoded = decodeMembershipPacket(bytes);
  return !("refused" in decoded) && decoded.message.kind === "query";
}

describe.skipIf(missing !== undefined)(`behind a snooping querier${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;

  beforeAll(async () => {
    lab = await Lab.create({ portForward: PORT });
    // Its addresses are the lowest there are, so it is the querier, and our port is no router's port to it.
    const router = lab.host(lab.site("home").router);
    await router.exec("ip", ["addr", "add", "fe80::1/64", "dev", "br-lan", "nodad"]);
    await router.exec("ip", ["link", "set", "br-lan", "type", "bridge", "mcast_query_use_ifaddr", "1"]);
    const asked = await Capture.start(lab.host("listener"), "lan");
    // It asks when it becomes the querier, though not each time of both families.
    await vi.waitUntil(
      async () => {
        await lab.setSnooping("home", true, false);
        await lab.setSnooping("home", true, true);
        const heard = (await asked.packets()).filter(isQuery).map(({ source }) => source);
        return heard.includes("192.168.1.1") && heard.includes("fe80::1");
      },
      { interval: 500, timeout: 20_000 },
    );
    await asked.stop();
    home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
    const away = await TestDaemon.inLab(lab, "away");
    const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
    await away.join(link);
  });
  afterAll(() => lab?.dispose());

  test.each(["ff1e::9:1", "239.9.0.1"])(
    "%s: who leaves it on the LAN takes it from nobody away",
    async (group) => {
      const away = await startReceiver(lab.host("away"), { group: withPort(group) });
      const local = await startReceiver(lab.host("listener"), { group: withPort(group) });
      const sender = await startSender(lab.host("source"), { group: withPort(group), rate: 100 });
      await reportUntil(local, "50 datagrams", ({ received }) => received >= 50);
      await reportUntil(away, "50 datagrams", ({ received }) => received >= 50);
      const asked = (snapshot: Snapshot): number =>
        snapshot.vifs
          .filter(({ name }) => name === "lan")
          .flatMap(({ queriers }) => queriers.map(({ queriesSent }) => queriesSent))
          .reduce((sum, sent) => sum + sent, 0);
      const before = asked(await home.status());
      await local.stop();
      // Who else is there, twice and without an answer but our own; then the router has done what it does about that.
      await home.until("it has asked who else listens", (snapshot) => asked(snapshot) >= before + 2);
      const { received } = await away.report();
      await reportUntil(away, "300 datagrams more", (now) => now.received >= received + 300);
      await Promise.all([away.stop(), sender.stop()]);
    },
  );
});
