// A minute with the other programs at the far end, both ways and all at the same time: mcasttunnel's server and client,
// and those of the IPv6 tunnel.
import { fileURLToPath } from "node:url";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Child } from "#test/support/child.ts";
import { finalFigures, foreground } from "#test/support/foreground.ts";
import { Lab } from "#test/support/lab.ts";
import { removeAtEnd } from "#test/support/lab/cleanup.ts";
import { PYTHON } from "#test/support/python.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender, type ReceiveReport } from "#test/support/traffic/mcast.ts";

const MCASTTUNNEL_PEER = fileURLToPath(new URL("../support/mcasttunnel_peer.py", import.meta.url));
const SIXTUNNEL_PEER = fileURLToPath(new URL("../support/sixtunnel_peer.py", import.meta.url));
const missing = missingForLab("chrt");
const SECONDS = 60;
const RATE = 200;
const COUNT = SECONDS * RATE;
const OUR_RANGE = "2001:db8:aa";
const THEIR_RANGE = "2001:db8:bb";
const PORTS = { ourGroup: 9201, theirGroup: 9202, ourSix: 9203, theirSix: 9204 };

let lab: Lab;
let folder: string;

beforeAll(async () => {
  if (missing) return;
  lab = await Lab.create({ neighbours: true });
  await lab.setPortForward(Object.values(PORTS));
  folder = mkdtempSync(join(tmpdir(), "castaway-far-ends-"));
  const forget = removeAtEnd(folder);
  lab.beforeDispose(forget);
}, 60_000);
afterAll(() => lab?.dispose());

/** The other programs lose what they do not read in time: they go first. */
function original(host: string, program: string, words: readonly string[]): Child {
  const label = `${host}: the original`;
  return lab.host(host).spawn("chrt", ["-f", "10", PYTHON, program, ...words], { label });
}

function groupWords(host: "home" | "away", group: string, port: number): string[] {
  const own = lab.host(host).address4;
  const end = host === "home" ? ["-s"] : ["-a", lab.homePublic.address4];
  return [...end, ...["-p", String(port), "-i", own, "-g", group, "-r", "5004", "-t", "3"]];
}

interface Way {
  readonly from: string;
  readonly to: string;
  readonly group: string;
  readonly run: number;
  readonly interface?: string;
}

/** So many datagrams, at a steady rate; what came of them. */
async function flow({ from, to, group, run, interface: link }: Way): Promise<() => Promise<ReceiveReport>> {
  const join = link !== undefined;
  const common = { group, count: COUNT, run, ...(link !== undefined && { interface: link }) };
  const receiver = await startReceiver(lab.host(to), { ...common, join, seconds: SECONDS + 15 });
  const sender = await startSender(lab.host(from), { ...common, rate: RATE, size: 1_200 });
  return async () => {
    expect(await sender.finished((SECONDS + 30) * 1_000)).toMatchObject({ sent: COUNT, refused: 0 });
    return receiver.finished((SECONDS + 30) * 1_000);
  };
}

/** How often the original took more than a packet for one: it lost the rest itself. */
function defects(child: Child): number {
  return child.stdout.match(/^defect:/gm)?.length ?? 0;
}

describe.skipIf(missing)(`the other programs at the far end${missing ? ` (${missing})` : ""}`, () => {
  test("a minute both ways without loss", { timeout: 150_000 }, async () => {
    onTestFinished(async () => {
      for (const host of ["home", "away", "neighbour", "source", "listener"]) await lab.host(host).stopAll(); // a second try finds the ports free
    });
    const ourGroup = groupWords("home", "239.8.9.1", PORTS.ourGroup);
    const groupServer = await foreground(lab.host("home"), ["mcasttunnel", ...ourGroup]);
    const theirGroupClient = original(
      "away",
      MCASTTUNNEL_PEER,
      groupWords("away", "239.8.9.1", PORTS.ourGroup),
    );
    const theirGroup = groupWords("home", "239.8.9.2", PORTS.theirGroup);
    const theirGroupServer = original("home", MCASTTUNNEL_PEER, theirGroup);
    const groupClient = await foreground(lab.host("away"), [
      "mcasttunnel",
      ...groupWords("away", "239.8.9.2", PORTS.theirGroup),
    ]);
    const publicAddress = lab.homePublic.address4;
    const sixServer = await foreground(lab.host("home"), [
      ...["sixtunnel", "server", "--port", String(PORTS.ourSix), "--range", `${OUR_RANGE}::/48`],
      ...["--assignments", join(folder, "ours"), "--tun", "six-ours"],
    ]);
    const theirSixServer = original("home", SIXTUNNEL_PEER, [
      ...["server", "0.0.0.0", String(PORTS.theirSix), `${THEIR_RANGE}::/48`, join(folder, "theirs"), "six"],
    ]);
    await theirSixServer.line(/listening/);
    const theirSixClient = original("neighbour", SIXTUNNEL_PEER, [
      ...["client", publicAddress, String(PORTS.ourSix), "00:11:22:33:44:55", "six"],
    ]);
    const sixClient = await foreground(lab.host("away"), [
      ...["sixtunnel", "client", "--address", publicAddress, "--port", String(PORTS.theirSix)],
    ]);
    const ours = [groupServer, groupClient, sixServer, sixClient];
    const theirs = [theirGroupServer, theirGroupClient, theirSixServer, theirSixClient];
    await Promise.all(ours.map((end) => end.line(/"event":"connected"/, 20_000)));
    await Promise.all(theirs.map((end) => end.line(/connected/, 20_000)));
    expect(await theirSixClient.line(/connected/)).toContain(`${OUR_RANGE}:1::/64`);

    const link = { interface: "lan" };
    const ends = [
      await flow({ from: "source", to: "neighbour", group: "239.8.9.1:5004", run: 1, ...link }),
      await flow({ from: "neighbour", to: "listener", group: "239.8.9.1:5004", run: 2, ...link }),
      await flow({ from: "source", to: "neighbour", group: "239.8.9.2:5004", run: 3, ...link }),
      await flow({ from: "neighbour", to: "listener", group: "239.8.9.2:5004", run: 4, ...link }),
      await flow({ from: "home", to: "neighbour", group: `[${OUR_RANGE}:1::1]:6001`, run: 5 }),
      await flow({ from: "neighbour", to: "home", group: `[${OUR_RANGE}::1]:6002`, run: 6 }),
      await flow({ from: "home", to: "away", group: `[${THEIR_RANGE}:1::1]:6003`, run: 7 }),
      await flow({ from: "away", to: "home", group: `[${THEIR_RANGE}::1]:6004`, run: 8 }),
    ];
    const reports = await Promise.all(ends.map((end) => end()));
    const excused = [0, 0, 0, 0, defects(theirSixClient), 0, 0, defects(theirSixServer)];
    console.log(
      `a minute at ${RATE}/s: received ${reports.map(({ received }) => received).join(", ")} of ${COUNT}; ` +
        `reads of more than a packet by the originals ${excused.join(", ")}; p99 ${reports.map(({ p99_us: p99 }) => p99).join(", ")} us`,
    );
    for (const [n, report] of reports.entries()) {
      expect(report, `flow ${n}`).toMatchObject({ duplicates: 0, corrupt: 0, reordered: 0 });
      if (excused[n] === 0) expect(report.received, `flow ${n}`).toBe(COUNT);
      else expect(report.received, `flow ${n}`).toBeGreaterThan(0.98 * COUNT);
    }
    for (const end of theirs) expect(end.stdout).not.toMatch(/closed|failed/);
    for (const end of [groupServer, groupClient])
      expect(await finalFigures(end)).toMatchObject({ toPeers: COUNT, fromPeers: COUNT });
    for (const end of [sixServer, sixClient]) {
      const { toPeers, fromPeers, drops } = await finalFigures(end);
      expect(toPeers).toBeGreaterThanOrEqual(COUNT);
      expect(fromPeers).toBeGreaterThanOrEqual(COUNT);
      expect(drops).toMatchObject({ "queue-full": 0, "foreign-source": 0, "broken-stream": 0 });
    }
  });
});
