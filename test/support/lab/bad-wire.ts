import { fileURLToPath } from "node:url";
import { Child } from "#test/support/child.ts";
import { PYTHON } from "#test/support/python.ts";

/** Shares are 0 to 1 of all frames, each way; times in ms. What is left out is 0. */
export interface WireBehaviour {
  readonly loss?: number;
  readonly duplicate?: number;
  readonly delayMs?: number;
  /** Up to so much more delay, drawn for each frame: by itself it reorders what is closer together than this. */
  readonly jitterMs?: number;
  /** Share of frames that wait reorderMs longer than the others. */
  readonly reorder?: number;
  readonly reorderMs?: number;
  readonly seed?: number;
}

const PROGRAM = fileURLToPath(new URL("./bad-wire.py", import.meta.url));

export class BadWire {
  readonly #child: Child;
  #answers = 0;

  private constructor(child: Child) {
    this.#child = child;
  }

  static async start(namespace: string): Promise<BadWire> {
    const args = ["netns", "exec", namespace, PYTHON, PROGRAM, "inside", "outside"];
    const child = new Child("ip", args, { label: "bad wire" });
    await child.line(/^ready$/);
    return new BadWire(child);
  }

  async set(behaviour: WireBehaviour): Promise<void> {
    const { delayMs, jitterMs, reorderMs, ...shares } = behaviour;
    this.#child.write(
      `${JSON.stringify({ ...shares, delay_ms: delayMs ?? 0, jitter_ms: jitterMs ?? 0, reorder_ms: reorderMs ?? 5 })}\n`,
    );
    const wanted = ++this.#answers;
    const deadline = performance.now() + 5_000;
    while (this.#child.stdout.split("\n").filter((line) => line === "set").length < wanted) {
      if (performance.now() > deadline || !this.#child.running)
        throw new Error(`bad wire: ${this.#child.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    await this.#child.stop("SIGTERM");
  }
}
