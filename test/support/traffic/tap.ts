import { fileURLToPath } from "node:url";
import type { Child } from "#test/support/child.ts";
import type { Machine } from "#test/support/machine.ts";
import { PYTHON } from "#test/support/python.ts";

const PROGRAM = fileURLToPath(new URL("./tap.py", import.meta.url));

/** RTP sequence number, ns of the machine's wall clock, bytes of UDP payload. */
export type TappedPacket = readonly [sequence: number, time: number, bytes: number];

/** Sees an RTP stream pass at one place, in batches. */
export class Tap {
  readonly child: Child;

  private constructor(child: Child) {
    this.child = child;
  }

  /** On an interface; joins nothing. Needs root. */
  static onInterface(machine: Machine, name: string, group: string, port: number): Promise<Tap> {
    return Tap.#start(machine, ["interface", name, group, String(port)]);
  }

  /** By a socket that joins on the interface with the address, for what one source sends. */
  static bySocket(
    machine: Machine,
    address: string,
    group: string,
    port: number,
    source: string,
  ): Promise<Tap> {
    return Tap.#start(machine, ["socket", address, group, String(port), source]);
  }

  static async #start(machine: Machine, words: readonly string[]): Promise<Tap> {
    const child = machine.spawn(PYTHON, [PROGRAM, ...words], {
      label: `${machine.name}: tap ${words.join(" ")}`,
    });
    await child.line(/"ready"/);
    return new Tap(child);
  }

  /** What passed since the last call. */
  take(): TappedPacket[] {
    return this.child
      .takeLines()
      .filter((line) => line.startsWith('{"packets"'))
      .flatMap((line) => (JSON.parse(line) as { packets: TappedPacket[] }).packets);
  }
}
