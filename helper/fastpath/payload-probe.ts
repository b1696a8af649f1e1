// What a stream is, for people who want to play it: its UDP port, and whether it is MPEG-TS, RTP or something else.
// Datagrams are looked at one by one when a flow begins, and one a second then: between looks a packet costs one
// comparison.
import type { Arena } from "./arena.ts";
import { FLOW_CONTENT, FLOW_WORDS, MAX_FLOWS, contentWord, type Payload } from "./flow-memory.ts";
import { PROTOCOL_FRAGMENT, PROTOCOL_UDP, type IpPacket } from "./ip-packet.ts";

const UDP_HEADER = 8;
const FRAGMENT_HEADER = 8; // RFC 8200 section 4.5
const RTP_HEADER = 12; // RFC 3550 section 5.1
const RTP_VERSION = 2;
/** Second bytes of RTCP, on the RTP port or one above (RFC 5761 section 4). */
const RTCP_FIRST = 192;
const RTCP_LAST = 223;
/** RFC 3551 section 6. */
const RTP_TYPE_MP2T = 33;
/** ISO/IEC 13818-1 section 2.4.3.2. */
const TS_PACKET = 188;
const TS_SYNC = 0x47;

/** Several senders may share a port, so that an SSRC does not come again at once. */
const MAX_RTP_LOOKS = 8;

const LOOK_MS = 1_000;
/** As long as this port was seen within this time, the flow's other ports (RTCP's, those of other layers) do not count. */
const PORT_HELD_MS = 3_000;

export class PayloadProbe {
  readonly #words: Uint32Array;
  readonly #nextLook = new Float64Array(MAX_FLOWS); // ms
  readonly #portSeen = new Float64Array(MAX_FLOWS); // ms; 0: no port yet
  readonly #port = new Uint16Array(MAX_FLOWS);
  readonly #ssrc = new Uint32Array(MAX_FLOWS);
  readonly #rtpLooks = new Uint8Array(MAX_FLOWS); // how many in a row saw what may be RTP, the last one of #ssrc

  /** `words`: those of the flow memory, in which the answer stands. */
  constructor(words: Uint32Array) {
    this.#words = words;
  }

  /** The place is another flow's now. */
  reset(flow: number): void {
    this.#nextLook[flow] = 0;
    this.#portSeen[flow] = 0;
    this.#rtpLooks[flow] = 0;
    this.#words[flow * FLOW_WORDS + FLOW_CONTENT] = 0;
  }

  observe(flow: number, arena: Arena, offset: number, packet: IpPacket, now: number): void {
    if (now >= this.#nextLook[flow]!) this.#look(flow, arena, offset, packet, now);
  }

  #look(flow: number, arena: Arena, offset: number, packet: IpPacket, now: number): void {
    const udp = udpHeader(arena, offset, packet);
    const end = offset + packet.totalLength;
    if (udp < 0 || udp + UDP_HEADER > end) return;
    const payload = udp + UDP_HEADER;
    if (isRtcp(arena, payload, end)) return;
    const port = arena.dv.getUint16(udp + 2);
    if (port !== this.#port[flow]) {
      if (this.#portSeen[flow] !== 0 && now - this.#portSeen[flow]! < PORT_HELD_MS) return;
      this.#port[flow] = port;
      this.#rtpLooks[flow] = 0;
    }
    this.#portSeen[flow] = now;
    const found = this.#payload(flow, arena, payload, end);
    if (found === undefined) return; // the next packet tells
    this.#words[flow * FLOW_WORDS + FLOW_CONTENT] = contentWord(port, found);
    this.#nextLook[flow] = now + LOOK_MS;
  }

  /** undefined: it may be RTP, whose SSRC has to come again: a quarter of all bytes look like its version. */
  #payload(flow: number, arena: Arena, at: number, end: number): Payload | undefined {
    if (isTransportStream(arena, at, end)) return "mpegts";
    const { u8, dv } = arena;
    const header = rtpHeaderLength(arena, at, end);
    if (header < 0) {
      this.#rtpLooks[flow] = 0;
      return "other";
    }
    if ((u8[at + 1]! & 0x7f) === RTP_TYPE_MP2T && u8[at + header] === TS_SYNC) return "rtp-mpegts";
    const ssrc = dv.getUint32(at + 8);
    const looks = this.#rtpLooks[flow]!;
    const same = looks > 0 && this.#ssrc[flow] === ssrc;
    this.#ssrc[flow] = ssrc;
    this.#rtpLooks[flow] = same || looks === MAX_RTP_LOOKS ? 1 : looks + 1;
    if (!same) return looks === MAX_RTP_LOOKS ? "other" : undefined;
    return isTransportStream(arena, at + header, end) ? "rtp-mpegts" : "rtp"; // a dynamic type may carry it too
  }
}

/** Where the UDP header stands; -1: the packet has none, because it is no UDP or a later fragment. */
function udpHeader(arena: Arena, offset: number, packet: IpPacket): number {
  const { dv, u8 } = arena;
  const next = offset + packet.headerLength;
  if (packet.protocol === PROTOCOL_UDP)
    return packet.fragmented && (dv.getUint16(offset + 6) & 0x1fff) !== 0 ? -1 : next;
  if (packet.version !== 6 || packet.protocol !== PROTOCOL_FRAGMENT) return -1;
  if (packet.totalLength < packet.headerLength + FRAGMENT_HEADER + UDP_HEADER) return -1;
  return u8[next] === PROTOCOL_UDP && dv.getUint16(next + 2) >>> 3 === 0 ? next + FRAGMENT_HEADER : -1;
}

function isRtcp({ u8 }: Arena, at: number, end: number): boolean {
  if (at + 8 > end || u8[at]! >>> 6 !== RTP_VERSION) return false;
  return u8[at + 1]! >= RTCP_FIRST && u8[at + 1]! <= RTCP_LAST;
}

/** Sync bytes where packets of a transport stream begin, as far as there are bytes. */
function isTransportStream({ u8 }: Arena, at: number, end: number): boolean {
  if (at + TS_PACKET > end) return false;
  for (let sync = at; sync < end; sync += TS_PACKET) if (u8[sync] !== TS_SYNC) return false;
  return true;
}

/** With its CSRCs and its extension; -1: it is no RTP with a payload. */
function rtpHeaderLength({ u8, dv }: Arena, at: number, end: number): number {
  if (at + RTP_HEADER >= end || u8[at]! >>> 6 !== RTP_VERSION) return -1;
  let length = RTP_HEADER + 4 * (u8[at]! & 15);
  if ((u8[at]! & 0x10) !== 0) {
    if (at + length + 4 > end) return -1;
    length += 4 + 4 * dv.getUint16(at + length + 2);
  }
  return at + length < end ? length : -1;
}
