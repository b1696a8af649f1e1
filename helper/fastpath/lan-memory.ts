// What was heard on which LAN, and what the tunnel carried: the short memory at the LANs' exits.
import type { Arena } from "./arena.ts";
import { BATCH_MAX } from "./batch.ts";
import { transportChecksumOffset } from "./header-edits.ts";
import type { IpPacket } from "./ip-packet.ts";
import { LAN_MEMORY_MS, PayloadCache, TUNNEL_MEMORY_MS, payloadHash } from "./payload-cache.ts";

export class LanMemory {
  readonly #arena: Arena;
  readonly #tunnel = new PayloadCache();
  readonly #lans = new PayloadCache();
  readonly #hashes = new Int32Array(BATCH_MAX); // of the packets in the batch

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  hash(packet: IpPacket, offset: number): number {
    const { headerLength, totalLength, protocol } = packet;
    const checksum = packet.fragmented ? -1 : transportChecksumOffset(protocol, headerLength, totalLength);
    const behind = checksum < 0 ? -1 : checksum;
    return payloadHash(this.#arena, offset, headerLength, totalLength, protocol, behind);
  }

  /** A frame heard on a LAN. True where the tunnel has carried it already: it has come back. */
  hearOnLan(vif: number, hash: number, now: number): boolean {
    if (this.#tunnel.has(hash, now, TUNNEL_MEMORY_MS)) return true;
    this.#lans.remember(onLan(hash, vif), now);
    return false;
  }

  /** Place `i` of the batch, a packet from a peer that goes to a LAN. */
  carry(i: number, hash: number, now: number): void {
    this.#tunnel.remember(hash, now);
    this.#hashes[i] = hash;
  }

  /** Place `i` of the batch, which did not come by the tunnel. */
  keep(i: number, hash: number): void {
    this.#hashes[i] = hash;
  }

  /** Was what stands at place `i` of the batch heard on this LAN already? */
  heardHere(vif: number, i: number, now: number): boolean {
    return this.#lans.has(onLan(this.#hashes[i]!, vif), now, LAN_MEMORY_MS);
  }
}

function onLan(hash: number, vif: number): number {
  return hash ^ Math.imul(vif + 1, 0x45d9f3b);
}
