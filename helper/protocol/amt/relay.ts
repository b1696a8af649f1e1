import type { Entropy } from "#ports/entropy.ts";
import { type Endpoint, endpointText } from "#ports/endpoint.ts";
import { QUERIER_DEFAULTS } from "#protocol/membership/querier-options.ts";
import { sourceKey, TokenBucket } from "#protocol/session/load.ts";
import { type Family, family } from "#wire/address.ts";
import {
  type AmtEndpoint,
  type AmtMembershipUpdate,
  type AmtMessage,
  type AmtRequest,
  decodeAmt,
  encodeAmt,
} from "#wire/amt.ts";
import { DecodeError } from "#wire/cursor.ts";
import { decodeMembershipPacket } from "#wire/membership-packet.ts";
import { generalQuery } from "./general-query.ts";
import type { AmtRelayOptions, ArrivedAt, RelayCommand, RelayDrop } from "./relay-types.ts";
import { MAX_RELAY_GATEWAYS } from "./fan-out-changes.ts";
import { type Listeners, type Proof, RelayGateway } from "./relay-gateway.ts";
import { ResponseMac } from "./response-mac.ts";

const FIRST_SOCKET: ArrivedAt = { socket: 0, anycast: false };
/** Answers a second to those who have not shown that they get mail at their address, and at once. */
const STRANGERS_PER_SECOND = 500;
const STRANGERS_AT_ONCE = 1_000;
/** RFC 9777 section 5.1.14: a query's source is link-local; nobody sends to this one. */
const QUERY_SOURCE6 = "fe80::1";

/**
 * The relay's end of AMT (RFC 7450 section 5.3). It remembers nothing of anybody before a valid Update. Multicast data
 * is the fast path's; who gets what is in the commands.
 */
export class AmtRelay {
  readonly drops = new Map<RelayDrop, number>();
  #options: AmtRelayOptions;
  readonly #entropy: Entropy;
  readonly #mac: ResponseMac;
  readonly #gateways = new Map<string, RelayGateway>();
  readonly #perAddress = new Map<string, number>();
  readonly #strangers: TokenBucket;
  readonly #queries: Readonly<Record<Family, Uint8Array>>;
  readonly #commands: RelayCommand[] = [];
  /** Numbers from 1 to MAX_RELAY_GATEWAYS; one that is free is used again as late as possible. */
  #nextId = 1;
  readonly #freeIds: number[] = [];
  #goneOverLimit = 0;
  /** No gateway is due before this. */
  #dueAt = Infinity;

  constructor(options: AmtRelayOptions, entropy: Entropy, now: number) {
    this.#options = options;
    this.#entropy = entropy;
    this.#mac = new ResponseMac(entropy.bytes(32), options.shortMac, now);
    this.#strangers = new TokenBucket(STRANGERS_PER_SECOND, STRANGERS_AT_ONCE, now);
    this.#queries = {
      4: generalQuery(options.addresses[4] ?? "0.0.0.0"),
      6: generalQuery(QUERY_SOURCE6),
    };
  }

  get gateways(): Iterable<RelayGateway> {
    return this.#gateways.values();
  }

  get size(): number {
    return this.#gateways.size;
  }

  /** Groups and sources that went beyond a gateway's limits, of those who are gone too. */
  get overLimit(): number {
    let sum = this.#goneOverLimit;
    for (const gateway of this.#gateways.values()) sum += gateway.overLimit;
    return sum;
  }

  nextCommand(): RelayCommand | undefined {
    return this.#commands.shift();
  }

  /** Of those who are there already more may stay than there is room for. */
  setMaxGateways(maxGateways: number): void {
    this.#options = { ...this.#options, maxGateways };
  }

  handleDatagram(datagram: Uint8Array, from: Endpoint, now: number, at: ArrivedAt = FIRST_SOCKET): void {
    let message: AmtMessage;
    try {
      message = decodeAmt(datagram);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#drop("malformed");
      return;
    }
    if (at.anycast && message.kind !== "relay-discovery") return this.#drop("to-anycast");
    switch (message.kind) {
      case "relay-discovery": {
        const relay = this.#options.addresses[family(from.address)];
        if (relay)
          this.#answerStranger(
            { kind: "relay-advertisement", nonce: message.nonce, relay },
            from,
            at.socket,
            now,
          );
        return;
      }
      case "request":
        this.#answerStranger(this.#query(message, from), from, at.socket, now);
        return;
      case "membership-update":
        this.#update(message, from, at.socket, now);
        return;
      case "teardown":
        this.#tearDown(message.mac, message.nonce, message.gateway);
        return;
      case "multicast-data":
        this.#drop("data-from-gateway");
        return;
      default:
        this.#drop("unexpected");
    }
  }

  pollTimeout(): number {
    return Math.min(this.#mac.rotateAt, this.#dueAt);
  }

  handleTimeout(now: number): void {
    if (this.#mac.rotateAt <= now) this.#mac.rotate(this.#entropy.bytes(32), now);
    if (this.#dueAt > now) return;
    this.#dueAt = Infinity;
    for (const gateway of this.#gateways.values()) {
      if (gateway.dueAt <= now) this.#tell(gateway, gateway.handleTimeout(now));
      if (gateway.idle) this.#forget(gateway);
      else this.#dueAt = Math.min(this.#dueAt, gateway.dueAt);
    }
  }

  /** Puts one out, whatever it wants. */
  remove(id: number): void {
    const gateway = [...this.#gateways.values()].find((one) => one.id === id);
    if (!gateway) return;
    this.#tell(gateway, gateway.drain());
    this.#forget(gateway);
  }

  #query({ family: of, nonce, ecn = false }: AmtRequest, from: Endpoint): AmtMessage {
    const full = this.size >= this.#options.maxGateways && !this.#gateways.has(endpointText(from));
    return {
      kind: "membership-query",
      mac: this.#mac.make(from, nonce, ecn),
      nonce,
      full,
      packet: this.#queries[of],
      gateway: this.#options.tellEndpoint ? { address: from.address, port: from.port } : undefined,
    };
  }

  #answerStranger(message: AmtMessage, to: Endpoint, socket: number, now: number): void {
    // Who has a tunnel has shown where it is, so a flood of strangers does not keep it from its refresh.
    if (!this.#gateways.has(endpointText(to)) && !this.#strangers.take(now)) {
      this.#drop("too-many-strangers");
      return;
    }
    this.#commands.push({ type: "send", socket, to, datagram: encodeAmt(message) });
  }

  #update({ mac, nonce, packet }: AmtMembershipUpdate, from: Endpoint, socket: number, now: number): void {
    const key = endpointText(from);
    const known = this.#gateways.get(key);
    const repeated =
      known?.proof.nonce === nonce && this.#mac.same(known.proof.mac, mac) ? known.proof : undefined;
    const checked = repeated ?? this.#mac.check(mac, from, nonce);
    if (!checked) return this.#drop("wrong-mac");
    const inner = decodeMembershipPacket(packet);
    if ("refused" in inner || inner.message.kind === "query") return this.#drop("no-report");
    if (known && !known.mayUpdate(now)) return this.#drop("too-many-updates");
    const proof = repeated ?? { mac: Uint8Array.from(mac), nonce, ecn: checked.ecn };
    const gateway = known ?? this.#admit(key, from, socket, proof, now);
    if (!gateway) return this.#drop("too-many-gateways");
    if (gateway.socket !== socket || gateway.proof.ecn !== proof.ecn) {
      gateway.socket = socket;
      this.#introduce(gateway, proof.ecn);
    }
    gateway.proof = proof;
    this.#tell(gateway, gateway.handleReport(inner.message, QUERIER_DEFAULTS, now));
    if (gateway.idle) this.#forget(gateway);
    else this.#dueAt = Math.min(this.#dueAt, gateway.dueAt);
  }

  #admit(
    key: string,
    { address, port }: Endpoint,
    socket: number,
    proof: Proof,
    now: number,
  ): RelayGateway | undefined {
    const source = sourceKey(address);
    const held = this.#perAddress.get(source) ?? 0;
    if (this.size >= this.#options.maxGateways || held >= this.#options.maxGatewaysPerAddress)
      return undefined;
    const id = this.#nextId <= MAX_RELAY_GATEWAYS ? this.#nextId++ : this.#freeIds.shift();
    if (id === undefined) return undefined;
    const gateway = new RelayGateway(id, { address, port }, socket, proof, now);
    this.#gateways.set(key, gateway);
    this.#perAddress.set(source, held + 1);
    this.#introduce(gateway, proof.ecn);
    return gateway;
  }

  #introduce({ id, endpoint, socket }: RelayGateway, ecn: boolean): void {
    this.#commands.push({ type: "gateway", id, endpoint, socket, ecn });
  }

  /** Section 5.3.3.6: by the MAC of the endpoint that it had, from wherever it is now. */
  #tearDown(mac: Uint8Array, nonce: number, of: AmtEndpoint): void {
    const gateway = this.#gateways.get(endpointText(of));
    const isKnown = gateway?.proof.nonce === nonce && this.#mac.same(gateway.proof.mac, mac);
    if (!isKnown && !this.#mac.check(mac, of, nonce)) return this.#drop("wrong-mac");
    if (!gateway) return; // told more than once, as it should be
    this.#tell(gateway, gateway.drain());
    this.#forget(gateway);
  }

  #tell(gateway: RelayGateway, changed: readonly Listeners[]): void {
    for (const { group, filter } of changed)
      this.#commands.push({ type: "listeners", id: gateway.id, group, filter });
  }

  #forget(gateway: RelayGateway): void {
    this.#gateways.delete(endpointText(gateway.endpoint));
    this.#goneOverLimit += gateway.overLimit;
    const source = sourceKey(gateway.endpoint.address);
    const held = this.#perAddress.get(source)! - 1;
    if (held > 0) this.#perAddress.set(source, held);
    else this.#perAddress.delete(source);
    this.#freeIds.push(gateway.id);
    this.#commands.push({ type: "gateway-gone", id: gateway.id });
  }

  #drop(reason: RelayDrop): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}
