// In from an AMT relay: bursts of datagrams, multicast data among them, which is taken out where it stands.
import type { Endpoint } from "#ports/endpoint.ts";
import type { FastPathEvent } from "#ports/fast-path.ts";
import type { Arena } from "../arena.ts";
import type { Counters } from "../counters.ts";
import { DROP_MALFORMED, DROP_NOT_FROM_RELAY, DROP_RATE_LIMITED } from "../drop-reasons.ts";
import type { Forwarder } from "../forwarder.ts";
import type { Ingress } from "../ingress.ts";
import { JoinedStreams } from "./joined-streams.ts";
import { endpointAt, sameSocketAddress, writeEndpoint } from "../peer.ts";
import type { ReceiveRing } from "../receive-ring.ts";
import { SocketLosses } from "../socket-losses.ts";
import { TokenBucket } from "../token-bucket.ts";
import type { Vif } from "../vif.ts";

/** RFC 7450 section 5.1.6: version 0, type 6, and a byte that is reserved. */
const MULTICAST_DATA = 6;
const DATA_HEADER = 2;
/**
 * Between datagrams that the kernel joined: exits write their headers in front of a packet. 64 of them are joined at
 * most, and a slot has room for it.
 */
const GAP = 32;
/** Messages a second that the slow path is asked to look at: the relay's, and those of others, who are not to drown it. */
const RELAY_RATE = 50;
const STRANGERS_RATE = 20;
const LONGEST_MESSAGE = 1_500;

export interface AmtGatewayIngressParts {
  readonly arena: Arena;
  readonly ring: ReceiveRing;
  readonly forwarder: Forwarder;
  readonly counters: Counters;
  readonly emit: (event: FastPathEvent) => void;
  /** Room for a sockaddr_in6. */
  readonly relayAt: number;
}

export class AmtGatewayIngress implements Ingress {
  readonly fd: number;
  readonly vif: Vif;
  readonly #p: AmtGatewayIngressParts;
  readonly #ofRelay = new TokenBucket(RELAY_RATE, RELAY_RATE);
  readonly #ofStrangers = new TokenBucket(STRANGERS_RATE, STRANGERS_RATE);
  #joined = new JoinedStreams(new Uint32Array(0));
  #hasRelay = false;
  readonly #losses: SocketLosses;

  constructor(vif: Vif, fd: number, parts: AmtGatewayIngressParts) {
    this.vif = vif;
    this.fd = fd;
    this.#p = parts;
    this.#losses = new SocketLosses(parts.counters, vif.id);
  }

  setRelay(relay: Endpoint | undefined): void {
    this.#hasRelay = relay !== undefined;
    if (relay) writeEndpoint(this.#p.arena, this.#p.relayAt, relay);
  }

  setJoined(streams: Uint32Array): void {
    this.#joined = new JoinedStreams(streams);
  }

  receive(now: number): number {
    const { ring, forwarder } = this.#p;
    const count = ring.receive(this.fd);
    for (let i = 0; i < count; i++) this.#message(i, now);
    if (count <= 0) return count;
    forwarder.flush(now);
    this.#losses.look(ring, count);
    return count;
  }

  /** One datagram, or several of one length that the kernel joined, the last of which may be shorter. */
  #message(i: number, now: number): void {
    const { arena, ring, counters } = this.#p;
    if (ring.truncated(i)) {
      counters.drop(this.vif.id, DROP_MALFORMED);
      return;
    }
    const at = ring.dataAt(i);
    const length = ring.length(i);
    const segment = ring.segmentSize(i) || length;
    const outer = ring.trafficClass(i);
    const datagrams = segment > 0 ? Math.ceil(length / segment) : 1;
    for (let n = datagrams - 1; n > 0; n--) {
      const from = at + n * segment;
      arena.u8.copyWithin(from + n * GAP, from, Math.min(from + segment, at + length));
    }
    for (let n = 0; n < datagrams; n++)
      this.#datagram(
        at + n * (segment + GAP),
        Math.min(segment, length - n * segment),
        ring.nameAt(i),
        outer,
        now,
      );
  }

  #datagram(at: number, length: number, name: number, outer: number, now: number): void {
    const { arena, forwarder, counters } = this.#p;
    const id = this.vif.id;
    const isRelay = this.#hasRelay && sameSocketAddress(arena, name, this.#p.relayAt);
    if (length <= DATA_HEADER) counters.drop(id, DROP_MALFORMED);
    else if (arena.u8[at] !== MULTICAST_DATA) this.#handUp(at, length, name, isRelay, now);
    else if (!isRelay) counters.drop(id, DROP_NOT_FROM_RELAY);
    else forwarder.fromRelay(this.vif, at + DATA_HEADER, length - DATA_HEADER, this.#joined, outer, now);
  }

  #handUp(at: number, length: number, name: number, isRelay: boolean, now: number): void {
    const { arena, counters, emit } = this.#p;
    const id = this.vif.id;
    if (length > LONGEST_MESSAGE) counters.drop(id, DROP_MALFORMED);
    else if (!(isRelay ? this.#ofRelay : this.#ofStrangers).take(now)) counters.drop(id, DROP_RATE_LIMITED);
    else
      emit({
        type: "amt-message",
        vif: id,
        from: endpointAt(arena, name, undefined),
        data: arena.copyOut(at, length),
      });
  }
}
