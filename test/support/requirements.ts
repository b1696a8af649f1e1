import { spawnSync } from "node:child_process";

/** What a test that needs these commands, and root, cannot have here; undefined if it has everything. */
export function missingForLab(...commands: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return "needs root, for network namespaces";
  const missing = ["ip", "nft", "python3", ...commands].filter((command) => !hasCommand(command));
  return missing.length === 0 ? undefined : `needs ${missing.join(", ")}`;
}

export function hasCommand(command: string): boolean {
  return spawnSync("sh", ["-c", `command -v "$0"`, command], { stdio: "ignore" }).status === 0;
}
