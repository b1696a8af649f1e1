// In from gateways and strangers: control messages, which the slow path answers. A relay takes data from nobody.
import { AmtType } from "#wire/amt.ts";
import type { AmtRelayEvent } from "#ports/amt-relay.ts";
import type { Arena } from "../arena.ts";
import { RX_BYTES, RX_PACKETS } from "../counters.ts";
import type { Counters } from "../counters.ts";
import { DROP_MALFORMED, DROP_ONE_WAY, DROP_RATE_LIMITED } from "../drop-reasons.ts";
import type { Ingress } from "../ingress.ts";
import type { ReceiveRing } from "../receive-ring.ts";
import { SocketLosses } from "../socket-losses.ts";
import type { TokenBucket } from "../token-bucket.ts";
import type { Vif } from "../vif.ts";
import type { GatewayTable } from "./gateway-table.ts";

/** A Discovery and a Request are the shortest messages; a report with many records is the longest. */
const SHORTEST = 8;
const LONGEST = 4_096;
/** Messages of strangers a second that the slow path is asked to look at, and at once: it answers fewer. */
export const STRANGERS_RATE = 2_000;
export const STRANGERS_BURST = 4_000;

export interface RelayIngressParts {
  readonly arena: Arena;
  readonly counters: Counters;
  readonly ring: ReceiveRing;
  readonly gateways: GatewayTable;
  /** All sockets' together. */
  readonly strangers: TokenBucket;
  readonly emit: (event: AmtRelayEvent) => void;
}

export class RelayIngress implements Ingress {
  readonly fd: number;
  readonly vif: Vif;
  readonly #socket: number;
  readonly #p: RelayIngressParts;
  readonly #losses: SocketLosses;

  constructor(vif: Vif, fd: number, socket: number, parts: RelayIngressParts) {
    this.vif = vif;
    this.fd = fd;
    this.#socket = socket;
    this.#p = parts;
    this.#losses = new SocketLosses(parts.counters, vif.id);
  }

  receive(now: number): number {
    const { ring, counters, arena, gateways } = this.#p;
    const count = ring.receive(this.fd);
    if (count <= 0) return count;
    const datagrams: AmtRelayEvent["datagrams"][number][] = [];
    for (let i = 0; i < count; i++) {
      const length = ring.length(i);
      counters.add(this.vif.id, RX_PACKETS, 1);
      counters.add(this.vif.id, RX_BYTES, length);
      const refused = this.#refusal(i, length, now);
      if (refused >= 0) counters.drop(this.vif.id, refused);
      else
        datagrams.push({
          from: gateways.endpoint(ring.nameAt(i)),
          data: arena.copyOut(ring.dataAt(i), length),
        });
    }
    if (datagrams.length > 0)
      this.#p.emit({ type: "amt-relay-datagrams", vif: this.vif.id, socket: this.#socket, datagrams });
    this.#losses.look(ring, count);
    return count;
  }

  /** The reason of its drop; -1: it is handed up. */
  #refusal(i: number, length: number, now: number): number {
    const { ring, arena, gateways, strangers } = this.#p;
    if (length > 0 && (arena.u8[ring.dataAt(i)]! & 0x0f) === AmtType.MULTICAST_DATA) return DROP_ONE_WAY;
    if (length < SHORTEST || length > LONGEST) return DROP_MALFORMED;
    const gateway = gateways.find(ring.nameAt(i));
    const may = gateway > 0 ? gateways.mayAsk(gateway, now) : strangers.take(now);
    return may ? -1 : DROP_RATE_LIMITED;
  }
}
