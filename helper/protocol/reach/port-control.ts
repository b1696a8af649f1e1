import type { Endpoint } from "#ports/endpoint.ts";
import { family, isMulticast } from "#wire/address.ts";
import { DecodeError } from "#wire/cursor.ts";
import {
  decodeNatPmp,
  encodeAddressRequest,
  encodeNatPmpMap,
  NAT_PMP_VERSION,
  type NatPmpResponse,
} from "#wire/nat-pmp.ts";
import {
  decodePcpMap,
  encodePcpMap,
  PORT_CONTROL_PORT,
  type MappedProtocol,
  type PcpMapResponse,
} from "#wire/pcp.ts";
import {
  LEASE,
  leaseOf,
  renewalAt,
  type Mapping,
  type MappingCommand,
  type Mappings,
  type MappingTarget,
} from "./port-mapping-types.ts";

type Dialect = "pcp" | "nat-pmp";
/** `probe`: the dialect is not known yet. `address`: of NAT-PMP alone, PCP says it with each mapping. */
type Step = "probe" | "address" | MappedProtocol;

/** RFC 6886 section 3.1: the first retransmission after 250 ms, then twice as long each time. */
const FIRST_WAIT = 250;
/** A router that has none of it is given up after 250 * (2^4 - 1) ms. */
const PROBES = 4;
/** One that has answered before is asked on, as long as its mapping lasts. */
const LONGEST_WAIT = 64_000;
/** How often, 250 ms apart, a mapping is taken back where the router does not say that it heard. */
const FAREWELLS = 3;

/**
 * PCP (RFC 6887) and NAT-PMP (RFC 6886) at one router: UDP's port first, then TCP's at the same number, then both
 * again at half of their time. Answers of anybody else, or to anything else, are nothing.
 */
export class PortControl {
  readonly #target: MappingTarget;
  readonly #server: Endpoint;
  readonly #mappings = new Map<MappedProtocol, Mapping>();
  readonly #commands: MappingCommand[] = [];
  #dialect: Dialect | undefined;
  #externalAddress: string | undefined; // NAT-PMP's
  #step: Step | undefined;
  /** UDP is mapped; or was, and all is lost with it. */
  #had = false;
  #attempts = 0;
  #nextAt: number | undefined;
  #failure: string | undefined;
  #pcpRefusal: string | undefined;
  #leaving: { readonly unconfirmed: Set<MappedProtocol> } | undefined;
  /** Answers that were damaged, or not to what was asked. */
  dropped = 0;

  constructor(target: MappingTarget, now: number) {
    this.#target = target;
    this.#server = { address: target.gateway, port: PORT_CONTROL_PORT };
    this.#begin("probe", now);
  }

  get dialect(): Dialect | undefined {
    return this.#dialect;
  }
  get mappings(): Mappings {
    return this.#mappings;
  }
  /** UDP's port is not to be had here, and why: in the words of the RFCs, or "no-answer". */
  get failure(): string | undefined {
    return this.#failure;
  }
  /** Nothing is asked for any more, and what was had is taken back, as far as the router listens. */
  get released(): boolean {
    return this.#leaving !== undefined && this.#nextAt === undefined;
  }

  nextCommand(): MappingCommand | undefined {
    return this.#commands.shift();
  }

  pollTimeout(): number | undefined {
    if (this.#leaving || this.#mappings.size === 0) return this.#nextAt;
    const expiry = Math.min(...[...this.#mappings.values()].map((mapping) => mapping.expiresAt));
    return Math.min(expiry, this.#nextAt ?? Infinity);
  }

  handleTimeout(now: number): void {
    if (this.#leaving) return this.#farewell(now);
    for (const [protocol, { expiresAt }] of this.#mappings)
      if (expiresAt <= now) this.#mappings.delete(protocol);
    if (!this.#mappings.has("udp") && this.#had) return this.#fail("no-answer");
    if (this.#nextAt === undefined || now < this.#nextAt) return;
    if (this.#step === undefined) {
      this.#begin(this.#dialect === "nat-pmp" ? "address" : "udp", now); // renewal
    } else if (this.#attempts >= PROBES && (this.#step === "tcp" || !this.#had)) {
      return this.#refused("no-answer", now);
    }
    this.#ask(now);
  }

  /** The router may have forgotten: asks again now. */
  refresh(now: number): void {
    if (this.#leaving || this.#failure !== undefined || this.#step !== undefined) return;
    this.#nextAt = now;
  }

  /** Takes back what was had. */
  release(now: number): void {
    if (this.#leaving) return;
    const unconfirmed = new Set(this.#mappings.keys());
    // The router may have heard what it has not answered yet.
    if (this.#attempts > 0 && this.#step === "probe") unconfirmed.add("udp");
    else if (this.#step === "udp" || this.#step === "tcp") unconfirmed.add(this.#step);
    this.#leaving = { unconfirmed };
    this.#step = undefined;
    this.#attempts = 0;
    this.#mappings.clear();
    this.#farewell(now);
  }

  handleDatagram(data: Uint8Array, from: Endpoint, now: number): void {
    if (from.address !== this.#server.address || from.port !== this.#server.port) return;
    try {
      if (data[0] === NAT_PMP_VERSION) this.#handleNatPmp(decodeNatPmp(data), now);
      else this.#handlePcp(decodePcpMap(data), now);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.dropped++;
    }
  }

  #handlePcp(answer: PcpMapResponse, now: number): void {
    const { protocol, nonce, internalPort, lifetime } = answer;
    const ours =
      protocol !== undefined &&
      internalPort === this.#target.port &&
      nonce.every((byte, i) => byte === this.#target.nonce[i]);
    if (!ours) return this.#drop();
    if (this.#leaving) return this.#left(protocol);
    if (answer.result === "unsupported-version") return this.#isNatPmp(now);
    const asked = this.#step === "probe" ? "udp" : this.#step;
    if (protocol !== asked || this.#dialect === "nat-pmp") return this.#drop();
    this.#dialect = "pcp";
    if (answer.result !== "success") return this.#refused(answer.result, now);
    this.#granted(protocol, { address: answer.externalAddress, port: answer.externalPort }, lifetime, now);
  }

  #handleNatPmp(answer: NatPmpResponse, now: number): void {
    if (this.#leaving) return answer.kind === "mapping" ? this.#left(answer.protocol) : undefined;
    if (this.#step === "probe") {
      // A router that has NAT-PMP alone says so to PCP (RFC 6887 appendix A), or is silent until it is asked its way.
      if (answer.kind !== "address" || answer.result !== "success") return this.#isNatPmp(now);
      this.#dialect = "nat-pmp";
      this.#step = "address";
    }
    if (this.#dialect !== "nat-pmp") return this.#drop();
    if (answer.kind === "refusal") return this.#refused(answer.result, now);
    if (answer.kind === "address") {
      if (this.#step !== "address") return this.#drop();
      if (answer.result !== "success") return this.#refused(answer.result, now);
      this.#externalAddress = answer.address;
      this.#begin("udp", now);
      return this.#ask(now);
    }
    if (answer.protocol !== this.#step || answer.internalPort !== this.#target.port) return this.#drop();
    if (answer.result !== "success") return this.#refused(answer.result, now);
    const external = { address: this.#externalAddress!, port: answer.externalPort };
    this.#granted(answer.protocol, external, answer.lifetime, now);
  }

  #drop(): void {
    this.dropped++;
  }

  #isNatPmp(now: number): void {
    if (this.#step !== "probe" || this.#dialect !== undefined) return this.#drop();
    if (family(this.#target.client) === 6) return this.#fail("unsupported-version");
    this.#dialect = "nat-pmp";
    this.#begin("address", now);
    this.#ask(now);
  }

  #granted(protocol: MappedProtocol, external: Endpoint, lifetime: number, now: number): void {
    const { address, port } = external;
    const usable =
      port !== 0 &&
      lifetime !== 0 &&
      family(address) === family(this.#target.client) &&
      !isMulticast(address) &&
      address !== "0.0.0.0" &&
      address !== "::";
    if (!usable) return this.#refused("malformed", now);
    this.#mappings.set(protocol, { external, expiresAt: now + leaseOf(lifetime) });
    this.#had = true;
    if (protocol === "tcp") return this.#done(now);
    this.#begin("tcp", now);
    this.#ask(now);
  }

  /** TCP's port is welcome, UDP's is what it is about. */
  #refused(reason: string, now: number): void {
    if (this.#step === "tcp") return this.#done(now);
    if (this.#dialect !== "pcp" || this.#had || family(this.#target.client) === 6) return this.#fail(reason);
    // By NAT-PMP the same router may say more plainly what is wrong: that it has no public address, for one.
    this.#pcpRefusal = reason;
    this.#dialect = "nat-pmp";
    this.#begin("address", now);
    this.#ask(now);
  }

  #begin(step: Step, now: number): void {
    this.#step = step;
    this.#attempts = 0;
    this.#nextAt = now;
  }

  #done(now: number): void {
    this.#step = undefined;
    const lease = this.#mappings.get("udp")!.expiresAt - now;
    this.#nextAt = renewalAt(now, lease);
  }

  #fail(reason: string): void {
    const silent = reason === "no-answer" && this.#pcpRefusal !== undefined;
    if (silent) this.#dialect = "pcp";
    this.#failure = silent ? this.#pcpRefusal : reason;
    this.#step = undefined;
    this.#nextAt = undefined;
    this.#mappings.clear();
  }

  #ask(now: number): void {
    const { port } = this.#target;
    switch (this.#step) {
      case "probe":
        this.#sendMap("pcp", "udp", port);
        if (this.#attempts > 0 && family(this.#target.client) === 4) this.#send(encodeAddressRequest());
        break;
      case "address":
        this.#send(encodeAddressRequest());
        break;
      case "udp":
      case "tcp": {
        // As before a renewal; and TCP where UDP is, so that one endpoint says both.
        const known = this.#mappings.get(this.#step) ?? this.#mappings.get("udp");
        this.#sendMap(this.#dialect!, this.#step, known?.external.port ?? port);
      }
    }
    this.#nextAt = now + Math.min(FIRST_WAIT * 2 ** Math.min(this.#attempts++, 16), LONGEST_WAIT);
  }

  #farewell(now: number): void {
    const { unconfirmed } = this.#leaving!;
    if (unconfirmed.size === 0 || this.#attempts++ >= FAREWELLS) {
      this.#nextAt = undefined;
      return;
    }
    for (const protocol of unconfirmed) this.#sendMap(this.#dialect ?? "pcp", protocol, 0, 0);
    this.#nextAt = now + FIRST_WAIT;
  }

  /** A mapping is gone. */
  #left(protocol: MappedProtocol): void {
    const { unconfirmed } = this.#leaving!;
    unconfirmed.delete(protocol);
    if (unconfirmed.size === 0) this.#nextAt = undefined;
  }

  #sendMap(
    dialect: Dialect,
    protocol: MappedProtocol,
    suggestedPort: number,
    lifetime = LEASE / 1_000,
  ): void {
    const { client, nonce, port: internalPort } = this.#target;
    const request = { protocol, internalPort, suggestedPort, lifetime };
    this.#send(dialect === "pcp" ? encodePcpMap({ ...request, client, nonce }) : encodeNatPmpMap(request));
  }

  #send(data: Uint8Array): void {
    this.#commands.push({ type: "datagram", to: this.#server, data });
  }
}
