// The flow cache's shared part: who sends what to whom, and how much, for the main thread to list.
import { addressText } from "#wire/address.ts";
import type { Address } from "#wire/address.ts";

export const FLOW_SETS = 512;
export const FLOW_WAYS = 8;
export const MAX_FLOWS = FLOW_SETS * FLOW_WAYS;

/** Words of a flow: version (odd while the key changes), used, in-vif, egress count, group[4], source[4], content. */
export const FLOW_WORDS = 13;
export const FLOW_VERSION = 0;
export const FLOW_USED = 1;
export const FLOW_VIF = 2;
export const FLOW_EGRESS = 3;
export const FLOW_KEY = 4;
/** What its datagrams carry and to which port, in one word so that both are of the same one (payload-probe.ts). */
export const FLOW_CONTENT = 12;
/** Doubles of a flow. Times in ms, as in counters.ts; the TTL (hop limit) is that of the last packet as it came in. */
export const FLOW_DOUBLES = 7;
export const FLOW_PACKETS = 0;
export const FLOW_BYTES = 1;
export const FLOW_FIRST = 2;
export const FLOW_LAST = 3;
export const FLOW_TTL = 4;
/** Of the RTP stream in it, where there is one: packets that came, and those that should have (rtp-meter.ts). */
export const FLOW_RTP_RECEIVED = 5;
export const FLOW_RTP_EXPECTED = 6;

const PAYLOADS = ["mpegts", "rtp", "rtp-mpegts", "other"] as const;
/** Bare MPEG-TS, RTP, MPEG-TS in RTP, or anything else over UDP. */
export type Payload = (typeof PAYLOADS)[number];

export function contentWord(port: number, payload: Payload): number {
  return ((PAYLOADS.indexOf(payload) + 1) << 16) | port;
}

export function flowMemoryBytes(): number {
  return MAX_FLOWS * (FLOW_WORDS * 4 + FLOW_DOUBLES * 8);
}

export class FlowMemory {
  readonly words: Uint32Array;
  readonly versions: Int32Array;
  readonly doubles: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.doubles = new Float64Array(memory, 0, MAX_FLOWS * FLOW_DOUBLES);
    const at = this.doubles.byteLength;
    this.words = new Uint32Array(memory, at, MAX_FLOWS * FLOW_WORDS);
    this.versions = new Int32Array(memory, at, MAX_FLOWS * FLOW_WORDS);
  }

  /** Flows seen since `since` (ms). A flow that is replaced while it is read is left out. */
  list(since: number): Flow[] {
    const flows: Flow[] = [];
    for (let i = 0; i < MAX_FLOWS; i++) {
      const at = i * FLOW_WORDS;
      const version = Atomics.load(this.versions, at + FLOW_VERSION);
      const last = this.doubles[i * FLOW_DOUBLES + FLOW_LAST]!;
      if ((version & 1) !== 0 || this.words[at + FLOW_USED] === 0 || last < since) continue;
      const content = this.words[at + FLOW_CONTENT]!;
      const payload = PAYLOADS[(content >>> 16) - 1];
      const flow: Flow = {
        vif: this.words[at + FLOW_VIF]!,
        group: wordsText(this.words, at + FLOW_KEY),
        source: wordsText(this.words, at + FLOW_KEY + 4),
        egressCount: this.words[at + FLOW_EGRESS]!,
        packets: this.doubles[i * FLOW_DOUBLES + FLOW_PACKETS]!,
        bytes: this.doubles[i * FLOW_DOUBLES + FLOW_BYTES]!,
        firstSeen: this.doubles[i * FLOW_DOUBLES + FLOW_FIRST]!,
        lastSeen: last,
        ttl: this.doubles[i * FLOW_DOUBLES + FLOW_TTL]!,
        rtpReceived: this.doubles[i * FLOW_DOUBLES + FLOW_RTP_RECEIVED]!,
        rtpExpected: this.doubles[i * FLOW_DOUBLES + FLOW_RTP_EXPECTED]!,
        content: payload && { port: content & 0xffff, payload },
      };
      if (Atomics.load(this.versions, at + FLOW_VERSION) === version) flows.push(flow);
    }
    return flows;
  }
}

export interface Flow {
  readonly vif: number;
  readonly group: Address;
  readonly source: Address;
  /** Exits it goes to; 0: nobody wants it. */
  readonly egressCount: number;
  readonly packets: number;
  readonly bytes: number;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly ttl: number;
  /** Packets of its RTP stream that came, late ones included, and those that should have; 0: none is known. */
  readonly rtpReceived: number;
  readonly rtpExpected: number;
  /** undefined: no UDP datagram of it was looked at yet. */
  readonly content: { readonly port: number; readonly payload: Payload } | undefined;
}

/** Words of the compiled table as text; IPv4 stands in them as ::ffff:a.b.c.d. */
export function wordsText(words: Uint32Array, at: number): Address {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 4; i++) view.setUint32(4 * i, words[at + i]!);
  const mapped = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff;
  return addressText(mapped ? bytes.subarray(12) : bytes);
}
