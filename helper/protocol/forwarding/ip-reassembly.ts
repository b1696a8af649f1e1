import type { IpPart } from "#wire/addressed-datagram.ts";

/** Packets that may be in pieces at the same time; the oldest gives way. 64 KiB each at most. */
const SLOTS = 32;
/** RFC 8200 section 4.5 has 60 s; multicast that is late is lost, and sooner is safer against reused ids. */
const TIMEOUT_MS = 3_000;
const MAX_LENGTH = 0xffff;
/** Of one packet: those of 65,535 bytes on a link of 576, and then some. */
const MAX_PIECES = 256;

interface Unfinished {
  readonly since: number;
  readonly pieces: IpPart[];
  bytes: number;
  /** Length of the whole, once the last piece is here. */
  total: number | undefined;
}

/** Counts of packets that came to nothing. */
export interface ReassemblyDrops {
  timeout: number;
  overflow: number;
  /** Pieces that overlap or contradict each other: the whole packet goes (RFC 5722). */
  malformed: number;
}

/** Puts IP fragments together again. Nothing is kept for packets that are whole. */
export class IpReassembly {
  readonly drops: ReassemblyDrops = { timeout: 0, overflow: 0, malformed: 0 };
  readonly #unfinished = new Map<string, Unfinished>(); // oldest first

  /** The whole packet when `part` is it or completes it, with the last piece's TTL. Keeps `part`. */
  add(part: IpPart, now: number): IpPart | undefined {
    if (part.offset === 0 && !part.more) return part;
    this.#expire(now);
    const key = `${part.source} ${part.destination} ${part.protocol} ${part.identification}`;
    let packet = this.#unfinished.get(key);
    if (!packet) {
      if (this.#unfinished.size >= SLOTS) {
        this.#forgetOldest();
        this.drops.overflow++;
      }
      packet = { since: now, pieces: [], bytes: 0, total: undefined };
      this.#unfinished.set(key, packet);
    }
    if (!place(packet, part)) {
      this.#unfinished.delete(key);
      this.drops.malformed++;
      return undefined;
    }
    if (packet.bytes !== packet.total) return undefined;
    this.#unfinished.delete(key);
    return { ...part, offset: 0, more: false, payload: joined(packet.pieces, packet.total) };
  }

  #expire(now: number): void {
    for (const { since } of this.#unfinished.values()) {
      if (now - since < TIMEOUT_MS) return;
      this.#forgetOldest();
      this.drops.timeout++;
    }
  }

  #forgetOldest(): void {
    for (const key of this.#unfinished.keys()) {
      this.#unfinished.delete(key);
      return;
    }
  }
}

/** False where the piece does not fit to the others. The same piece once more is none of that: networks do it. */
function place(packet: Unfinished, part: IpPart): boolean {
  const end = part.offset + part.payload.length;
  if (part.payload.length === 0 || end > MAX_LENGTH || packet.pieces.length >= MAX_PIECES) return false;
  for (const { offset, payload } of packet.pieces) {
    if (offset === part.offset && payload.length === part.payload.length) return true;
    if (part.offset < offset + payload.length && offset < end) return false;
  }
  if (!part.more) {
    if (packet.total !== undefined) return false;
    packet.total = end;
  }
  packet.pieces.push(part);
  packet.bytes += part.payload.length;
  const { total } = packet;
  return total === undefined || packet.pieces.every((piece) => piece.offset + piece.payload.length <= total);
}

function joined(pieces: readonly IpPart[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  for (const { offset, payload } of pieces) whole.set(payload, offset);
  return whole;
}
