// Where sealed frames to peers go: datagrams of the transport socket, or a stream.
import type { Peer } from "./peer.ts";
import type { StreamSender } from "./stream-sender.ts";
import type { UdpSender } from "./udp-sender.ts";

export class PeerSender {
  readonly #udp: UdpSender;
  readonly #streams: StreamSender;

  constructor(udp: UdpSender, streams: StreamSender) {
    this.#udp = udp;
    this.#streams = streams;
  }

  /** Where to write the next frame, of exactly `length` bytes, to `peer`. `control`: not to be dropped before data. */
  reserve(peer: Peer, length: number, control: boolean, now: number): number {
    const { stream } = peer;
    return stream
      ? this.#streams.reserve(stream, peer.vif, length, control, now)
      : this.#udp.reserve(peer, length);
  }

  flush(now: number): void {
    this.#udp.flush();
    this.#streams.flush(now);
  }
}
