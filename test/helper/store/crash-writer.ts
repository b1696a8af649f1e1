// A daemon's worth of saving, to be killed at any moment: `node crash-writer.ts <folder>`. Each save adds one to
// the port and gives all settings the same number; each number on stdout is on disk.
import { flushCompileCache } from "node:module";
import { loadState, stateSaver } from "#runtime/store/state-store.ts";
import type { State } from "#runtime/store/state.ts";

const folder = process.argv[2]!;
const randomKey = () => new Uint8Array(32).fill(9);
const { value } = await loadState({ folder, newState: false, now: 0, randomKey });

let port = value.settings.port ?? 0;
function snapshot(): State {
  const lans = Array.from({ length: 500 }, (_, i) => ({ name: `lan${i}.${port}`, mode: "full" as const }));
  return { ...value, settings: { ...value.settings, port, lans } };
}
const saver = stateSaver({
  folder,
  snapshot,
  onError: (error) => {
    throw error;
  },
});
flushCompileCache(); // there is no end at which it would be kept
for (;;) {
  port++;
  await saver.saveNow();
  process.stdout.write(`${port}\n`);
}
