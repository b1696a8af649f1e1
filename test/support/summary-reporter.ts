import { writeSync } from "node:fs";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** "N passed, N failed, N skipped" over all projects, as the very last line, for whoever reads nothing but that. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    unhandled: readonly SerializedError[],
    reason: "passed" | "interrupted" | "failed",
  ): void {
    const line = summaryLine(modules, unhandled.length, reason);
    // Other reporters may still have something to print.
    process.once("exit", () => writeSync(1, `\n${line}\n`));
  }
}

/** A file that could not be loaded and an error outside any test count as one failure each. */
function summaryLine(modules: readonly TestModule[], unhandled: number, reason: string): string {
  const count = { passed: 0, failed: unhandled, skipped: 0 };
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed" || state === "failed") count[state]++;
      else count.skipped++;
    }
    const failedInside = [...module.children.allTests("failed")].length > 0;
    if (module.state() === "failed" && !failedInside) count.failed++;
  }
  // Interrupted, or nothing was run: that is no success.
  if (reason !== "passed" && count.failed === 0) count.failed = 1;
  return `${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ""}`;
}
