// In from the transport socket: bursts of datagrams, each a frame.
import type { Counters } from "./counters.ts";
import { TRANSPORT_ROW } from "./counters.ts";
import type { Forwarder } from "./forwarder.ts";
import type { FrameIntake } from "./frame-intake.ts";
import type { Ingress } from "./ingress.ts";
import type { ReceiveRing } from "./receive-ring.ts";
import { SocketLosses } from "./socket-losses.ts";

export interface UdpIngressParts {
  readonly ring: ReceiveRing;
  readonly intake: FrameIntake;
  readonly forwarder: Forwarder;
  readonly counters: Counters;
}

export class UdpIngress implements Ingress {
  readonly fd: number;
  readonly vif = undefined;
  readonly #p: UdpIngressParts;
  readonly #losses: SocketLosses;

  constructor(fd: number, parts: UdpIngressParts) {
    this.fd = fd;
    this.#p = parts;
    this.#losses = new SocketLosses(parts.counters, TRANSPORT_ROW);
  }

  receive(now: number): number {
    const { ring, intake, forwarder } = this.#p;
    const count = ring.receive(this.fd);
    for (let i = 0; i < count; i++) {
      const length = ring.length(i);
      const at = ring.dataAt(i);
      const segment = ring.segmentSize(i) || length;
      for (let done = 0; done < length; done += segment)
        intake.take(at + done, Math.min(segment, length - done), ring.nameAt(i), undefined, now);
    }
    if (count <= 0) return count;
    forwarder.flush(now);
    this.#losses.look(ring, count);
    return count;
  }
}
