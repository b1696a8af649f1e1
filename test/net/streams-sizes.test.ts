import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import type { PassedPacket } from "#test/support/traffic/passed-packet.ts";
import { reportUntil, startScene, type Family, type Scene } from "./streams-scene.ts";

const missing = missingForLab();

const TS_PAYLOAD = 7 * 188;
const BIG_PAYLOAD = 8_000;
const SMALL_PAYLOAD = 32;
const PATH_MTU = 1_500;
const UDP_HEADER = 8;
const HEADERS: Readonly<Record<Family, number>> = { 4: 20, 6: 40 };
/** Outer header, inner header and tag of a data frame: docs/protocol.md. */
const FRAME = 48;
const COUNT = 200;

describe.skipIf(missing !== undefined).each<{ outer: Family }>([{ outer: 4 }, { outer: 6 }])(
  `over IPv$outer between the members${missing ? ` (${missing})` : ""}`,
  ({ outer }) => {
    let scene: Scene;
    let groups = 0;

    beforeAll(async () => {
      scene = await startScene(outer);
    });
    afterAll(async () => scene?.dispose());

    /** What passes the internet on its way to or from a site while `size` bytes cross `count` times. */
    async function cross(options: {
      readonly family: Family;
      readonly from: string;
      readonly to: string;
      readonly site: string;
      readonly size: number;
      readonly count: number;
      readonly rate: number;
    }): Promise<readonly PassedPacket[]> {
      const { lab } = scene;
      const { family, from, to, site, size, count, rate } = options;
      const group = family === 4 ? `239.21.0.${++groups}:5004` : `[ff1e::21:${++groups}]:5004`;
      const receiver = await startReceiver(lab.host(to), { group });
      // A stream that is under way shows that the join has come through; run 1 is what counts.
      const first = await startSender(lab.host(from), { group, rate: 100, size: SMALL_PAYLOAD });
      await receiver.first();
      await first.stop();
      const capture = await Capture.start(lab.host("internet"), site, 128);
      const sender = await startSender(lab.host(from), { group, size, count, rate, run: 1 });
      expect(await sender.finished()).toMatchObject({ sent: count, refused: 0 });
      const report = await reportUntil(receiver, `${count} datagrams of ${size} bytes`, (report) => {
        const beyondSmall = report.bytes - report.received * SMALL_PAYLOAD;
        return beyondSmall === count * (size - SMALL_PAYLOAD);
      });
      expect(report).toMatchObject({ duplicates: 0, corrupt: 0, lost: 0 });
      await receiver.stop();
      const passed = (await capture.stop()).filter(
        (packet) => packet.version === outer && (packet.protocol === 17 || packet.fragment),
      );
      // The path between the members is of the family that this is about.
      expect(passed.length).toBeGreaterThanOrEqual(count);
      return passed;
    }

    describe.each<{ family: Family }>([{ family: 4 }, { family: 6 }])("IPv$family", ({ family }) => {
      test.each([
        { from: "source", to: "away", site: "away" },
        { from: "away", to: "listener", site: "away" },
      ])(
        "1316-byte payloads go from $from to $to unfragmented in one datagram each",
        async ({ from, to, site }) => {
          const way = { family, from, to, site };
          const passed = await cross({ ...way, size: TS_PAYLOAD, count: COUNT, rate: 400 });
          const inner = HEADERS[family] + UDP_HEADER + TS_PAYLOAD;
          const length = HEADERS[outer] + UDP_HEADER + FRAME + inner;
          expect(length).toBeLessThanOrEqual(PATH_MTU);
          expect(passed.filter((packet) => packet.fragment)).toEqual([]);
          expect(passed.filter((packet) => packet.length === length)).toHaveLength(COUNT);
          // Whatever else passed was control, and small.
          const others = passed.filter((packet) => packet.length !== length);
          expect(others.filter((packet) => packet.length > 600)).toEqual([]);
        },
      );

      test.each([
        { from: "source", to: "away", site: "away" },
        { from: "away", to: "listener", site: "away" },
        { from: "away", to: "away2", site: "away2" },
      ])("8,000-byte datagrams arrive whole from $from at $to", async ({ from, to, site }) => {
        const way = { family, from, to, site };
        const passed = await cross({ ...way, size: BIG_PAYLOAD, count: 60, rate: 100 });
        expect(passed.filter((packet) => packet.fragment)).toEqual([]);
        expect(Math.max(...passed.map((packet) => packet.length))).toBeLessThanOrEqual(PATH_MTU);
      });
    });
  },
);
