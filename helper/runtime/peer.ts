import { originId } from "#protocol/addressing/network-id.ts";
import type { AddressPrefix } from "#ports/fast-path.ts";
import { EXIT_WIRE, type VifId } from "#protocol/forwarding/route-table.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Accepted } from "#protocol/session/acceptor.ts";
import { MEMBERSHIP } from "#protocol/session/membership-topic.ts";
import { NETWORK } from "#protocol/session/network-topic.ts";
import { Session } from "#protocol/session/session.ts";
import type { SessionEvent, SessionOptions, SessionTraffic } from "#protocol/session/session-types.ts";
import { SoftStateReceiver } from "#protocol/session/soft-state-receiver.ts";
import { SoftStateSender } from "#protocol/session/soft-state-sender.ts";
import type { Address } from "#wire/address.ts";
import type { CloseReason, ControlMessage } from "#wire/control.ts";
import { networkKey, type NetworkEntry } from "#wire/control-network.ts";
import type { Core, RuntimeVif } from "./core.ts";
import { PeerServices } from "./discovery/peer-services.ts";
import { Pings } from "./pings.ts";
import type { Timed } from "./scheduler.ts";
import { StreamCalls } from "./streams/stream-calls.ts";
import type { SessionOwner, Transport } from "./transport.ts";

/** What the network that a peer belongs to is told about it. */
export interface PeerNetwork {
  /** Everything but control messages, which end in the peer's own machines. */
  peerEvent(peer: Peer, event: Exclude<SessionEvent, { type: "control" }>): void;
  /** The far end's network table has changed under these keys. */
  networkChanged(peer: Peer, keys: ReadonlySet<string>): void;
}

export interface PeerOptions {
  readonly name: string;
  readonly network: PeerNetwork;
  /** May the peer pass on what others sent? The host of a network does. */
  readonly forwardsForOthers: boolean;
  readonly session: Omit<SessionOptions, "takeIndex" | "releaseIndex" | "entropy" | "clock">;
  /** What the fast path counted for the vif. */
  readonly traffic: (vif: VifId) => SessionTraffic;
  /** Bits a second that were set for the member; undefined: no limit. */
  readonly maximum?: number | undefined;
}

/** The far end of a session as a vif: its handshakes, what it wants, and what we want of it. */
export class Peer implements RuntimeVif, SessionOwner, Timed {
  readonly id: VifId;
  /** Changes when a joiner becomes a member. */
  name: string;
  readonly publicKey: Uint8Array;
  readonly session: Session;
  readonly #core: Core;
  readonly #options: PeerOptions;
  readonly #transport: Transport;
  readonly #wants: SoftStateSender<SourceFilter>;
  readonly #listeners = new SoftStateReceiver<SourceFilter>(MEMBERSHIP);
  readonly #tableOut: SoftStateSender<NetworkEntry>;
  readonly #tableIn = new SoftStateReceiver<NetworkEntry>(NETWORK);
  readonly #pings = new Pings();
  readonly services: PeerServices;
  #maximum: number | undefined;
  #multicastLimit: number | undefined;
  readonly #streamCalls: StreamCalls;
  #forwarding = false;
  #sources = "";
  #closed = false;

  constructor(core: Core, transport: Transport, id: VifId, options: PeerOptions) {
    this.#core = core;
    this.#transport = transport;
    this.#options = options;
    this.id = id;
    this.name = options.name;
    this.publicKey = options.session.remoteStatic;
    const incarnation = options.session.hello.incarnation;
    this.#wants = new SoftStateSender(MEMBERSHIP, incarnation);
    this.#tableOut = new SoftStateSender(NETWORK, incarnation);
    this.services = new PeerServices(incarnation);
    this.session = new Session({
      ...options.session,
      entropy: core.entropy,
      clock: transport.handshakeClock,
      takeIndex: () => transport.indices.take(this),
      releaseIndex: (index) => transport.indices.release(index),
    });
    this.#streamCalls = new StreamCalls(transport, core, this.session);
    core.fastPath.send({
      type: "vif-add",
      vif: id,
      device: {
        kind: "peer",
        onlyOrigin: options.forwardsForOthers ? 0 : originId(this.publicKey),
        sources: [],
      },
    });
    core.vifs.set(id, this);
    core.scheduler.add(this);
    this.setMaximum(options.maximum);
  }

  /** Bits a second that were set for the member; undefined: no limit. */
  get maximum(): number | undefined {
    return this.#maximum;
  }

  setMaximum(rate: number | undefined): void {
    if (rate === this.#maximum) return;
    this.#maximum = rate;
    this.#setRates();
    this.#core.changed();
  }

  /** The far end's table of its network, by networkKey. */
  get networkTable(): ReadonlyMap<string, NetworkEntry> {
    return this.#tableIn.entries;
  }

  get forwarding(): boolean {
    return this.#forwarding;
  }

  /** From now on packets of the peer are carried on, and packets to it. */
  admit(network: string, hostOfNetwork: boolean, sources: readonly AddressPrefix[]): void {
    const key = JSON.stringify(sources);
    if (key !== this.#sources) this.#core.fastPath.send({ type: "peer-sources", vif: this.id, sources });
    this.#sources = key;
    if (this.#forwarding) return;
    this.#forwarding = true;
    this.#core.addVif(this, { kind: "peer", network, hostOfNetwork, upstream: true });
    for (const [group, filter] of this.#listeners.entries)
      this.#core.listeners(this.id, EXIT_WIRE, group, filter);
  }

  /** Replaces what the far end is told about the network. */
  tell(entries: readonly NetworkEntry[]): void {
    this.#tableOut.replace(new Map(entries.map((entry) => [networkKey(entry), entry])));
  }

  accepted(accepted: Accepted, now: number): void {
    this.session.handleAccepted(accepted, now);
  }

  /** Says goodbye where a session is up, and forgets the peer. */
  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pings.close();
    this.session.close(reason, this.#core.clock.now());
    this.#drain();
    this.#core.scheduler.remove(this);
    this.#core.removeVif(this.id);
  }

  /** The round trip time of one ping, ms; undefined: no answer in time. Throws TooManyPings. */
  async ping(timeoutMs: number): Promise<number | undefined> {
    this.#pings.checkRoom();
    const stamp = this.session.probe(this.#core.clock.now());
    if (stamp === undefined) return undefined;
    const answer = this.#pings.wait(stamp, timeoutMs);
    this.#core.turn(); // sends it
    return answer;
  }

  upstreamWants(group: Address, filter: SourceFilter | undefined): void {
    if (!this.#wants.set(group, filter))
      this.#core.log.write("warn", "too many groups for one member", { peer: this.name, group });
  }

  control(message: Uint8Array, now: number): void {
    this.session.handleControl(message, now, this.#options.traffic(this.id));
    this.flush();
  }

  /** The fast path forwards something to the peer again. */
  active(now: number): void {
    this.session.handleActive(now, this.#options.traffic(this.id));
  }

  pollTimeout(): number | undefined {
    let earliest = Infinity;
    for (const machine of [
      this.session,
      this.#wants,
      this.#listeners,
      this.#tableOut,
      this.#tableIn,
      this.services,
    ])
      earliest = Math.min(earliest, machine.pollTimeout() ?? Infinity);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    this.session.handleTimeout(now, this.#options.traffic(this.id));
    for (const machine of [this.#wants, this.#listeners, this.#tableOut, this.#tableIn, this.services])
      machine.handleTimeout(now);
  }

  flush(): void {
    if (this.#closed) return;
    // An event may give the senders something to say, and what they say may be the session's next command.
    do this.#exchange();
    while (this.#drain() && !this.#closed);
  }

  membershipPacket(): void {} // IGMP and MLD end at the vif they came in by; no peer carries them
  failed(): void {}

  #exchange(): void {
    const now = this.#core.clock.now();
    this.#applyListeners();
    const changed = this.#tableIn.takeChanged();
    if (changed.size > 0) this.#options.network.networkChanged(this, changed);
    for (const sender of [this.#wants, this.#tableOut]) {
      sender.flush(now);
      for (let message; (message = sender.nextMessage());) this.session.sendControl(message, now);
    }
    for (const receiver of [this.#listeners, this.#tableIn])
      for (let ack; (ack = receiver.nextMessage());) this.session.sendControl(ack, now);
    for (const message of this.services.toSend(now)) this.session.sendControl(message, now);
  }

  #applyListeners(): void {
    const changed = this.#listeners.takeChanged();
    if (!this.#forwarding) return;
    for (const group of changed)
      this.#core.listeners(this.id, EXIT_WIRE, group, this.#listeners.entries.get(group));
  }

  /** Was there anything to carry out? */
  #drain(): boolean {
    let any = false;
    for (let command; (command = this.session.nextCommand()); any = true) {
      switch (command.type) {
        case "send-datagram":
          this.#transport.sendInOrder(command.to, command.data);
          break;
        case "set-endpoint":
          this.#core.fastPath.send({ type: "peer-endpoint", vif: this.id, endpoint: command.endpoint });
          break;
        case "open-stream":
          this.#streamCalls.open(command.call, command.target);
          break;
        case "abandon-stream":
          this.#streamCalls.abandon(command.call);
          break;
        case "close-stream":
          this.#transport.closeStream(command.stream);
          break;
        case "install-keys": {
          const { keys, confirmed } = command;
          this.#core.fastPath.send({ type: "peer-keys", vif: this.id, keys, confirmed });
          break;
        }
        case "clear-keys":
          this.#core.fastPath.send({ type: "peer-keys-clear", vif: this.id });
          break;
        case "send-control":
          this.#core.fastPath.send({ type: "send-control", vif: this.id, message: command.message });
          break;
        case "send-probe":
          this.#core.fastPath.send({ type: "send-probe", vif: this.id, message: command.message });
          break;
        case "datagram-limit":
          this.#core.fastPath.send({ ...command, type: "peer-datagram-limit", vif: this.id });
          this.#core.changed();
          break;
        case "multicast-limit":
          this.#limitMulticast(command.rate);
          break;
        case "send-keepalive":
          this.#core.fastPath.send({ type: "send-keepalive", vif: this.id });
          break;
        case "event":
          this.#event(command.event);
      }
    }
    return any;
  }

  #limitMulticast(rate: number | undefined): void {
    const before = this.#multicastLimit;
    this.#multicastLimit = rate;
    if (rate === before) return;
    this.#setRates();
    this.#core.changed();
    const { breaker } = this.session.path;
    const fields = { peer: this.name, loss: Math.round((breaker.loss ?? 0) * 100) / 100 };
    if (before === undefined)
      this.#core.log.write("warn", "circuit breaker: the path loses too much, multicast is limited", {
        ...fields,
        rate: Math.round(rate!),
      });
    else if (rate === 0) this.#core.log.write("warn", "circuit breaker: multicast is held back", fields);
    else if (rate === undefined) this.#core.log.write("info", "circuit breaker: no limit any more", fields);
  }

  #setRates(): void {
    this.#core.fastPath.send({
      type: "peer-rate",
      vif: this.id,
      maximum: this.#maximum,
      multicast: this.#multicastLimit,
    });
  }

  #event(event: SessionEvent): void {
    const now = this.#core.clock.now();
    this.#core.changed();
    switch (event.type) {
      case "control":
        return this.#softState(event.message, now);
      case "ready":
        for (const sender of [this.#wants, this.#tableOut, this.services]) sender.handleReady(now);
        for (const receiver of [this.#listeners, this.#tableIn]) receiver.handleReady();
        break;
      case "lost":
        for (const sender of [this.#wants, this.#tableOut, this.services]) sender.handleLost();
        for (const receiver of [this.#listeners, this.#tableIn]) receiver.clear();
        this.#applyListeners(); // nothing is sent to where nobody is
        this.#tableIn.takeChanged();
        break;
      case "rtt":
        this.#pings.answered(event.stamp, event.ms);
        for (const sender of [this.#wants, this.#tableOut, this.services]) sender.handleRtt(event.ms);
    }
    this.#options.network.peerEvent(this, event);
  }

  #softState(message: ControlMessage, now: number): void {
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
}
