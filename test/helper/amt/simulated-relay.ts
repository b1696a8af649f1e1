// The relay's end of the handshake, as little as a gateway's tests need, with a clock that they move.
import type { Entropy } from "#ports/entropy.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { AmtGateway, type GatewayCommand, type RelayCandidate } from "#protocol/amt/gateway.ts";
import { AMT_PORT, type AmtMessage, decodeAmt, encodeAmt } from "#wire/amt.ts";
import type { Family } from "#wire/address.ts";
import type { GroupRecord } from "#wire/membership-message.ts";
import { decodeMembershipPacket, encodeMembershipPacket } from "#wire/membership-packet.ts";

/** Counts: each draw is another number. */
export class CountingEntropy implements Entropy {
  #next = 0x0100_0000;

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    new DataView(bytes.buffer).setUint32(0, this.#next++);
    return bytes;
  }
}

export type Sent = AmtMessage & { readonly to: string };

export class GatewayScene {
  readonly gateway: AmtGateway;
  readonly relays: (string | undefined)[] = [];
  now = 1_000_000;
  exhausted = 0;

  constructor(candidates: readonly RelayCandidate[]) {
    this.gateway = new AmtGateway(candidates, new CountingEntropy());
  }

  /** What was sent since the last call. */
  sent(): Sent[] {
    const found: Sent[] = [];
    for (let command: GatewayCommand | undefined; (command = this.gateway.nextCommand());) {
      if (command.type === "send") found.push({ ...decodeAmt(command.datagram), to: command.to.address });
      else if (command.type === "relay") this.relays.push(command.relay?.address);
      else this.exhausted++;
    }
    return found;
  }

  /** Moves the clock, through each of the gateway's deadlines. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let at; (at = this.gateway.pollTimeout()) !== undefined && at <= end;) {
      this.now = Math.max(at, this.now);
      this.gateway.handleTimeout(this.now);
    }
    this.now = end;
  }

  receive(message: AmtMessage, from: string, port = AMT_PORT): void {
    const endpoint: Endpoint = { address: from, port };
    this.gateway.handleDatagram(encodeAmt(message), endpoint, this.now);
  }

  /** Answers the last Request among these. */
  answer(
    sent: readonly Sent[],
    changes: Partial<Extract<AmtMessage, { kind: "membership-query" }>> = {},
  ): void {
    const request = sent.findLast((message) => message.kind === "request");
    if (!request) throw new Error("no Request was sent");
    this.receive(query(request.family, request.nonce, changes), request.to);
  }
}

export function query(
  family: Family,
  nonce: number,
  changes: Partial<Extract<AmtMessage, { kind: "membership-query" }>> = {},
  queryIntervalS = 125,
): AmtMessage {
  const packet = encodeMembershipPacket(
    {
      kind: "query",
      version: 3,
      group: undefined,
      sources: [],
      suppress: false,
      robustness: 2,
      maxResponseMs: 1_000,
      queryIntervalS,
    },
    family === 4 ? "192.0.2.1" : "fe80::1",
  );
  const mac = Uint8Array.of(9, 8, 7, 6, 5, 4);
  return { kind: "membership-query", mac, nonce, full: false, gateway: undefined, packet, ...changes };
}

/** The records of all Updates among these, in order. */
export function updates(sent: readonly Sent[]): GroupRecord[] {
  return sent.flatMap((message) => {
    if (message.kind !== "membership-update") return [];
    const inner = decodeMembershipPacket(message.packet);
    if ("refused" in inner || inner.message.kind !== "report") throw new Error("an Update without a report");
    return inner.message.records;
  });
}
