// Two ends on one computer's loopback, as the demo without root has them: 127.0.0.1 is home, 127.0.0.2 the laptop.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { onProcessEnd } from "#test/support/lab/cleanup.ts";
import { Machine } from "#test/support/machine.ts";
import { NOBODY, asNobody } from "#test/support/ordinary-user.ts";
import { hasCommand } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";

const needed = ["python3", ...(process.getuid?.() === 0 ? ["setpriv"] : [])].filter(
  (command) => !hasCommand(command),
);
const missing = needed.length > 0 ? `needs ${needed.join(", ")}` : undefined;
/** Of this run alone: other runs on this computer have the same loopback. */
const GROUP = `239.77.${process.pid & 0xff}.${(process.pid >> 8) & 0xff}:5004`;
const PORT = 43_000 + (process.pid % 1000) * 2;
const [HOME, AWAY] = ["127.0.0.1", "127.0.0.2"];
const COUNT = 200;

const programs = new Machine("this computer");
const machines = [asNobody("loopback-home"), asNobody("loopback-away")];
const forget = onProcessEnd(() => [programs, ...machines].forEach((machine) => machine.killAll()));
const daemons: TestDaemon[] = [];

beforeAll(async () => {
  if (missing) return;
  for (const [i, address] of [HOME, AWAY].entries())
    daemons.push(
      await TestDaemon.start(machines[i]!, {
        port: PORT + i,
        ...(process.getuid?.() === 0 && { uid: NOBODY }),
        args: ["--socket-vif", `${GROUP}%${address}`],
      }),
    );
  const [home, away] = daemons;
  const { link } = await home!.invite(`${HOME}:${PORT}`);
  await away!.join(link);
  for (const daemon of daemons)
    await daemon.until("the group wanted by the other", ({ groups }) =>
      groups.some(({ listeners }) => listeners.length === 2),
    );
}, 60_000);
afterAll(async () => {
  await Promise.all(daemons.map((daemon) => daemon.dispose()));
  await programs.stopAll();
  forget();
});

describe.skipIf(missing)(`two daemons on loopback${missing ? ` (${missing})` : ""}`, () => {
  test.each([
    ["home to the laptop", HOME, AWAY],
    ["the laptop to home", AWAY, HOME],
  ])("what is sent at one end is heard at the other, each packet once: %s", async (_name, from, to) => {
    const traffic = async (): Promise<number[]> => {
      const snapshots = await Promise.all(daemons.map((daemon) => daemon.status()));
      return snapshots.flatMap(({ vifs }) =>
        vifs
          .filter(({ kind }) => kind === "socket")
          .flatMap((vif) => [vif.traffic.rxPackets, vif.traffic.txPackets]),
      );
    };
    const before = await traffic();
    const options = { group: GROUP, interface: "lo", run: from === HOME ? 1 : 2 };
    const there = await startReceiver(programs, { ...options, sources: [to], count: COUNT, seconds: 30 });
    const everything = await startReceiver(programs, options);
    const sender = await startSender(programs, { ...options, source: from, count: COUNT, rate: 200 });
    expect(await there.finished()).toMatchObject({
      received: COUNT,
      duplicates: 0,
      reordered: 0,
      sources: { [to]: COUNT },
    });
    await sender.finished();
    const { sources } = await everything.stop();
    expect(sources, "the original and one copy: no loop").toEqual({ [from]: COUNT, [to]: COUNT });
    const counted = (await traffic()).map((count, i) => count - before[i]!);
    expect(counted).toEqual(from === HOME ? [COUNT, 0, 0, COUNT] : [0, COUNT, COUNT, 0]);
  });
});
