// What a relay has delivered, in memory that both threads see: to each gateway, and of each entry of the fan-out. The
// worker alone writes; numbers that are given out anew start from zero.
import { MAX_FAN_OUT_ENTRIES, MAX_RELAY_GATEWAYS } from "#protocol/amt/fan-out-changes.ts";

const CELLS = 2; // packets, bytes
const LIMITED_AT = (MAX_RELAY_GATEWAYS + 1) * CELLS;
const ENTRIES_AT = LIMITED_AT + MAX_RELAY_GATEWAYS + 1;
const LENGTH = ENTRIES_AT + MAX_FAN_OUT_ENTRIES * CELLS;

export interface Delivered {
  readonly packets: number;
  /** Of the streams' IP packets, without what the tunnel adds. */
  readonly bytes: number;
}

/** Pages that are never used cost nothing. */
export function relayMemoryBytes(): number {
  return LENGTH * Float64Array.BYTES_PER_ELEMENT;
}

export class RelayMemory {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Float64Array(memory, 0, LENGTH);
  }

  count(gateway: number, entry: number, packets: number, bytes: number): void {
    this.#add(gateway * CELLS, packets, bytes);
    this.#add(ENTRIES_AT + entry * CELLS, packets, bytes);
  }

  /** Packets that the gateway's rate had no room for. */
  countLimited(gateway: number, packets: number): void {
    this.#cells[LIMITED_AT + gateway] = this.limited(gateway) + packets;
  }

  limited(gateway: number): number {
    return this.#cells[LIMITED_AT + gateway]!;
  }

  gateway(gateway: number): Delivered {
    return this.#read(gateway * CELLS);
  }

  entry(entry: number): Delivered {
    return this.#read(ENTRIES_AT + entry * CELLS);
  }

  clearGateway(gateway: number): void {
    this.#cells.fill(0, gateway * CELLS, (gateway + 1) * CELLS);
    this.#cells[LIMITED_AT + gateway] = 0;
  }

  clearEntry(entry: number): void {
    this.#cells.fill(0, ENTRIES_AT + entry * CELLS, ENTRIES_AT + (entry + 1) * CELLS);
  }

  #add(at: number, packets: number, bytes: number): void {
    this.#cells[at] = this.#cells[at]! + packets;
    this.#cells[at + 1] = this.#cells[at + 1]! + bytes;
  }

  #read(at: number): Delivered {
    return { packets: this.#cells[at]!, bytes: this.#cells[at + 1]! };
  }
}
