// The programs that the demo and the bench need, from Debian where that is possible.
import { run } from "#test/support/child.ts";
import { hasCommand } from "#test/support/requirements.ts";
import { DemoError, step } from "./steps.ts";

/** Command, and the Debian package that has it. */
export type Tool = readonly [command: string, debianPackage: string];

export const STREAM_TOOLS: readonly Tool[] = [
  ["ffmpeg", "ffmpeg"],
  ["python3", "python3"],
];
export const LAB_TOOLS: readonly Tool[] = [
  ["ip", "iproute2"],
  ["nft", "nftables"],
];

const INSTALL_MS = 600_000;

export async function ensureTools(tools: readonly Tool[]): Promise<void> {
  const packages = [...new Set(tools.filter(([command]) => !hasCommand(command)).map(([, name]) => name))];
  if (packages.length === 0) return;
  const names = packages.join(" ");
  const byHand = `Install ${packages.join(", ")} (on Debian: sudo apt-get install ${names}) and try again.`;
  if (process.getuid?.() !== 0 || !hasCommand("apt-get"))
    throw new DemoError(`This needs ${packages.join(", ")}, which is not here`, byHand);
  const options = {
    timeoutMs: INSTALL_MS,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  };
  await step(
    `Installing ${packages.join(", ")} from Debian with apt-get`,
    async () => {
      await run("apt-get", ["update", "-qq"], options);
      await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], options);
    },
    { remedy: byHand },
  );
}
