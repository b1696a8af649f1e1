// Programs on the home machine and on the away machine themselves, as sources and as receivers, whatever interface
// they use. All of them are sockets as programs have them (IP_MULTICAST_ALL is on).
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { missingForLab } from "#test/support/requirements.ts";
import { expectEachOnce } from "./local-programs.ts";
import { HOWS, KINDS, LocalScene, NAMED, TUN } from "./local-scene.ts";

const missing = missingForLab();
const WAYS = HOWS.map((how) => [NAMED[how], how] as const);
let scene: LocalScene;

beforeAll(async () => {
  if (missing === undefined) scene = await LocalScene.start();
});
afterAll(async () => scene?.dispose());
afterEach(() => expect(scene.programs.end()).toEqual([]));

describe.skipIf(missing !== undefined)(`programs on the machines${missing ? ` (${missing})` : ""}`, () => {
  describe.each(KINDS)("$name", (kind) => {
    test.each(WAYS)("sent at home with %s: heard away and on the home LAN", async (_, how) => {
      const { sender, receiver } = scene.stream(kind, scene.host("home"), how);
      await expectEachOnce(sender, [
        receiver(scene.host("away"), "default"),
        receiver(scene.host("listener"), "lan"),
      ]);
    });

    test.each(WAYS)("sent away with %s: heard by a program at home and on the home LAN", async (_, how) => {
      const { sender, receiver } = scene.stream(kind, scene.host("away"), how);
      await expectEachOnce(sender, [
        receiver(scene.host("home"), "lan"),
        receiver(scene.host("listener"), "lan"),
      ]);
    });

    test.each(WAYS)("joined at home with %s: hears a program away", async (_, how) => {
      const { sender, receiver } = scene.stream(kind, scene.host("away"), "default");
      await expectEachOnce(sender, [receiver(scene.host("home"), how)]);
    });

    test.each(WAYS)("joined away with %s: hears the home LAN", async (_, how) => {
      const { sender, receiver } = scene.stream(kind, scene.host("source"), "lan");
      await expectEachOnce(sender, [receiver(scene.host("away"), how)]);
    });

    test.each([
      ["home", "away"],
      ["away", "source"],
    ])("six programs on the %s machine, joined in three ways: each hears once", async (place, from) => {
      const { sender, receiver } = scene.stream(kind, scene.host(from), "default");
      await expectEachOnce(
        sender,
        [...HOWS, ...HOWS].map((how) => receiver(scene.host(place), how)),
      );
    });

    test.each([
      ["home", "away"],
      ["away", "home"],
    ])(
      "datagrams of 8,000 bytes that a program sends reach programs on the %s machine",
      async (place, from) => {
        await Promise.all(
          HOWS.flatMap((how) =>
            HOWS.map((by) => {
              const { sender, receiver } = scene.stream(kind, scene.host(from), how, { size: 8_000 });
              return expectEachOnce(sender, [receiver(scene.host(place), by)]);
            }),
          ),
        );
      },
    );

    test("sent at home with IP_MULTICAST_LOOP off: heard away", async () => {
      const { sender, receiver } = scene.stream(kind, scene.host("home"), "lan", { loop: false });
      await expectEachOnce(sender, [receiver(scene.host("away"), "default")]);
    });

    test("programs at home hear their own LAN once, joined in three ways, while the stream goes away", async () => {
      const { sender, receiver } = scene.stream(kind, scene.host("source"), "lan");
      await expectEachOnce(sender, [
        ...HOWS.map((how) => receiver(scene.host("home"), how)),
        receiver(scene.host("away"), "default"),
      ]);
    });

    test(`a program at home that joined on ${TUN} alone hears the home LAN once`, async () => {
      const { sender, receiver } = scene.stream(kind, scene.host("source"), "lan");
      await expectEachOnce(sender, [receiver(scene.host("home"), "tun")]);
    });

    test.each(["home", "away"])(
      "programs on the %s machine hear each other once, whatever interfaces the two use",
      async (place) => {
        const host = scene.host(place);
        const pairs = HOWS.flatMap((from) =>
          HOWS.map((by) => {
            const { sender, receiver } = scene.stream(kind, host, from);
            return { sender, receiver: receiver(host, by) };
          }),
        );
        await Promise.all(pairs.map(({ sender, receiver }) => expectEachOnce(sender, [receiver])));
      },
    );
  });
});
