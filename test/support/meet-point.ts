// `castaway meet` from source, on a machine of the lab.
import { fileURLToPath } from "node:url";
import type { Child } from "./child.ts";
import type { Machine } from "./machine.ts";

const SOURCES = fileURLToPath(new URL("../../helper/cli/main.ts", import.meta.url));
const [PROGRAM, ...PROGRAM_ARGS]: [string, ...string[]] = process.env["CASTAWAY_BIN"]
  ? [process.env["CASTAWAY_BIN"]]
  : [process.execPath, SOURCES];

export const MEET_PORT = 42270;

export interface Figures {
  readonly hosts: number;
  readonly calls: number;
  readonly relayedPairs: number;
  readonly relayedFrames: number;
  readonly relayedBytes: number;
  readonly streams: number;
  readonly drops: Readonly<Record<string, number>>;
}

export class TestMeetPoint {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  /** Resolves when it is open. */
  static async start(machine: Machine, ...words: readonly string[]): Promise<TestMeetPoint> {
    const label = `${machine.name}: castaway meet`;
    const child = machine.spawn(PROGRAM, [...PROGRAM_ARGS, "meet", "--json", ...words], { label });
    await child.line(/"event":"ready"/, 15_000);
    return new TestMeetPoint(child);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** As it is now. */
  async figures(): Promise<Figures> {
    const before = this.#lines().length;
    this.#child.signal("SIGUSR1");
    const deadline = performance.now() + 10_000;
    for (;;) {
      const lines = this.#lines();
      if (lines.length > before) return JSON.parse(lines.at(-1)!) as Figures;
      if (performance.now() > deadline) throw new Error(`no figures: ${this.#child.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#child.stop(signal);
  }

  #lines(): string[] {
    return this.#child.stdout.split("\n").filter((line) => line.startsWith('{"event":"figures"'));
  }
}
