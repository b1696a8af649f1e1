import type { Entropy } from "#ports/entropy.ts";
import { type Endpoint, sameEndpoint } from "#ports/endpoint.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import { isForwardableSource } from "#protocol/forwarding/scope.ts";
import { type Address, type Family, family } from "#wire/address.ts";
import { AMT_PORT, type AmtMessage, decodeAmt, encodeAmt } from "#wire/amt.ts";
import { DecodeError } from "#wire/cursor.ts";
import { answerWaitMs } from "./backoff.ts";
import { type CycleOutcome, GatewayCycle, type QueryDrop } from "./gateway-cycle.ts";

/** Where a relay is found: itself, or (`discover`) somebody who names one, as the anycast address does. */
export interface RelayCandidate {
  readonly address: Address;
  readonly discover: boolean;
}

export type GatewayCommand =
  | { readonly type: "send"; readonly to: Endpoint; readonly datagram: Uint8Array }
  /** Data may come from there alone; undefined: from nowhere. */
  | { readonly type: "relay"; readonly relay: Endpoint | undefined }
  /** None of the candidates gave a relay: they are tried again later, others are welcome. */
  | { readonly type: "exhausted" };

/** Why a datagram was dropped. */
export type GatewayDrop =
  | "malformed"
  | "not-from-relay"
  | "unexpected" // a message that is none of a relay's
  | QueryDrop;

export type GatewayState = "idle" | "discovering" | "requesting" | "active";

const DISCOVERY_TRIES = 3;
/** All candidates failed: the first pause, doubled each time. */
const FIRST_PAUSE_MS = 5_000;
const LAST_PAUSE_MS = 300_000;

/**
 * The gateway's end of one AMT tunnel (RFC 7450 section 5.2): finds a relay among its candidates, asks it for what is
 * wanted, and looks for another one when it is gone or full. Multicast data is the fast path's; it does not come here.
 */
export class AmtGateway {
  readonly #entropy: Entropy;
  readonly #cycles: Readonly<Record<Family, GatewayCycle>>;
  readonly #commands: GatewayCommand[] = [];
  readonly drops = new Map<GatewayDrop, number>();
  #candidates: readonly RelayCandidate[];
  /** Index of the candidate in use or in question. */
  #at = 0;
  #discovery: { readonly nonce: number; tries: number; answerBy: number } | undefined;
  #relay: Endpoint | undefined;
  #resumeAt: number | undefined;
  #rounds = 0;
  readonly #full = new Set<Address>();

  constructor(candidates: readonly RelayCandidate[], entropy: Entropy) {
    this.#entropy = entropy;
    this.#candidates = candidates;
    this.#cycles = { 4: new GatewayCycle(4, entropy), 6: new GatewayCycle(6, entropy) };
  }

  get state(): GatewayState {
    if (this.#relay) return this.#cycles[4].active || this.#cycles[6].active ? "active" : "requesting";
    return this.#discovery ? "discovering" : "idle";
  }

  get relay(): Endpoint | undefined {
    return this.#relay;
  }

  /** The candidate that gave the relay, or is asked for one. */
  get candidate(): RelayCandidate | undefined {
    return this.#relay || this.#discovery ? this.#candidates[this.#at] : undefined;
  }

  /** When the candidates are tried again, all of which have failed; undefined: they have not. */
  get resumesAt(): number | undefined {
    return this.#resumeAt;
  }

  /** Relays that took no new gateway (L) since the candidates were tried from the first one on, and none took us. */
  get full(): readonly Address[] {
    return [...this.#full];
  }

  /** A Discovery went unanswered, and is repeated. */
  get isAskedInVain(): boolean {
    return (this.#discovery?.tries ?? 0) > 1;
  }

  get roundTripMs(): number | undefined {
    return this.#cycles[4].roundTripMs ?? this.#cycles[6].roundTripMs;
  }

  get #wants(): boolean {
    return this.#cycles[4].wanted.size + this.#cycles[6].wanted.size > 0;
  }

  nextCommand(): GatewayCommand | undefined {
    return this.#commands.shift();
  }

  /** Others, in the order of their worth; what is in use stays while it is among them. */
  setCandidates(candidates: readonly RelayCandidate[], now: number): void {
    const current = this.#candidates[this.#at];
    this.#candidates = candidates;
    const kept = candidates.findIndex(
      (one) => one.address === current?.address && one.discover === current.discover,
    );
    if (kept >= 0 && (this.#relay || this.#discovery)) {
      this.#at = kept;
      return;
    }
    this.#leaveRelay();
    this.#begin(0, now);
  }

  /** What is wanted of a group from now on; undefined: nothing. */
  want(group: Address, filter: SourceFilter | undefined, now: number): void {
    this.#cycles[family(group)].want(group, filter, this.#relay !== undefined, now);
    if (this.#wants && !this.#relay && !this.#discovery && this.#resumeAt === undefined) this.#begin(0, now);
    this.#flush();
  }

  /** Addresses or routes have changed: the relay may see us elsewhere now. */
  handleNetworkChange(now: number): void {
    if (this.#resumeAt !== undefined) this.#resumeAt = now;
    for (const cycle of [this.#cycles[4], this.#cycles[6]]) if (this.#relay) cycle.refresh(now);
  }

  /** Data came, and comes no more: the relay is asked whether it is there, and given up sooner than usual. */
  handleSilence(now: number): void {
    for (const cycle of [this.#cycles[4], this.#cycles[6]]) if (cycle.active) cycle.refresh(now, true);
  }

  handleDatagram(datagram: Uint8Array, from: Endpoint, now: number): void {
    let message: AmtMessage;
    try {
      message = decodeAmt(datagram);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#drop("malformed");
      return;
    }
    if (message.kind === "relay-advertisement") this.#advertised(message.nonce, message.relay, from, now);
    else if (message.kind !== "membership-query") this.#drop("unexpected");
    else if (!this.#relay || !sameEndpoint(from, this.#relay)) this.#drop("not-from-relay");
    else {
      // Which of the two asked, the nonce says: an IGMP query may answer a Request for MLD's.
      let cycle = this.#cycles[4];
      let outcome = cycle.handleQuery(message, now);
      if (outcome === "wrong-nonce") {
        cycle = this.#cycles[6];
        outcome = cycle.handleQuery(message, now);
      }
      if (typeof outcome === "string") this.#drop(outcome);
      else this.#handle(cycle, outcome, now);
    }
    this.#flush();
  }

  pollTimeout(): number | undefined {
    const cycles = this.#relay ? [this.#cycles[4].pollTimeout(), this.#cycles[6].pollTimeout()] : [];
    const at = Math.min(this.#discovery?.answerBy ?? Infinity, this.#resumeAt ?? Infinity, ...cycles);
    return at === Infinity ? undefined : at;
  }

  handleTimeout(now: number): void {
    if (this.#resumeAt !== undefined && this.#resumeAt <= now) this.#begin(0, now);
    const discovery = this.#discovery;
    if (discovery && discovery.answerBy <= now) {
      if (discovery.tries < DISCOVERY_TRIES) this.#sendDiscovery(discovery, now);
      else this.#begin(this.#at + 1, now);
    }
    for (const cycle of [this.#cycles[4], this.#cycles[6]])
      if (this.#relay && cycle.pollTimeout() <= now) this.#handle(cycle, cycle.handleTimeout(now), now);
    this.#flush();
  }

  /** Takes leave of the relay. */
  close(): void {
    for (const cycle of [this.#cycles[4], this.#cycles[6]]) cycle.close();
    this.#flush();
    this.#leaveRelay();
    this.#discovery = undefined;
    this.#resumeAt = undefined;
  }

  #handle(cycle: GatewayCycle, outcome: CycleOutcome, now: number): void {
    if (cycle.active) {
      this.#rounds = 0;
      this.#full.clear();
    }
    if (!outcome) return;
    if (this.#cycles[cycle.family === 4 ? 6 : 4].active) {
      cycle.rest(now); // a relay of one family is better than none
      return;
    }
    if (outcome.reason === "full" && this.#relay) this.#full.add(this.#relay.address);
    this.#leaveRelay();
    this.#begin(this.#at + 1, now);
  }

  /** Tries the candidate of this index; behind the last one there is a pause. */
  #begin(index: number, now: number): void {
    this.#discovery = undefined;
    this.#resumeAt = undefined;
    if (index === 0) this.#full.clear();
    if (!this.#wants) return;
    let at = index;
    // Who has just said no is not asked again in the same round, as an address that needs no Discovery either.
    const isRefused = (one?: RelayCandidate): boolean =>
      one !== undefined && !one.discover && this.#full.has(one.address);
    while (isRefused(this.#candidates[at])) at++;
    const candidate = this.#candidates[at];
    if (!candidate) {
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.#rounds++, 6), LAST_PAUSE_MS);
      this.#resumeAt = now + pause * (1 + this.#random() / 2 ** 34);
      this.#commands.push({ type: "exhausted" });
      return;
    }
    this.#at = at;
    if (candidate.discover) {
      this.#discovery = { nonce: this.#random(), tries: 0, answerBy: 0 };
      this.#sendDiscovery(this.#discovery, now);
    } else this.#takeRelay(candidate.address, now);
  }

  #sendDiscovery(discovery: { readonly nonce: number; tries: number; answerBy: number }, now: number): void {
    const { address } = this.#candidates[this.#at]!;
    this.#send({ kind: "relay-discovery", nonce: discovery.nonce }, { address, port: AMT_PORT });
    discovery.answerBy = now + answerWaitMs(discovery.tries++, this.#random() / 2 ** 32);
  }

  #advertised(nonce: number, relay: Address, from: Endpoint, now: number): void {
    const asked = this.#candidates[this.#at];
    // Section 5.2.3.4.5: from where the Discovery went, with its nonce.
    if (!isUnicast(relay)) return this.#drop("malformed");
    if (!this.#discovery || nonce !== this.#discovery.nonce) this.#drop("wrong-nonce");
    else if (!asked || !sameEndpoint(from, { address: asked.address, port: AMT_PORT }))
      this.#drop("not-from-relay");
    else {
      this.#discovery = undefined;
      this.#takeRelay(relay, now);
    }
  }

  #takeRelay(address: Address, now: number): void {
    this.#relay = { address, port: AMT_PORT };
    this.#commands.push({ type: "relay", relay: this.#relay });
    for (const cycle of [this.#cycles[4], this.#cycles[6]]) cycle.start(now);
    this.handleTimeout(now);
  }

  #leaveRelay(): void {
    if (!this.#relay) return;
    this.#relay = undefined;
    this.#commands.push({ type: "relay", relay: undefined });
    for (const cycle of [this.#cycles[4], this.#cycles[6]]) cycle.stop();
  }

  /** What the cycles have to say goes to the relay. */
  #flush(): void {
    for (const cycle of [this.#cycles[4], this.#cycles[6]])
      for (let message; (message = cycle.nextMessage());) if (this.#relay) this.#send(message, this.#relay);
  }

  #send(message: AmtMessage, to: Endpoint): void {
    this.#commands.push({ type: "send", to, datagram: encodeAmt(message) });
  }

  #drop(reason: GatewayDrop): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  #random(): number {
    const { buffer, byteOffset } = this.#entropy.bytes(4);
    return new DataView(buffer, byteOffset).getUint32(0);
  }
}

/** Could another computer have the address: is it neither multicast, unspecified, loopback nor link-local? */
export function isUnicast(address: Address): boolean {
  return isForwardableSource(address, address);
}
