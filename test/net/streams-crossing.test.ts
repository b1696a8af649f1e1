import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { VideoReceiver, sendVideo } from "#test/support/traffic/ffmpeg.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { reportUntil, startScene, type Family, type MemberName, type Scene } from "./streams-scene.ts";

const missing = missingForLab("ffmpeg");
const DATAGRAMS = 300;
/** Outer packets with a datagram of mcast.py's inside are longer, control messages shorter. */
const STREAM_LENGTH = 1_200;

interface Kind {
  readonly kind: string;
  readonly family: Family;
  readonly sourceSpecific: boolean;
  readonly group: (number: number) => string;
}

const KINDS: readonly Kind[] = [
  { kind: "IPv4 any-source", family: 4, sourceSpecific: false, group: (n) => `239.20.0.${n}` },
  { kind: "IPv4 source-specific", family: 4, sourceSpecific: true, group: (n) => `232.20.0.${n}` },
  { kind: "IPv6 any-source", family: 6, sourceSpecific: false, group: (n) => `ff1e::20:${n}` },
  { kind: "IPv6 source-specific", family: 6, sourceSpecific: true, group: (n) => `ff3e::20:${n}` },
];

interface Way {
  readonly way: string;
  readonly from: string;
  readonly to: string;
  /** Somebody else who sends to the same group. */
  readonly also: string;
  /** Where the receiver's packets come out. */
  readonly exit: string;
  /** The internet's interface on the way there. */
  readonly site: string;
}

const WAYS: readonly Way[] = [
  {
    way: "a home LAN host to the away laptop",
    from: "source",
    to: "away",
    also: "listener",
    exit: "castaway0",
    site: "away",
  },
  {
    way: "the away laptop to a home LAN host",
    from: "away",
    to: "listener",
    also: "away2",
    exit: "lan",
    site: "home",
  },
  {
    way: "one away member to another, through the host",
    from: "away",
    to: "away2",
    also: "source",
    exit: "castaway0",
    site: "away2",
  },
];

describe.skipIf(missing !== undefined)(`a stream crosses${missing ? ` (${missing})` : ""}`, () => {
  let scene: Scene;
  let groups = 0;

  beforeAll(async () => {
    scene = await startScene();
  });
  afterAll(async () => scene?.dispose());

  /** With its port, as programs take it; another one for every test. */
  function nextGroup({ family, group }: Kind): string {
    const address = group(++groups);
    return family === 4 ? `${address}:5004` : `[${address}]:5004`;
  }

  /** What a host's packets have as their source: on the tunnel, a member's own address. */
  function sourceOf(host: string, family: Family): string {
    const from = host in scene.members ? scene.members[host as MemberName] : scene.lab.host(host);
    return family === 4 ? from.address4 : from.address6;
  }

  describe.each(WAYS)("from $way", ({ from, to, also, exit, site }) => {
    test.each(KINDS)("$kind: every datagram once, to a program that merely joined", async (kind) => {
      const { lab } = scene;
      const group = nextGroup(kind);
      const address = group.replace(/^\[|\]?:5004$/g, "");
      const source = sourceOf(from, kind.family);
      const other = sourceOf(also, kind.family);
      const seen = await Capture.start(lab.host(to), exit);
      const outer = await Capture.start(lab.host("internet"), site, 64);
      const wanted = kind.sourceSpecific ? { sources: [source] } : {};
      const receiver = await startReceiver(lab.host(to), { group, ...wanted });
      const senders = [
        await startSender(lab.host(from), { group, rate: 400 }),
        await startSender(lab.host(also), { group, rate: 400 }),
      ];
      const enough = (sources: Readonly<Record<string, number>>, from: string): boolean =>
        (sources[from] ?? 0) >= DATAGRAMS;
      await reportUntil(receiver, `${DATAGRAMS} datagrams`, ({ sources }) =>
        kind.sourceSpecific ? enough(sources, source) : enough(sources, source) && enough(sources, other),
      );
      const [sent, alsoSent] = [await senders[0]!.stop(), await senders[1]!.stop()];
      expect(alsoSent.sent).toBeGreaterThan(DATAGRAMS / 2);
      // From the first one on nothing is missing, down to the last.
      const report = await reportUntil(
        receiver,
        `datagram ${sent.sent - 1}`,
        ({ last_seq }) =>
          last_seq === (kind.sourceSpecific ? sent.sent : Math.max(sent.sent, alsoSent.sent)) - 1,
      );
      expect(report).toMatchObject({ lost: 0, duplicates: 0, corrupt: 0, foreign: 0, reordered: 0 });
      expect(report.interfaces).toEqual({ [exit]: report.datagrams });
      const packets = (await seen.stop()).filter((packet) => packet.destination === address);
      const froms = new Set(packets.map((packet) => packet.source));
      // The other source is not merely filtered at the socket: it is not carried here at all,
      expect(froms).toEqual(new Set(kind.sourceSpecific ? [source] : [source, other]));
      expect(Object.keys(report.sources).toSorted()).toEqual([...froms].toSorted());
      // and not sent through the tunnel to be dropped at its end.
      const carried = (await outer.stop()).filter((packet) => packet.length > STREAM_LENGTH);
      expect(carried.length).toBeGreaterThanOrEqual(report.received);
      expect(carried.length).toBeLessThanOrEqual(sent.sent + (kind.sourceSpecific ? 0 : alsoSent.sent));
      await receiver.stop();
    });
  });

  // ffmpeg knows nothing of Castaway, and joins and sends without naming an interface.
  test.concurrent.each([
    ...KINDS.map((kind) => ({ ...kind, kindOf: kind, from: "source", to: "away" })),
    { ...KINDS[0]!, kindOf: KINDS[0]!, from: "away", to: "listener" },
    { ...KINDS[3]!, kindOf: KINDS[3]!, from: "away", to: "listener" },
    { ...KINDS[1]!, kindOf: KINDS[1]!, from: "away2", to: "away" },
    { ...KINDS[2]!, kindOf: KINDS[2]!, from: "away2", to: "away" },
  ])("ffmpeg on $from is seen by ffmpeg on $to: $kind", async ({ kindOf, from, to }) => {
    const { lab } = scene;
    const group = nextGroup(kindOf);
    const source = sourceOf(from, kindOf.family);
    const receiver = new VideoReceiver(lab.host(to), {
      group,
      ...(kindOf.sourceSpecific ? { source } : {}),
    });
    const sender = sendVideo(lab.host(from), { group });
    try {
      await receiver.until(40, 40_000);
    } finally {
      await sender.stop();
      await receiver.child.stop("SIGINT");
    }
  });
});
