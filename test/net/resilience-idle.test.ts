import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Stats } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender, type Receiver } from "#test/support/traffic/mcast.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab();
const GROUP = "239.12.3.4";
/** What has just happened has consequences for a while: reports are repeated, a stream that stopped is asked about. */
const LOOKS = 4;
const SETTLE_MS = 1_500;
const LOOK_MS = 6_000;
const GROWTH = 4 << 20; // bytes

/** V8's own threads: they compile what has become warm, ever less of it. */
const COMPILERS = /^(node-V8Worker|DelayedTask)/;

/** How often threads of the process have gone to sleep so far, without V8's. */
function wakeUps(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const read = (file: string): string => readFileSync(`/proc/${pid}/task/${thread}/${file}`, "utf8");
    if (!COMPILERS.test(read("comm")))
      sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(read("status"))![1]);
  }
  return sum;
}

describe.skipIf(missing !== undefined)(`a daemon with nothing to do${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let away: TestDaemon;
  let receiver: Receiver | undefined;

  beforeAll(async () => {
    lab = await Lab.create({ portForward: PORT });
    home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
    away = await TestDaemon.inLab(lab, "away");
    await away.join((await home.invite(`${lab.homePublic.address4}:${PORT}`)).link);
  });
  afterAll(async () => lab?.dispose());

  async function expectQuiet(what: string): Promise<void> {
    await wait(SETTLE_MS);
    const daemons = [home, away];
    const stats = (): Promise<Stats[]> => Promise.all(daemons.map((daemon) => daemon.json<Stats>("stats")));
    const memory = (await stats()).map(({ rssBytes }) => rssBytes);
    let rates = [Infinity];
    for (let look = 0; look < LOOKS && !rates.every((rate) => rate < 2); look++) {
      await wait(SETTLE_MS); // the command above woke them
      const before = daemons.map(({ pid }) => wakeUps(pid));
      await wait(LOOK_MS);
      rates = daemons.map(({ pid }, i) => ((wakeUps(pid) - before[i]!) * 1000) / LOOK_MS);
      console.log(`${what}: wakes ${rates.join(" and ")} times a second`);
    }
    const growth = (await stats()).map(({ rssBytes }, i) => rssBytes - memory[i]!);
    for (const rate of rates) expect(rate).toBeLessThan(2);
    for (const bytes of growth) expect(bytes).toBeLessThan(GROWTH);
  }

  test("connected, with a group joined that nobody sends to", async () => {
    receiver = await startReceiver(lab.host("away"), { group: GROUP });
    await expectQuiet("joined");
  });

  test("after a stream", async () => {
    receiver ??= await startReceiver(lab.host("away"), { group: GROUP });
    const sender = await startSender(lab.host("source"), { group: GROUP, interface: "lan", rate: 500 });
    await receiver.first();
    await wait(2_000);
    await sender.stop();
    await expectQuiet("after a stream");
  });
});
