// The transport socket's address as the DHT's nodes see it: asked of them when somebody needs it, and told when it
// has become another one.
import type { Clock } from "#ports/clock.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import { NatProbe, type NatView } from "#protocol/reach/nat-probe.ts";

/** What was seen of the NAT is believed for so long: a binding without traffic may last no longer. */
const FRESH_MS = 15_000;

export interface PublicAddressOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** From the transport socket. */
  readonly sendDatagram: (to: Endpoint, data: Uint8Array) => void;
  /** undefined: nobody can tell where others would reach us. */
  readonly observed: (endpoint: Endpoint | undefined) => void;
  /** Deadlines have changed. */
  readonly due: () => void;
}

export class PublicAddress {
  readonly #options: PublicAddressOptions;
  readonly #probe: NatProbe;
  #observed: string | undefined;

  constructor(options: PublicAddressOptions) {
    this.#options = options;
    const { entropy, clock } = options;
    this.#probe = new NatProbe({
      randomTid: () => new DataView(entropy.bytes(2).buffer).getUint16(0),
      now: clock.now(),
    });
  }

  get view(): NatView {
    return this.#probe.view;
  }

  /** Of the DHT, that can be asked. */
  get nodes(): number {
    return this.#probe.nodes;
  }

  /** They are being asked. */
  get asking(): boolean {
    return this.#probe.running;
  }

  handleNodes(nodes: readonly Endpoint[]): void {
    this.#probe.handleNodes(nodes);
  }

  /** Unless it was seen just now. */
  ask(): void {
    const now = this.#options.clock.now();
    if (now - this.#probe.view.at < FRESH_MS) return;
    this.#probe.start(now);
    this.#sendPings();
    this.#options.due();
  }

  handleNetworkChanged(): void {
    this.#probe.handleNetworkChanged(this.#options.clock.now());
    this.#sendPings();
    this.#tellObserved();
  }

  handleDatagram(data: Uint8Array, from: Endpoint): void {
    this.#probe.handleDatagram(data, from, this.#options.clock.now());
  }

  pollTimeout(): number | undefined {
    return this.#probe.pollTimeout();
  }

  handleTimeout(now: number): void {
    if ((this.#probe.pollTimeout() ?? Infinity) <= now) this.#probe.handleTimeout(now);
  }

  /** Sends and tells what is due. False: the nodes are still being asked. */
  settle(): boolean {
    this.#sendPings();
    if (this.#probe.running) return false;
    this.#tellObserved();
    return true;
  }

  #sendPings(): void {
    for (let ping; (ping = this.#probe.nextDatagram());) this.#options.sendDatagram(ping.to, ping.data);
  }

  #tellObserved(): void {
    const { mapping, endpoint } = this.#probe.view;
    const observed = mapping === "same" ? endpoint : undefined;
    const text = observed && `${observed.address} ${observed.port}`;
    if (text === this.#observed) return;
    this.#observed = text;
    this.#options.observed(observed);
  }
}
