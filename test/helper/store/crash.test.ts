import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { loadState } from "#runtime/store/state-store.ts";
import { NOW, PRIVATE_KEY, temporaryFolder } from "./state-fixture.ts";

/** Kills it `delayMs` after its first save; returns the last number that it said to be on disk. */
async function killedWriter(folder: string, delayMs: number): Promise<number> {
  const writer = spawn(process.execPath, [join(import.meta.dirname, "crash-writer.ts"), folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  writer.stdout.on("data", (data: Buffer) => (said += data.toString()));
  await Promise.race([once(writer.stdout, "data"), once(writer, "exit")]);
  await sleep(delayMs);
  writer.kill("SIGKILL");
  const [, signal] = (await once(writer, "close")) as [number | null, string | null];
  expect(signal).toBe("SIGKILL");
  return Number(said.trimEnd().split("\n").at(-1));
}

test(
  "killed 50 times at any moment, the store is the old or the new state, whole",
  { timeout: 120_000 },
  async () => {
    const folder = temporaryFolder();
    const unfinished = () => readdirSync(folder).filter((name) => name.includes(".new-")).length;
    let foundUnfinished = 0;
    for (let round = 0; round < 50; round++) {
      const onDisk = await killedWriter(folder, Math.random() * 20);
      foundUnfinished += unfinished();
      const randomKey = () => {
        throw new Error("a new identity was made");
      };
      const { value, isNew, notes } = await loadState({ folder, newState: false, now: NOW, randomKey });
      const port = value.settings.port!;
      expect([onDisk, onDisk + 1]).toContain(port); // what was said to be saved is there
      expect(value.settings.lans.map((lan) => lan.name)).toEqual(
        Array.from({ length: 500 }, (_, i) => `lan${i}.${port}`),
      );
      expect([isNew, notes, unfinished()]).toEqual([false, [], 0]);
      expect(value.machine.privateKey).toEqual(PRIVATE_KEY);
    }
    expect(foundUnfinished).toBeGreaterThan(0); // some kills did hit the middle of a write
  },
);
