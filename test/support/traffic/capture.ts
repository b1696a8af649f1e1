// What passes an interface, as tests look at it: whole packets in order, and none missed.
import { fileURLToPath } from "node:url";
import type { Child } from "#test/support/child.ts";
import type { Machine } from "#test/support/machine.ts";
import { PYTHON } from "#test/support/python.ts";
import { readPassed, type PassedPacket } from "./passed-packet.ts";

const PROGRAM = fileURLToPath(new URL("./capture.py", import.meta.url));

interface Line {
  readonly event?: string;
  readonly at_ns: number;
  readonly out: boolean;
  readonly length: number;
  readonly bytes: string;
  readonly missed: number;
}

/** Everything on an interface from its start to its stop, as datagrams where they travel in super-packets. Needs root. */
export class Capture {
  readonly child: Child;
  readonly #packets: PassedPacket[] = [];

  private constructor(child: Child) {
    this.child = child;
  }

  /** Resolves once it sees packets. `snap`: bytes kept of each. */
  static async start(machine: Machine, interfaceName: string, snap = 256): Promise<Capture> {
    const child = machine.spawn(PYTHON, [PROGRAM, interfaceName, String(snap)], {
      label: `${machine.name}: capture on ${interfaceName}`,
    });
    await child.line(/"ready"/);
    return new Capture(child);
  }

  /** All packets since the start that the kernel has handed over by now. Throws where some were missed. */
  async packets(): Promise<readonly PassedPacket[]> {
    this.child.write("report\n");
    const deadline = performance.now() + 10_000;
    for (;;) {
      let report: Line | undefined;
      // To the last line: what passed after the report is there already where this process was slow to look.
      for (const text of this.child.takeLines()) {
        if (!text.startsWith("{")) continue;
        const line = JSON.parse(text) as Line;
        if (line.event === undefined) this.#packets.push(readPassed(line));
        else if (line.event === "report") report = line;
      }
      if (report && report.missed > 0)
        throw new Error(`${this.child.label}: ${report.missed} packets were missed`);
      if (report) return [...this.#packets];
      if (!this.child.running || performance.now() > deadline)
        throw new Error(`${this.child.label}: no report: ${this.child.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Polls until a packet is there that `wanted` accepts, and returns the first. */
  async until(
    what: string,
    wanted: (packet: PassedPacket) => boolean,
    timeoutMs = 10_000,
  ): Promise<PassedPacket> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = (await this.packets()).find(wanted);
      if (found) return found;
      if (performance.now() > deadline)
        throw new Error(`${this.child.label}: not within ${timeoutMs} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends it and returns all packets. */
  async stop(): Promise<readonly PassedPacket[]> {
    const packets = await this.packets();
    await this.child.stop();
    return packets;
  }
}
