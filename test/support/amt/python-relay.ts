// The relay of relay.py in a machine of the lab.
import { fileURLToPath } from "node:url";
import type { Child } from "#test/support/child.ts";
import type { Machine } from "#test/support/machine.ts";
import { PYTHON } from "#test/support/python.ts";

const PROGRAM = fileURLToPath(new URL("./relay.py", import.meta.url));
const ANSWER_MS = 10_000;

export interface RelayReport {
  /** What each gateway, "ADDRESS PORT", has asked for. */
  readonly gateways: Readonly<Record<string, readonly string[]>>;
  readonly discoveries: number;
  /** "igmp" or "mld", and the gateway's port. */
  readonly requests: readonly (readonly [string, number])[];
  /** Type of the record, group and sources. */
  readonly updates: readonly (readonly [number, string, readonly string[]])[];
  /** Address and port of the tunnel that was taken down. */
  readonly teardowns: readonly (readonly [string, number])[];
  readonly forged: number;
  readonly sent: number;
}

export class PythonRelay {
  readonly child: Child;
  readonly address: string;

  private constructor(child: Child, address: string) {
    this.child = child;
    this.address = address;
  }

  /** `words`: further options of relay.py. */
  static async start(
    machine: Machine,
    address: string,
    studio: string,
    ...words: readonly string[]
  ): Promise<PythonRelay> {
    const child = machine.spawn(PYTHON, [PROGRAM, address, studio, ...words], {
      label: `${machine.name}: relay ${address}`,
    });
    await child.line(/"ready"/);
    return new PythonRelay(child, address);
  }

  report(): Promise<RelayReport> {
    return this.#ask({ do: "report" }, "report");
  }

  /** Sends what no honest relay sends to all its gateways. Resolves with how many of each. */
  async attack(source: string, group: string): Promise<Readonly<Record<string, number>>> {
    const { counts } = await this.#ask<{ counts: Record<string, number> }>(
      { do: "attack", source, group },
      "attacked",
    );
    return counts;
  }

  /** As if its power had gone: not a word to anybody. */
  async kill(): Promise<void> {
    await this.child.stop("SIGKILL");
  }

  async #ask<Answer>(order: object, event: string): Promise<Answer> {
    this.child.takeLines();
    this.child.write(`${JSON.stringify(order)}\n`);
    const deadline = performance.now() + ANSWER_MS;
    for (;;) {
      for (const line of this.child.takeLines()) {
        const answer = JSON.parse(line) as { event: string };
        if (answer.event === event) return answer as Answer;
      }
      if (!this.child.running || performance.now() > deadline)
        throw new Error(`${this.child.label}: no answer: ${this.child.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
