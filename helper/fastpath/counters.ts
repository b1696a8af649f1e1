// Counters in memory that both threads see. The worker alone writes; plain doubles, because an aligned double is
// read and written whole on every processor that Node runs on. Times are the main thread's performance.now().
import { MAX_VIFS } from "#protocol/forwarding/route-table.ts";
import { DROP_REASONS } from "./drop-reasons.ts";
import type { DropReason } from "./drop-reasons.ts";

export const RX_PACKETS = 0;
export const RX_BYTES = 1;
export const TX_PACKETS = 2;
export const TX_BYTES = 3;
/** Of peers: when the last authenticated packet came, the last packet went (ms, 0: never). */
export const LAST_RECEIVED = 4;
export const LAST_SENT = 5;
/** Of peers, under the keys last received with: highest counter, and how many packets. Their gap is path loss. */
export const HIGHEST_COUNTER = 6;
export const RECEIVED_UNDER_KEY = 7;
/** Of peers, over all keys: datagrams that they must have sent, by the counters of those that came. */
export const RX_EXPECTED = 8;
/** Of peers: packets that were to be forwarded to them, and what went of multicast, in bytes with all headers. */
export const OFFERED = 9;
export const MULTICAST_BYTES = 10;
/** Of peers: the largest frame of the last half second that came, that went; probes do not count. */
export const RX_LARGEST = 11;
export const TX_LARGEST = 12;
export const FIRST_DROP = 13;
/** Room for 51 reasons, so that appending one does not move anything. */
export const ROW = 64;
/** The row of what belongs to no vif: the transport socket. */
export const TRANSPORT_ROW = MAX_VIFS;

export function countersBytes(): number {
  return (MAX_VIFS + 1) * ROW * Float64Array.BYTES_PER_ELEMENT;
}

export class Counters {
  readonly cells: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.cells = new Float64Array(memory, 0, (MAX_VIFS + 1) * ROW);
  }

  add(row: number, cell: number, amount: number): void {
    const at = row * ROW + cell;
    this.cells[at] = this.cells[at]! + amount;
  }

  set(row: number, cell: number, value: number): void {
    this.cells[row * ROW + cell] = value;
  }

  drop(row: number, reason: number, packets = 1): void {
    const at = row * ROW + FIRST_DROP + reason;
    this.cells[at] = this.cells[at]! + packets;
  }

  /** A vif number that is given out again starts from zero. */
  clear(row: number): void {
    this.cells.fill(0, row * ROW, (row + 1) * ROW);
  }

  read(row: number): VifCounters {
    const at = (cell: number): number => this.cells[row * ROW + cell]!;
    const drops: Partial<Record<DropReason, number>> = {};
    for (const [i, reason] of DROP_REASONS.entries()) {
      const count = at(FIRST_DROP + i);
      if (count > 0) drops[reason] = count;
    }
    return {
      rxPackets: at(RX_PACKETS),
      rxBytes: at(RX_BYTES),
      txPackets: at(TX_PACKETS),
      txBytes: at(TX_BYTES),
      lastReceived: at(LAST_RECEIVED),
      lastSent: at(LAST_SENT),
      highestCounter: at(HIGHEST_COUNTER),
      receivedUnderKey: at(RECEIVED_UNDER_KEY),
      rxExpected: at(RX_EXPECTED),
      offered: at(OFFERED),
      multicastBytes: at(MULTICAST_BYTES),
      rxLargest: at(RX_LARGEST),
      txLargest: at(TX_LARGEST),
      drops,
    };
  }
}

export interface VifCounters {
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly lastReceived: number;
  readonly lastSent: number;
  readonly highestCounter: number;
  readonly receivedUnderKey: number;
  readonly rxExpected: number;
  readonly offered: number;
  readonly multicastBytes: number;
  readonly rxLargest: number;
  readonly txLargest: number;
  /** Reasons that have happened. */
  readonly drops: Readonly<Partial<Record<DropReason, number>>>;
}
