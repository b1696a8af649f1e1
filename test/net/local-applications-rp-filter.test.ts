// Reverse path filtering (RFC 3704) as administrators set it: IPv4 packets of the tunnel come from sources that no
// route leads to by the interface on which programs hear them. Loose filtering, the distributions' default, is what
// all other tests of the lab run with.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { missingForLab } from "#test/support/requirements.ts";
import { expectEachOnce } from "./local-programs.ts";
import { HOWS, KINDS, LocalScene, TUN } from "./local-scene.ts";

const missing = missingForLab();
const MACHINES = ["home", "away", "source", "listener"];
let scene: LocalScene;

beforeAll(async () => {
  if (missing === undefined) scene = await LocalScene.start({ rpFilter: 1 });
});
afterAll(async () => scene?.dispose());
afterEach(() => expect(scene.programs.end()).toEqual([]));

async function filterOf(machine: string, name: string): Promise<string> {
  const { stdout } = await scene.host(machine).exec("cat", [`/proc/sys/net/ipv4/conf/${name}/rp_filter`]);
  return stdout.trim();
}

describe.skipIf(missing !== undefined)(`strict filtering${missing ? ` (${missing})` : ""}`, () => {
  describe.each(["on each interface", "for all interfaces"])("%s", (where) => {
    beforeAll(async () => {
      if (where === "on each interface") return;
      for (const machine of MACHINES)
        await scene.host(machine).exec("sysctl", ["-qw", "net.ipv4.conf.all.rp_filter=1"]);
      for (const daemon of [scene.home, scene.away]) await daemon.restart();
      await scene.connected();
    });

    test("it is on, and the tunnel's own interface is exempt", async () => {
      for (const machine of MACHINES)
        expect(await filterOf(machine, scene.host(machine).interfaceName)).toBe("1");
      for (const machine of ["home", "away"])
        expect(await filterOf(machine, TUN)).toBe(where === "on each interface" ? "0" : "2");
    });

    describe.each(KINDS.filter(({ version }) => version === 4))("$name", (kind) => {
      test("programs away hear the home LAN, joined in three ways, each by itself", async () => {
        await Promise.all(
          HOWS.map((how) => {
            const { sender, receiver } = scene.stream(kind, scene.host("source"), "lan");
            return expectEachOnce(sender, [receiver(scene.host("away"), how)]);
          }),
        );
      });

      test("programs at home and on its LAN hear programs away, whatever the two use", async () => {
        await Promise.all(
          HOWS.flatMap((from) =>
            HOWS.map((by) => {
              const { sender, receiver } = scene.stream(kind, scene.host("away"), from);
              return expectEachOnce(sender, [
                receiver(scene.host("home"), by),
                receiver(scene.host("listener"), "lan"),
              ]);
            }),
          ),
        );
      });

      test.each(["home", "away"])("programs on the %s machine hear each other", async (machine) => {
        await Promise.all(
          HOWS.flatMap((from) =>
            HOWS.map((by) => {
              const { sender, receiver } = scene.stream(kind, scene.host(machine), from);
              return expectEachOnce(sender, [receiver(scene.host(machine), by)]);
            }),
          ),
        );
      });
    });
  });
});
