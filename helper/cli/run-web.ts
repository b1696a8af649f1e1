// What `castaway web` does until it is told to end. The web shell is a thread of its own, because it is the app's code
// and not the helper's: here is its start, its end, and what it prints.
import type { WebCommand, WebEvent, WebOptions } from "#contract/web-shell.ts";
import { startWorker } from "#runtime/resources.ts";

/** Runs until a signal, or until the web shell ends by itself. Rejects where it cannot start. */
export async function runWeb(options: WebOptions, say: (event: WebEvent) => void): Promise<void> {
  const worker = startWorker("web", { workerData: options });
  const send = (command: WebCommand): void => worker.postMessage(command);
  const end = (): void => send("end");
  const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, end);
  const lines = (): void => send("link");
  if (process.stdin.isTTY) process.stdin.on("data", lines);
  try {
    await new Promise<void>((resolve, reject) => {
      worker.on("message", (event: WebEvent) => {
        try {
          say(event);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      worker.once("error", reject);
      worker.once("exit", () => resolve());
    });
  } finally {
    for (const signal of signals) process.off(signal, end);
    process.stdin.off("data", lines);
    process.stdin.pause();
  }
}
