import type { VifId } from "#protocol/forwarding/route-table.ts";
import { EXIT_WIRE } from "#protocol/forwarding/route-table.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import { MEMBERSHIP } from "#protocol/session/membership-topic.ts";
import { NETWORK } from "#protocol/session/network-topic.ts";
import { SoftStateReceiver } from "#protocol/session/soft-state-receiver.ts";
import { SoftStateSender } from "#protocol/session/soft-state-sender.ts";
import type { Address } from "#wire/address.ts";
import type { ControlMessage } from "#wire/control.ts";
import { networkKey, type NetworkEntry } from "#wire/control-network.ts";
import type { Core } from "./core.ts";
import { PeerServices } from "./discovery/peer-services.ts";
import type { Timed } from "./scheduler.ts";

export interface PeerSoftStateOptions {
  readonly core: Core;
  readonly vif: VifId;
  readonly incarnation: number;
  /** Is the peer's traffic carried? Before that its memberships wait here. */
  readonly forwarding: () => boolean;
  readonly send: (message: ControlMessage, now: number) => void;
  /** The far end's network table has changed under these keys. */
  readonly networkChanged: (keys: ReadonlySet<string>) => void;
}

/** What both ends of a session keep telling each other: memberships, the network's table, services. */
export class PeerSoftState implements Timed {
  readonly services: PeerServices;
  readonly #options: PeerSoftStateOptions;
  readonly #wants: SoftStateSender<SourceFilter>;
  readonly #listeners = new SoftStateReceiver<SourceFilter>(MEMBERSHIP);
  readonly #tableOut: SoftStateSender<NetworkEntry>;
  readonly #tableIn = new SoftStateReceiver<NetworkEntry>(NETWORK);

  constructor(options: PeerSoftStateOptions) {
    this.#options = options;
    this.#wants = new SoftStateSender(MEMBERSHIP, options.incarnation);
    this.#tableOut = new SoftStateSender(NETWORK, options.incarnation);
    this.services = new PeerServices(options.incarnation);
  }

  /** The far end's table of its network, by networkKey. */
  get networkTable(): ReadonlyMap<string, NetworkEntry> {
    return this.#tableIn.entries;
  }

  /** Replaces what the far end is told about the network. */
  tell(entries: readonly NetworkEntry[]): void {
    this.#tableOut.replace(new Map(entries.map((entry) => [networkKey(entry), entry])));
  }

  /** What we want of the far end. False: too many groups. */
  want(group: Address, filter: SourceFilter | undefined): boolean {
    return this.#wants.set(group, filter);
  }

  /** The peer's traffic is carried from now on: so is what it has asked for already. */
  handleAdmitted(): void {
    for (const group of this.#listeners.entries.keys()) this.#applyListener(group);
  }

  pollTimeout(): number | undefined {
    let earliest = Infinity;
    for (const machine of this.#machines()) earliest = Math.min(earliest, machine.pollTimeout() ?? Infinity);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    for (const machine of this.#machines()) machine.handleTimeout(now);
  }

  /** Passes on what the far end has said, and sends what there is to say. */
  exchange(now: number): void {
    const { send, networkChanged } = this.#options;
    this.#applyListeners();
    const changed = this.#tableIn.takeChanged();
    if (changed.size > 0) networkChanged(changed);
    for (const sender of [this.#wants, this.#tableOut]) {
      sender.flush(now);
      for (let message; (message = sender.nextMessage());) send(message, now);
    }
    for (const receiver of [this.#listeners, this.#tableIn])
      for (let ack; (ack = receiver.nextMessage());) send(ack, now);
    for (const message of this.services.toSend(now)) send(message, now);
  }

  handleReady(now: number): void {
    for (const sender of [this.#wants, this.#tableOut, this.services]) sender.handleReady(now);
    for (const receiver of [this.#listeners, this.#tableIn]) receiver.handleReady();
  }

  handleLost(): void {
    for (const sender of [this.#wants, this.#tableOut, this.services]) sender.handleLost();
    for (const receiver of [this.#listeners, this.#tableIn]) receiver.clear();
    this.#applyListeners(); // nothing is sent to where nobody is
    this.#tableIn.takeChanged();
  }

  handleRtt(ms: number): void {
    for (const sender of [this.#wants, this.#tableOut, this.services]) sender.handleRtt(ms);
  }

  handleMessage(message: ControlMessage, now: number): void {
    this.services.handle(message, now);
    switch (message.type) {
      case "state-snapshot":
        this.#listeners.handleSnapshot(message, now);
        this.#tableIn.handleSnapshot(message, now);
        break;
      case "state-delta":
        this.#listeners.handleDelta(message, now);
        this.#tableIn.handleDelta(message, now);
        break;
      case "state-ack":
        this.#wants.handleAck(message, now);
        this.#tableOut.handleAck(message, now);
    }
  }

  #machines(): readonly Timed[] {
    return [this.#wants, this.#listeners, this.#tableOut, this.#tableIn, this.services];
  }

  #applyListeners(): void {
    const changed = this.#listeners.takeChanged();
    if (!this.#options.forwarding()) return;
    for (const group of changed) this.#applyListener(group);
  }

  #applyListener(group: Address): void {
    const { core, vif } = this.#options;
    core.listeners(vif, EXIT_WIRE, group, this.#listeners.entries.get(group));
  }
}
