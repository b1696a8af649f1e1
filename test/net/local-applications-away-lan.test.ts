// The network that the away machine visits has multicast of its own, which goes on working: programs that name no
// interface land in the tunnel with what the network shares, and nowhere else.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { missingForLab } from "#test/support/requirements.ts";
import { deliver, expectEachOnce, pause, reaches } from "./local-programs.ts";
import { KINDS, LocalScene, TUN } from "./local-scene.ts";

const missing = missingForLab();
let scene: LocalScene;

beforeAll(async () => {
  if (missing === undefined) scene = await LocalScene.start({ away: 2 });
});
afterAll(async () => scene?.dispose());
afterEach(() => expect(scene.programs.end()).toEqual([]));

/** What is not shared, or is discovery that stays on its link, and the port that it is known for. */
const STAYS: readonly (readonly [string, string, number])[] = [
  ["a registered group", "224.0.1.200", 21_001],
  ["a reserved range", "235.1.2.3", 21_002],
  ["SSDP", "239.255.255.250", 1900],
  ["mDNS", "224.0.0.251", 5353],
  ["LLMNR", "224.0.0.252", 5355],
  ["an IPv6 group of admin-local scope", "ff04::1234", 21_003],
  ["SSDP over IPv6", "ff05::c", 1900],
  ["SSDP over IPv6 with another scope", "ff0e::c", 1900],
  ["mDNS over IPv6", "ff02::fb", 5353],
  ["mDNS over IPv6, site-local", "ff05::fb", 5353],
  ["DHCPv6 servers", "ff05::1:3", 547],
];
const CROSSES: readonly (readonly [string, string, number])[] = [
  ["what is next to SSDP", "239.255.255.249", 21_011],
  ["what is next to SSDP on the other side", "239.255.255.251", 21_012],
  ["what is next to SSDP over IPv6", "ff05::d", 21_013],
  ["what is next to DHCPv6 servers", "ff05::1:4", 21_014],
  ["the first of a range", "239.0.0.0", 21_015],
  ["the last of a range", "ff0e:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 21_016],
];

async function expectOwnLanHeard(neighbourName: string): Promise<void> {
  const [away, neighbour] = [scene.host("away"), scene.host(neighbourName)];
  const { programs } = scene;
  const device = neighbour.interfaceName;
  await Promise.all(
    STAYS.flatMap(([, group, port]) => [
      expectEachOnce(programs.sender(neighbour, group, { port, device }), [
        programs.receiver(away, group, { port }),
      ]),
      expectEachOnce(programs.sender(away, group, { port: port + 30_000 }), [
        programs.receiver(neighbour, group, { port: port + 30_000, device }),
      ]),
    ]),
  );
}

describe.skipIf(missing !== undefined)(`the away LAN${missing ? ` (${missing})` : ""}`, () => {
  test.each(STAYS)(
    "%s (%s): programs that name no interface hear it, and are heard there",
    async (_, group, port) => {
      const [away, neighbour] = [scene.host("away"), scene.host("neighbour")];
      const device = neighbour.interfaceName;
      const { programs } = scene;
      await expectEachOnce(programs.sender(neighbour, group, { port, device }), [
        programs.receiver(away, group, { port }),
      ]);
      await expectEachOnce(programs.sender(away, group, { port }), [
        programs.receiver(neighbour, group, { port, device }),
      ]);
    },
  );

  test.each(CROSSES)(
    "%s (%s): programs that name no interface hear home, and are heard there",
    async (_, group, port) => {
      const [away, home] = [scene.host("away"), scene.host("home")];
      const { programs } = scene;
      await expectEachOnce(programs.sender(home, group, { port }), [
        programs.receiver(away, group, { port }),
      ]);
      await expectEachOnce(programs.sender(away, group, { port }), [
        programs.receiver(home, group, { port }),
      ]);
    },
  );

  test("the same group on the away LAN and from home: a program that joined on the LAN hears both, once each", async () => {
    const [away, neighbour] = [scene.host("away"), scene.host("neighbour")];
    for (const [group, port] of [
      ["239.30.0.1", 21_021],
      ["ff1e::30:1", 21_022],
    ] as const) {
      const program = scene.programs.receiver(away, group, { port, device: away.interfaceName });
      for (const from of [neighbour, scene.host("source")])
        await expectEachOnce(scene.programs.sender(from, group, { port, device: from.interfaceName }), [
          program,
        ]);
    }
  });

  test.each(KINDS)("$name: what comes from home is for the away machine, not for its LAN", async (kind) => {
    const { sender, receiver } = scene.stream(kind, scene.host("source"), "lan");
    const [away, neighbour] = [scene.host("away"), scene.host("neighbour")];
    const onLan = receiver(away, "lan");
    const bystander = receiver(neighbour, "lan");
    await expectEachOnce(sender, [onLan]);
    const { heard } = await deliver(sender, [bystander], { withinMs: 300 });
    expect(Object.values(heard)).toEqual([[]]);
    expect([...bystander.take().keys()]).toEqual([]);
  });

  test("all that after the away machine has moved to another network", async () => {
    await scene.lab.roam("away", "away2");
    await pause(200);
    await scene.connected();
    const link = await scene.host("away").exec("ip", ["-6", "route", "show", "table", "local"]);
    expect(link.stdout).toContain(TUN);
    await expectOwnLanHeard("neighbour2");
    const { sender, receiver } = scene.stream(KINDS[0]!, scene.host("source"), "lan");
    const program = receiver(scene.host("away"), "default");
    await reaches(sender, [program]);
    await expectEachOnce(sender, [program]);
  });
});
