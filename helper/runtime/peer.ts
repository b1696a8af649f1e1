import { originId } from "#protocol/addressing/network-id.ts";
import type { AddressPrefix } from "#ports/fast-path.ts";
import type { VifId } from "#protocol/forwarding/route-table.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Accepted } from "#protocol/session/acceptor.ts";
import { Session } from "#protocol/session/session.ts";
import type { SessionEvent, SessionOptions, SessionTraffic } from "#protocol/session/session-types.ts";
import type { Address } from "#wire/address.ts";
import type { CloseReason } from "#wire/control.ts";
import type { NetworkEntry } from "#wire/control-network.ts";
import type { Core, RuntimeVif } from "./core.ts";
import type { PeerServices } from "./discovery/peer-services.ts";
import { PeerSoftState } from "./peer-soft-state.ts";
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
  readonly #state: PeerSoftState;
  readonly #pings = new Pings();
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
    this.session = new Session({
      ...options.session,
      entropy: core.entropy,
      clock: transport.handshakeClock,
      takeIndex: () => transport.indices.take(this),
      releaseIndex: (index) => transport.indices.release(index),
    });
    this.#state = new PeerSoftState({
      core,
      vif: id,
      incarnation: options.session.hello.incarnation,
      forwarding: () => this.#forwarding,
      send: (message, now) => this.session.sendControl(message, now),
      networkChanged: (keys) => options.network.networkChanged(this, keys),
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
    return this.#state.networkTable;
  }

  get services(): PeerServices {
    return this.#state.services;
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
    this.#state.handleAdmitted();
  }

  /** Replaces what the far end is told about the network. */
  tell(entries: readonly NetworkEntry[]): void {
    this.#state.tell(entries);
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
    if (!this.#state.want(group, filter))
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
    const earliest = Math.min(this.session.pollTimeout() ?? Infinity, this.#state.pollTimeout() ?? Infinity);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    this.session.handleTimeout(now, this.#options.traffic(this.id));
    this.#state.handleTimeout(now);
  }

  flush(): void {
    if (this.#closed) return;
    // An event may give the senders something to say, and what they say may be the session's next command.
    do this.#state.exchange(this.#core.clock.now());
    while (this.#drain() && !this.#closed);
  }

  membershipPacket(): void {} // IGMP and MLD end at the vif they came in by; no peer carries them
  failed(): void {}

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
        return this.#state.handleMessage(event.message, now);
      case "ready":
        this.#state.handleReady(now);
        break;
      case "lost":
        this.#state.handleLost();
        break;
      case "rtt":
        this.#pings.answered(event.stamp, event.ms);
        this.#state.handleRtt(event.ms);
    }
    this.#options.network.peerEvent(this, event);
  }
}
