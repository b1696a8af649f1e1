// How much of a stream is lost on its way here, where the stream itself tells: RTP numbers its packets (RFC 3550
// section 5.1). One stream a flow is followed, by destination port and SSRC; the others of the flow count for nothing.
import type { Arena } from "./arena.ts";
import { FLOW_DOUBLES, FLOW_RTP_EXPECTED, FLOW_RTP_RECEIVED, MAX_FLOWS } from "./flow-memory.ts";
import { PROTOCOL_UDP, type IpPacket } from "./ip-packet.ts";

const UDP_HEADER = 8;
const RTP_HEADER = 12;
const RTP_VERSION = 2;
/** Payload types that are RTCP on the RTP port (RFC 5761 section 4). */
const RTCP_FIRST = 64;
const RTCP_LAST = 95;
/** RFC 3550 appendix A.1. */
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;
/** Packets one behind the other before they are taken for RTP: other payloads begin like it by chance. */
const SURE = 16;
/** Without a packet for this long, the flow's next stream is followed. */
const SILENT_MS = 2_000;

export class RtpMeter {
  readonly #doubles: Float64Array;
  readonly #ssrc = new Uint32Array(MAX_FLOWS);
  readonly #port = new Uint16Array(MAX_FLOWS);
  readonly #next = new Uint16Array(MAX_FLOWS);
  readonly #inSequence = new Uint8Array(MAX_FLOWS); // SURE at most; 0 with #heard 0: nothing is followed
  readonly #heard = new Float64Array(MAX_FLOWS); // ms

  /** `doubles`: those of the flow memory, in which the counts are. */
  constructor(doubles: Float64Array) {
    this.#doubles = doubles;
  }

  /** The place is another flow's now. */
  reset(flow: number): void {
    this.#heard[flow] = 0;
    this.#inSequence[flow] = 0;
    this.#doubles[flow * FLOW_DOUBLES + FLOW_RTP_RECEIVED] = 0;
    this.#doubles[flow * FLOW_DOUBLES + FLOW_RTP_EXPECTED] = 0;
  }

  observe(flow: number, arena: Arena, offset: number, packet: IpPacket, now: number): void {
    if (packet.protocol !== PROTOCOL_UDP || packet.fragmented) return;
    const { u8, dv } = arena;
    const udp = offset + packet.headerLength;
    if (packet.totalLength < packet.headerLength + UDP_HEADER + RTP_HEADER) return;
    const rtp = udp + UDP_HEADER;
    if (u8[rtp]! >>> 6 !== RTP_VERSION) return;
    const type = u8[rtp + 1]! & 0x7f;
    if (type >= RTCP_FIRST && type <= RTCP_LAST) return;
    const ssrc = dv.getUint32(rtp + 8);
    const port = dv.getUint16(udp + 2);
    const sequence = dv.getUint16(rtp + 2);
    if (this.#ssrc[flow] !== ssrc || this.#port[flow] !== port || this.#heard[flow] === 0) {
      if (this.#heard[flow] !== 0 && now - this.#heard[flow]! < SILENT_MS) return;
      this.#ssrc[flow] = ssrc;
      this.#port[flow] = port;
      this.#follow(flow, sequence, now);
      return;
    }
    this.#heard[flow] = now;
    const ahead = (sequence - this.#next[flow]!) & 0xffff;
    if (this.#inSequence[flow]! < SURE) {
      if (ahead !== 0) this.#follow(flow, sequence, now);
      else {
        this.#inSequence[flow] = this.#inSequence[flow]! + 1;
        this.#next[flow] = sequence + 1;
      }
      return;
    }
    const at = flow * FLOW_DOUBLES;
    if (ahead < MAX_DROPOUT) {
      this.#doubles[at + FLOW_RTP_EXPECTED] = this.#doubles[at + FLOW_RTP_EXPECTED]! + ahead + 1;
      this.#doubles[at + FLOW_RTP_RECEIVED] = this.#doubles[at + FLOW_RTP_RECEIVED]! + 1;
      this.#next[flow] = sequence + 1;
    } else if (ahead >= 0x1_0000 - MAX_MISORDER) {
      this.#doubles[at + FLOW_RTP_RECEIVED] = this.#doubles[at + FLOW_RTP_RECEIVED]! + 1; // late: it was missed
    } else this.#follow(flow, sequence, now); // the sender began anew
  }

  #follow(flow: number, sequence: number, now: number): void {
    this.#heard[flow] = now;
    this.#inSequence[flow] = 0;
    this.#next[flow] = sequence + 1;
  }
}
