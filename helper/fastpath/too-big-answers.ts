// "Packet too big" to this computer's own programs: what they send to a member fits into one datagram then. The packet
// itself goes in fragments all the same, so that nothing is lost while they learn.
import type { Arena } from "./arena.ts";
import { pseudoHeaderSum, sumBytes, writeHeaderChecksum } from "./header-edits.ts";
import type { IpPacket } from "./ip-packet.ts";
import { TokenBucket } from "./token-bucket.ts";
import { TunExit } from "./tun-exit.ts";
import type { Vif } from "./vif.ts";

const ANSWERS_PER_SECOND = 20; // RFC 4443 section 2.4 (f)
const ANSWERS_AT_ONCE = 10;
const HEADROOM = 64;
const HOP_LIMIT = 64;
const ICMP_HEADER = 8;
/** An ICMP error fits in 576 bytes (RFC 1812 section 4.3.2.3), one of ICMPv6 in 1,280 (RFC 4443 section 3.2). */
const LONGEST_4 = 576;
const LONGEST_6 = 1280;
const DONT_FRAGMENT = 0x4000;
const FRAGMENT_OFFSET = 0x1fff;
const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;
const ICMP_UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
const ICMPV6_TOO_BIG = 2;
const ICMPV6_FIRST_INFORMATIONAL = 128;
const ICMP_ECHO = 8;

export class TooBigAnswers {
  readonly #arena: Arena;
  readonly #bucket = new TokenBucket(ANSWERS_PER_SECOND, ANSWERS_AT_ONCE);
  readonly #room: number;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#room = arena.reserve(HEADROOM + LONGEST_6) + HEADROOM;
  }

  /** The packet at `offset` came by the TUN and is larger than `mtu`. */
  answer(tun: Vif, offset: number, packet: IpPacket, mtu: number, now: number): void {
    if (!(tun.local instanceof TunExit) || !this.#mayAnswer(offset, packet, mtu)) return;
    if (!this.#bucket.take(now)) return;
    const length =
      packet.version === 6 ? this.#write6(offset, packet, mtu) : this.#write4(offset, packet, mtu);
    tun.local.write(this.#room, length, 0);
  }

  #mayAnswer(offset: number, packet: IpPacket, mtu: number): boolean {
    const { u8, dv } = this.#arena;
    const inner = offset + packet.headerLength;
    if (packet.version === 6) {
      // Below IPv6's least MTU the tunnel itself has to cut (RFC 8200 section 5). No error answers an error.
      const isError = u8[offset + 6] === PROTOCOL_ICMPV6 && u8[inner]! < ICMPV6_FIRST_INFORMATIONAL;
      return mtu >= LONGEST_6 && !isError;
    }
    const field = dv.getUint16(offset + 6);
    const isOther = u8[offset + 9] === PROTOCOL_ICMP && u8[inner] !== ICMP_ECHO;
    return mtu >= LONGEST_4 && (field & DONT_FRAGMENT) !== 0 && (field & FRAGMENT_OFFSET) === 0 && !isOther;
  }

  /** From the address that the packet was for: on the way to it is where it is too big. */
  #write4(offset: number, packet: IpPacket, mtu: number): number {
    const { u8, dv } = this.#arena;
    const at = this.#room;
    const quoted = Math.min(packet.totalLength, LONGEST_4 - 20 - ICMP_HEADER);
    const length = 20 + ICMP_HEADER + quoted;
    dv.setUint16(at, 0x4500);
    dv.setUint16(at + 2, length);
    dv.setUint32(at + 4, 0);
    u8[at + 8] = HOP_LIMIT;
    u8[at + 9] = PROTOCOL_ICMP;
    u8.copyWithin(at + 12, offset + 16, offset + 20);
    u8.copyWithin(at + 16, offset + 12, offset + 16);
    writeHeaderChecksum(this.#arena, at, 20);
    const icmp = at + 20;
    dv.setUint32(icmp, (ICMP_UNREACHABLE << 24) | (FRAGMENTATION_NEEDED << 16));
    dv.setUint32(icmp + 4, mtu); // the upper half is unused (RFC 1191 section 4)
    u8.copyWithin(icmp + ICMP_HEADER, offset, offset + quoted);
    dv.setUint16(icmp + 2, ~sumBytes(this.#arena, icmp, ICMP_HEADER + quoted, 0) & 0xffff);
    return length;
  }

  #write6(offset: number, packet: IpPacket, mtu: number): number {
    const { u8, dv } = this.#arena;
    const at = this.#room;
    const quoted = Math.min(packet.totalLength, LONGEST_6 - 40 - ICMP_HEADER);
    const payload = ICMP_HEADER + quoted;
    dv.setUint32(at, 0x60000000);
    dv.setUint16(at + 4, payload);
    u8[at + 6] = PROTOCOL_ICMPV6;
    u8[at + 7] = HOP_LIMIT;
    u8.copyWithin(at + 8, offset + 24, offset + 40);
    u8.copyWithin(at + 24, offset + 8, offset + 24);
    const icmp = at + 40;
    dv.setUint32(icmp, ICMPV6_TOO_BIG << 24);
    dv.setUint32(icmp + 4, mtu);
    u8.copyWithin(icmp + ICMP_HEADER, offset, offset + quoted);
    const pseudo = pseudoHeaderSum(this.#arena, at, PROTOCOL_ICMPV6, payload);
    dv.setUint16(icmp + 2, ~sumBytes(this.#arena, icmp, payload, pseudo) & 0xffff);
    return 40 + payload;
  }
}
