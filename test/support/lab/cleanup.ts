// What must be undone however the process ends. Oldest first: a lab ends its processes before
// the folders they were given go.
import { rmSync } from "node:fs";

type Undo = () => void;

const undos = new Set<Undo>();
let installed = false;

/** `undo` must be synchronous and safe to repeat. The returned function forgets it. */
export function onProcessEnd(undo: Undo): () => void {
  if (!installed) {
    installed = true;
    process.on("exit", undoAll);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        undoAll();
        // Someone else that listens (the demo, the test runner) ends the process in its own way.
        if (process.listenerCount(signal) > 1) return;
        process.exit(signal === "SIGINT" ? 130 : 143);
      });
    }
  }
  undos.add(undo);
  return () => undos.delete(undo);
}

/** A folder that is gone when the process is. */
export function removeAtEnd(folder: string): () => void {
  return onProcessEnd(() => rmSync(folder, { recursive: true, force: true }));
}

function undoAll(): void {
  for (const undo of undos) {
    undos.delete(undo);
    undo();
  }
}
