// Packets, frames and device reads for the fast path, sensible at first.
import {
  encodeFragmentHeader,
  encodeInnerHeader,
  FRAGMENT_HEADER_LENGTH,
  INNER_HEADER_LENGTH,
  KIND_FRAGMENT,
  MAX_KIND,
} from "#wire/frame.ts";
import { addressBytes } from "#wire/address.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { KERNEL_VECTORS } from "#test/helper/wire/membership-vectors.ts";
import { fromHex } from "#test/helper/wire/round-trip.ts";
import { udpBytes } from "./fixtures.ts";
import { GROUPS, HOST, ORIGINS, peerAddress4, peerAddress6, PEERS, TUN, type PeerVif } from "./fuzz-scene.ts";

const MEMBERSHIP = KERNEL_VECTORS.map(({ hex }) => fromHex(hex));
const LENGTHS = [0, 1, 8, 60, 60, 60, 1316, 1316, 1400, 1472, 3000, 9000, 40_000];

/** A UDP datagram to a group or to a member; now and then with options, as a fragment, or of another protocol. */
export function packet(random: SeededRandom, source: string, source6: string): Uint8Array<ArrayBuffer> {
  const unicast = random.oneIn(3);
  const v6 = random.oneIn(2);
  const target = random.pick([TUN, ...PEERS]);
  const group = random.pick(GROUPS.filter((text) => text.includes(":") === v6));
  const bytes = udpBytes({
    source: v6 ? source6 : source,
    group: unicast ? (v6 ? peerAddress6(target) : peerAddress4(target)) : group,
    payload: random.bytes(random.pick(LENGTHS)),
    id: random.below(65_536),
    ttl: random.pick([0, 1, 2, 64, 255]),
    dontFragment: random.oneIn(3),
  });
  if (random.oneIn(8)) bytes[v6 ? 6 : 9] = random.pick([0, 2, 6, 17, 44, 58, 89, 112]);
  if (!v6 && random.oneIn(8)) bytes[0] = 0x40 | random.pick([5, 6, 15]);
  if (random.oneIn(20)) return Uint8Array.from(random.pick(MEMBERSHIP));
  return random.oneIn(3) ? mutate(random, [bytes]) : bytes;
}

let sequence = 0;

/** Plaintexts as `vif` would seal them: one packet or message, or the pieces of one in any order. */
export function plaintexts(random: SeededRandom, vif: PeerVif): Uint8Array[] {
  const inner = {
    kind: random.below(MAX_KIND + 1),
    flags: random.below(4),
    hops: random.pick([0, 1, 2, 8, 255]),
    origin: vif === HOST ? 1000 + random.below(600) : ORIGINS[vif],
    epoch: 9,
    sequence: random.oneIn(50) ? random.below(2 ** 32) : sequence++,
  };
  const content = packet(random, peerAddress4(vif), peerAddress6(vif));
  if (inner.kind !== KIND_FRAGMENT) return [changed(random, withHeader(inner, content))];
  const kind = 1 + random.below(3);
  const count = 2 + random.below(6);
  const size = Math.max(8, Math.ceil(content.length / count));
  const pieces: Uint8Array[] = [];
  for (let index = 0; index * size < content.length && index < count; index++) {
    const piece = content.subarray(index * size, (index + 1) * size);
    const bytes = new Uint8Array(FRAGMENT_HEADER_LENGTH + piece.length);
    const total = content.length;
    encodeFragmentHeader(bytes, 0, {
      kind,
      index,
      count: Math.ceil(total / size),
      total,
      offset: index * size,
    });
    bytes.set(piece, FRAGMENT_HEADER_LENGTH);
    pieces.push(changed(random, withHeader(inner, bytes)));
  }
  if (random.oneIn(3)) pieces.reverse();
  if (random.oneIn(4)) pieces.splice(random.below(pieces.length + 1), 1);
  if (random.oneIn(4) && pieces.length > 0) pieces.push(random.pick(pieces));
  return pieces;
}

function withHeader(inner: Parameters<typeof encodeInnerHeader>[2], content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(INNER_HEADER_LENGTH + content.length);
  encodeInnerHeader(bytes, 0, inner);
  bytes.set(content, INNER_HEADER_LENGTH);
  return bytes;
}

/** What no longer has room for an inner header could not be a frame. */
function changed(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  if (!random.oneIn(4)) return bytes;
  const other = mutate(random, [bytes]);
  return other.length < INNER_HEADER_LENGTH ? bytes : other;
}

const GSO = [0, 0, 0, 1, 3, 4, 5, 0x85, 5, 5];

/** A virtio header: mostly plain, sometimes of a super-packet with segments of any size. */
export function virtio(random: SeededRandom): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(10);
  const view = new DataView(header.buffer);
  header[0] = random.pick([0, 0, 1, 2, 3]);
  header[1] = random.pick(GSO);
  view.setUint16(2, random.below(100), true);
  view.setUint16(4, random.pick([0, 1, 8, 500, 1316, 1400, 65_535]), true);
  view.setUint16(6, 20 + random.below(40), true);
  view.setUint16(8, random.pick([6, 16, 0]), true);
  return random.oneIn(10) ? random.bytes(10) : header;
}

/** A frame as an AF_PACKET socket with virtio headers gives it. */
export function lanFrame(random: SeededRandom): Uint8Array {
  const content = packet(random, "192.168.1.9", "2001:db8::9");
  const frame = new Uint8Array(24 + content.length);
  frame.set(virtio(random));
  frame.set(addressBytes("ff1e::1").subarray(0, 12), 10);
  new DataView(frame.buffer).setUint16(22, random.pick([0x0800, 0x0800, 0x86dd, 0x88b5, 0x8100]));
  frame.set(content, 24);
  return random.oneIn(6) ? mutate(random, [frame]) : frame;
}

export function tunPacket(random: SeededRandom): Uint8Array {
  const content = packet(random, peerAddress4(TUN), peerAddress6(TUN));
  const bytes = new Uint8Array(10 + content.length);
  bytes.set(virtio(random));
  bytes.set(content, 10);
  return random.oneIn(6) ? mutate(random, [bytes]) : bytes;
}
