// Frames between members, over UDP (and, each behind a u16 length, over TCP). All integers are big-endian. The
// first byte is the type, the next three are zero. docs/protocol.md describes every field.

export const FRAME_HANDSHAKE_INITIATION = 1;
export const FRAME_HANDSHAKE_RESPONSE = 2;
export const FRAME_COOKIE_REPLY = 3;
export const FRAME_DATA = 4;

/** Largest outer datagram: a 1500-byte path less the IPv4 and UDP headers. An IPv6 path carries 20 bytes less. */
export const MAX_DATAGRAM = 1500 - 28;
/** Largest frame in a byte stream, without the u16 length in front of it: a whole Ethernet packet needs no pieces. */
export const MAX_STREAM_FRAME = 2048;
/** The length in front of each frame in a byte stream. */
export const STREAM_LENGTH_BYTES = 2;
/** Outer datagram that works on nearly every path (RFC 8899 section 5.1.2): until more is known to pass. */
export const BASE_PLPMTU = 1200;
/** Where not even that passes: every IPv4 host takes packets of 576 bytes (RFC 791). */
export const MIN_PLPMTU = 576 - 28;
/** Largest packet inside, whole or put together from fragments. */
export const MAX_INNER_PACKET = 65535;

// The data frame: this header, then the ciphertext, then the tag. No associated data: the header decides key and
// nonce, so a changed header fails the tag anyway.
export const DATA_HEADER_LENGTH = 16;
export const DATA_TYPE_OFFSET = 0; // u32: type and three zero bytes
export const DATA_RECEIVER_OFFSET = 4; // u32
export const DATA_COUNTER_OFFSET = 8; // u64
export const DATA_TAG_LENGTH = 16;
/** The first four bytes of a data frame as one integer. */
export const DATA_TYPE_WORD = 0x04000000;

/**
 * The AEAD nonce, the same for AES-256-GCM and ChaCha20-Poly1305: four zero bytes, then the counter's eight bytes
 * as they stand in the data header (big-endian), so that sealing and opening copy them and convert nothing.
 */
export const NONCE_LENGTH = 12;
export const NONCE_COUNTER_OFFSET = 4;

/** Counters are exact doubles. A key is rejected long before (REJECT_AFTER_MESSAGES of the session). */
export const MAX_COUNTER = Number.MAX_SAFE_INTEGER;

// The inner header, first thing in the plaintext.
export const INNER_HEADER_LENGTH = 16;
export const INNER_KIND_OFFSET = 0; // u8
export const INNER_FLAGS_OFFSET = 1; // u8
export const INNER_HOPS_OFFSET = 2; // u8
export const INNER_RESERVED_OFFSET = 3; // u8, zero
export const INNER_ORIGIN_OFFSET = 4; // u32
export const INNER_EPOCH_OFFSET = 8; // u32, high half of the sequence
export const INNER_SEQUENCE_OFFSET = 12; // u32, low half

export const KIND_KEEPALIVE = 0;
export const KIND_MULTICAST = 1;
export const KIND_UNICAST = 2;
export const KIND_CONTROL = 3;
export const KIND_FRAGMENT = 4;
export const MAX_KIND = KIND_FRAGMENT;

/** The transport checksum field holds the pseudo-header's sum alone: the exit completes it. */
export const FLAG_CHECKSUM_PARTIAL = 1;
/** The kernel or the hardware at the entry vouched for the transport checksum. */
export const FLAG_CHECKSUM_VERIFIED = 2;
export const KNOWN_FLAGS = FLAG_CHECKSUM_PARTIAL | FLAG_CHECKSUM_VERIFIED;

/** Outer hops at the entry; a member that forwards lowers it, and drops at zero. */
export const INITIAL_HOPS = 8;

/** Bytes a data frame adds to an inner packet. */
export const FRAME_OVERHEAD = DATA_HEADER_LENGTH + INNER_HEADER_LENGTH + DATA_TAG_LENGTH;
/** Largest inner packet, or control message, that needs no fragments on a 1500-byte IPv4 path. */
export const MAX_UNFRAGMENTED = MAX_DATAGRAM - FRAME_OVERHEAD;

// KIND_FRAGMENT: this header behind the inner header, then the piece. Pieces belong together by origin, epoch and
// sequence, which all of them carry alike.
export const FRAGMENT_HEADER_LENGTH = 8;
export const FRAGMENT_KIND_OFFSET = 0; // u8: kind of the whole
export const FRAGMENT_INDEX_OFFSET = 1; // u8: 0 .. count - 1
export const FRAGMENT_COUNT_OFFSET = 2; // u8
export const FRAGMENT_RESERVED_OFFSET = 3; // u8, zero
export const FRAGMENT_TOTAL_OFFSET = 4; // u16: length of the whole behind its inner header
export const FRAGMENT_OFFSET_OFFSET = 6; // u16: where the piece begins in it
/** 65535 bytes need 57 pieces of 1152; more pieces than this are no honest sender's. */
export const MAX_FRAGMENTS = 64;

const HIGH = 0x1_0000_0000;

export interface DataHeader {
  readonly receiverIndex: number;
  readonly counter: number;
}

export interface InnerHeader {
  readonly kind: number;
  readonly flags: number;
  readonly hops: number;
  readonly origin: number;
  readonly epoch: number;
  readonly sequence: number;
}

export interface FragmentHeader {
  readonly kind: number;
  readonly index: number;
  readonly count: number;
  readonly total: number;
  readonly offset: number;
}

/** The type of a frame, or undefined where the first four bytes are no frame of ours. */
export function frameType(bytes: Uint8Array): number | undefined {
  if (bytes.length < 4 || bytes[1] !== 0 || bytes[2] !== 0 || bytes[3] !== 0) return undefined;
  const type = bytes[0]!;
  return type >= FRAME_HANDSHAKE_INITIATION && type <= FRAME_DATA ? type : undefined;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Undefined where it is no data frame, is too short for an inner header and a tag, or its counter is no exact double. */
export function decodeDataHeader(bytes: Uint8Array): DataHeader | undefined {
  if (bytes.length < FRAME_OVERHEAD || frameType(bytes) !== FRAME_DATA) return undefined;
  const v = view(bytes);
  const high = v.getUint32(DATA_COUNTER_OFFSET);
  if (high > 0x1fffff) return undefined;
  return {
    receiverIndex: v.getUint32(DATA_RECEIVER_OFFSET),
    counter: high * HIGH + v.getUint32(DATA_COUNTER_OFFSET + 4),
  };
}

/** Writes DATA_HEADER_LENGTH bytes at `offset`. Throws RangeError where they do not fit. */
export function encodeDataHeader(into: Uint8Array, offset: number, header: DataHeader): void {
  const v = view(into);
  v.setUint32(offset + DATA_TYPE_OFFSET, DATA_TYPE_WORD);
  v.setUint32(offset + DATA_RECEIVER_OFFSET, header.receiverIndex);
  v.setUint32(offset + DATA_COUNTER_OFFSET, Math.floor(header.counter / HIGH));
  v.setUint32(offset + DATA_COUNTER_OFFSET + 4, header.counter % HIGH);
}

/** Writes the NONCE_LENGTH bytes of a counter. */
export function encodeNonce(into: Uint8Array, counter: number): void {
  const v = view(into);
  v.setUint32(0, 0);
  v.setUint32(NONCE_COUNTER_OFFSET, Math.floor(counter / HIGH));
  v.setUint32(NONCE_COUNTER_OFFSET + 4, counter % HIGH);
}

/** Undefined where it is short, of an unknown kind, with unknown flags or a reserved byte that is not zero. */
export function decodeInnerHeader(bytes: Uint8Array): InnerHeader | undefined {
  if (bytes.length < INNER_HEADER_LENGTH) return undefined;
  const kind = bytes[INNER_KIND_OFFSET]!;
  const flags = bytes[INNER_FLAGS_OFFSET]!;
  if (kind > MAX_KIND || (flags & ~KNOWN_FLAGS) !== 0 || bytes[INNER_RESERVED_OFFSET] !== 0) return undefined;
  const v = view(bytes);
  return {
    kind,
    flags,
    hops: bytes[INNER_HOPS_OFFSET]!,
    origin: v.getUint32(INNER_ORIGIN_OFFSET),
    epoch: v.getUint32(INNER_EPOCH_OFFSET),
    sequence: v.getUint32(INNER_SEQUENCE_OFFSET),
  };
}

/** Writes INNER_HEADER_LENGTH bytes at `offset`. Throws RangeError where they do not fit. */
export function encodeInnerHeader(into: Uint8Array, offset: number, header: InnerHeader): void {
  const v = view(into);
  v.setUint8(offset + INNER_KIND_OFFSET, header.kind);
  v.setUint8(offset + INNER_FLAGS_OFFSET, header.flags);
  v.setUint8(offset + INNER_HOPS_OFFSET, header.hops);
  v.setUint8(offset + INNER_RESERVED_OFFSET, 0);
  v.setUint32(offset + INNER_ORIGIN_OFFSET, header.origin);
  v.setUint32(offset + INNER_EPOCH_OFFSET, header.epoch);
  v.setUint32(offset + INNER_SEQUENCE_OFFSET, header.sequence);
}

/**
 * `bytes` is the fragment header and the piece. Undefined where the whole could not be put together from it: a
 * fragment in a fragment, an index beyond the count, a piece that is empty or reaches beyond the total.
 */
export function decodeFragmentHeader(bytes: Uint8Array): FragmentHeader | undefined {
  if (bytes.length <= FRAGMENT_HEADER_LENGTH || bytes[FRAGMENT_RESERVED_OFFSET] !== 0) return undefined;
  const v = view(bytes);
  const kind = bytes[FRAGMENT_KIND_OFFSET]!;
  const index = bytes[FRAGMENT_INDEX_OFFSET]!;
  const count = bytes[FRAGMENT_COUNT_OFFSET]!;
  const total = v.getUint16(FRAGMENT_TOTAL_OFFSET);
  const offset = v.getUint16(FRAGMENT_OFFSET_OFFSET);
  if (kind !== KIND_MULTICAST && kind !== KIND_UNICAST && kind !== KIND_CONTROL) return undefined;
  if (count < 2 || count > MAX_FRAGMENTS || index >= count) return undefined;
  if (offset + bytes.length - FRAGMENT_HEADER_LENGTH > total) return undefined;
  return { kind, index, count, total, offset };
}

/** Writes FRAGMENT_HEADER_LENGTH bytes at `offset`. Throws RangeError where they do not fit. */
export function encodeFragmentHeader(into: Uint8Array, offset: number, header: FragmentHeader): void {
  const v = view(into);
  v.setUint8(offset + FRAGMENT_KIND_OFFSET, header.kind);
  v.setUint8(offset + FRAGMENT_INDEX_OFFSET, header.index);
  v.setUint8(offset + FRAGMENT_COUNT_OFFSET, header.count);
  v.setUint8(offset + FRAGMENT_RESERVED_OFFSET, 0);
  v.setUint16(offset + FRAGMENT_TOTAL_OFFSET, header.total);
  v.setUint16(offset + FRAGMENT_OFFSET_OFFSET, header.offset);
}
