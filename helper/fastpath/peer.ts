import type { VifDevice } from "#ports/fast-path.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { addressBytes, addressText } from "#wire/address.ts";
import { BASE_PLPMTU, FRAME_OVERHEAD, MAX_DATAGRAM, MAX_STREAM_FRAME, MIN_PLPMTU } from "#wire/frame.ts";
import { AF_INET6 } from "#edge/linux/constants.ts";
import type { Arena } from "./arena.ts";
import { RX_LARGEST, type Counters } from "./counters.ts";
import type { KeyPair } from "./key-ring.ts";
import { RecentLargest } from "./recent-largest.ts";
import type { Stream } from "./stream.ts";
import { TokenBucket } from "./token-bucket.ts";

export const SOCKADDR_IN6 = 28;
const CONTROL_RATE = 200; // messages a second that the slow path is asked to look at
const CONTROL_BURST = 400;

type PeerDevice = Extract<VifDevice, { kind: "peer" }>;

/** The other end of a session. */
export class Peer {
  readonly vif: number;
  readonly onlyOrigin: number;
  readonly sources: PeerDevice["sources"];
  readonly controlBucket = new TokenBucket(CONTROL_RATE, CONTROL_BURST);
  /** Where its sockaddr_in6 stands in the arena. */
  readonly endpointAt: number;
  /** The largest frame that came lately: the peer asks. */
  readonly largest: RecentLargest;
  readonly #arena: Arena;
  previous: KeyPair | undefined;
  current: KeyPair | undefined;
  next: KeyPair | undefined;
  reachable = false;
  /** Where frames go instead of the transport socket. */
  stream: Stream | undefined;
  /** Largest outer datagram, of which the slow path finds out what passes, or frame in a stream. */
  datagramLimit = BASE_PLPMTU;
  /** Largest packet that goes in one datagram, where that is known well enough to tell programs of it. */
  innerMtu = Infinity;
  /** A datagram beyond the limit is under way, to see whether it passes. */
  probing = false;
  #refused = 0;

  constructor(vif: number, device: PeerDevice, arena: Arena, endpointAt: number, counters: Counters) {
    this.vif = vif;
    this.onlyOrigin = device.onlyOrigin;
    this.sources = device.sources;
    this.#arena = arena;
    this.endpointAt = endpointAt;
    this.largest = new RecentLargest((bytes) => counters.set(vif, RX_LARGEST, bytes));
  }

  /** `stream`: the one that the endpoint names. */
  setEndpoint(endpoint: Endpoint, stream: Stream | undefined): void {
    const before = this.#arena.copyOut(this.endpointAt, SOCKADDR_IN6);
    writeEndpoint(this.#arena, this.endpointAt, endpoint);
    const after = this.#arena.copyOut(this.endpointAt, SOCKADDR_IN6);
    const same = stream === this.stream && before.every((byte, i) => byte === after[i]);
    this.stream = stream;
    if (!same || !this.reachable) this.#newPath();
    this.reachable = stream !== undefined || endpoint.stream === undefined; // it may have ended meanwhile
  }

  /** Is the sockaddr_in6 at `at`, or the stream, where the peer is known to be? The flow label does not count. */
  isAt(at: number, stream: Stream | undefined): boolean {
    if (stream || this.stream) return this.stream === stream;
    return sameSocketAddress(this.#arena, this.endpointAt, at);
  }

  moveTo(at: number, stream: Stream | undefined): void {
    this.#arena.u8.copyWithin(this.endpointAt, at, at + SOCKADDR_IN6);
    this.#arena.dv.setUint32(this.endpointAt + 4, 0); // the flow label it came with is not ours to use
    this.stream = stream;
    this.#newPath();
  }

  /** The stream carries nothing any more. */
  streamEnded(stream: Stream): void {
    if (this.stream !== stream) return;
    this.stream = undefined;
    this.reachable = false;
  }

  /** What the slow path found out, by probes. */
  limitDatagrams(bytes: number, settled: boolean): void {
    if (this.stream) return;
    this.datagramLimit = Math.max(MIN_PLPMTU, Math.min(bytes, MAX_DATAGRAM));
    this.innerMtu = settled ? this.datagramLimit - FRAME_OVERHEAD : Infinity;
    this.#refused = 0;
  }

  /** The system takes no datagram of `bytes`: shorter ones are sent until more is known. True where that is news. */
  refusedDatagram(bytes: number): boolean {
    if (bytes <= this.datagramLimit && !this.stream)
      this.datagramLimit = bytes > BASE_PLPMTU ? BASE_PLPMTU : MIN_PLPMTU;
    const news = this.probing || bytes !== this.#refused;
    this.#refused = bytes;
    return news;
  }

  #newPath(): void {
    this.datagramLimit = this.stream ? MAX_STREAM_FRAME : BASE_PLPMTU;
    this.innerMtu = Infinity;
    this.#refused = 0;
    this.reachable = true;
  }
}

/** Are the sockaddr_in6 at `a` and `b` the same? The flow label does not count. */
export function sameSocketAddress({ u32 }: Arena, first: number, second: number): boolean {
  const [a, b] = [first >>> 2, second >>> 2];
  return (
    u32[a] === u32[b] &&
    u32[a + 2] === u32[b + 2] &&
    u32[a + 3] === u32[b + 3] &&
    u32[a + 4] === u32[b + 4] &&
    u32[a + 5] === u32[b + 5] &&
    u32[a + 6] === u32[b + 6]
  );
}

/** The endpoint that a sockaddr_in6 (as recvmsg of a dual-stack socket gives it), or a stream, stands for. */
export function endpointAt(arena: Arena, at: number, stream: Stream | undefined): Endpoint {
  const bytes = arena.copyOut(at + 8, 16);
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return {
    address: addressText(mapped ? bytes.subarray(12) : bytes),
    port: arena.dv.getUint16(at + 2),
    ...(stream && { stream: stream.number }),
  };
}

/** As a sockaddr_in6, IPv4 mapped. */
export function writeEndpoint({ u8, dv }: Arena, at: number, endpoint: Endpoint): void {
  const bytes = addressBytes(endpoint.address);
  u8.fill(0, at, at + SOCKADDR_IN6);
  dv.setUint16(at, AF_INET6, true);
  dv.setUint16(at + 2, endpoint.port);
  if (bytes.length === 4) {
    dv.setUint16(at + 8 + 10, 0xffff);
    u8.set(bytes, at + 8 + 12);
  } else u8.set(bytes, at + 8);
}
