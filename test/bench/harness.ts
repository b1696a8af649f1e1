// The comparison with what people use today: the measuring harness, with Castaway as one more peer.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PYTHON } from "#test/support/python.ts";
import { LAB_TOOLS, ensureTools, type Tool } from "#test/demo/install.ts";
import type { Figures, HarnessResult } from "./figures.ts";
import { figuresOf } from "./figures.ts";

const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url));
const OWN_PEERS = fileURLToPath(new URL("./peers", import.meta.url));

/** Peers by name, and the commands that they need. */
const PEER_TOOLS: Readonly<Record<string, readonly Tool[]>> = {
  openvpn: [
    ["openvpn", "openvpn"],
    ["openssl", "openssl"],
  ],
  fastd: [["fastd", "fastd"]],
  socat: [["socat", "socat"]],
  direct: [["smcrouted", "smcroute"]],
};
const HARNESS_TOOLS: readonly Tool[] = [
  ...LAB_TOOLS,
  ["gcc", "gcc"],
  ["make", "make"],
  ["ping", "iputils-ping"],
  ["python3", "python3"],
];

/** The harness's folder (MCBENCH, or beside the checkout); undefined where it is not. */
export function harnessFolder(): string | undefined {
  const folder = process.env["MCBENCH"] ?? join(CHECKOUT, "../shared/peers");
  return existsSync(join(folder, "bench.py")) ? folder : undefined;
}

export interface HarnessOptions {
  readonly peers: readonly string[];
  /** One of everything instead of medians of three. */
  readonly quick: boolean;
  /** Only whether each comes up and carries the groups. */
  readonly check: boolean;
}

/** Runs it and reads what it wrote. Peers that failed are missing from the result; it says why on stderr. */
export async function runHarness(folder: string, options: HarnessOptions): Promise<Figures[]> {
  await ensureTools([...HARNESS_TOOLS, ...options.peers.flatMap((peer) => PEER_TOOLS[peer] ?? [])]);
  const work = join(CHECKOUT, "out/bench");
  mkdirSync(work, { recursive: true });
  const started = Date.now();
  const flags = [...(options.quick ? ["--quick"] : []), ...(options.check ? ["--check"] : [])];
  await inForeground(PYTHON, [join(folder, "bench.py"), ...flags, ...options.peers], {
    ...process.env,
    MCBENCH_PEERS: OWN_PEERS,
    MCBENCH_WORK: work,
    PYTHONDONTWRITEBYTECODE: "1",
  });
  return options.peers.flatMap((peer) => {
    const file = join(work, "results", `${peer}.json`);
    if (options.check || !existsSync(file)) return [];
    const result = JSON.parse(readFileSync(file, "utf8")) as HarnessResult & { readonly when: string };
    // An older file is of an earlier run: figures of different runs are not compared.
    return Date.parse(result.when) >= started ? [figuresOf(result)] : [];
  });
}

/** Its output is the user's to see; Ctrl-C reaches it too, and it cleans up by itself. */
function inForeground(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], env });
    const ignore = (): void => undefined;
    process.on("SIGINT", ignore);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      process.off("SIGINT", ignore);
      if (signal !== null || code === 130) reject(new Error("The bench was interrupted."));
      else resolve();
    });
  });
}
