// The parts of the fast path, put together, and what each command does to them.
import type { Endpoint } from "#ports/endpoint.ts";
import type { FastPathCommand, FastPathEvent, VifDevice } from "#ports/fast-path.ts";
import { KIND_CONTROL, KIND_KEEPALIVE } from "#wire/frame.ts";
import { RELAY_ARENA_BYTES } from "./amt/relay-factory.ts";
import { handleRelayCommand } from "./amt/relay-commands.ts";
import { AmtGatewayIngress } from "./amt/gateway-ingress.ts";
import { Arena, SLOT_BYTES } from "./arena.ts";
import type { ArenaMemory } from "./arena.ts";
import { Cipher } from "./cipher.ts";
import type { Counters } from "./counters.ts";
import type { FlowMemory } from "./flow-memory.ts";
import { Forwarder } from "./forwarder.ts";
import type { Ingress } from "./ingress.ts";
import { FrameIntake } from "./frame-intake.ts";
import { InnerFrames } from "./inner-frames.ts";
import { KeyRing } from "./key-ring.ts";
import { LanMemory } from "./lan-memory.ts";
import { SOCKADDR_IN6 } from "./peer.ts";
import type { Peer } from "./peer.ts";
import { PeerExit } from "./peer-exit.ts";
import { PeerSender } from "./peer-sender.ts";
import { PrefixSet } from "./prefixes.ts";
import { REASSEMBLY_SLOTS, Reassembly } from "./reassembly.ts";
import { ReceiveRing, SLOTS } from "./receive-ring.ts";
import { Segmenter } from "./segmenter.ts";
import { SequenceCounter } from "./sequence-counter.ts";
import { SlowPathPackets } from "./slow-path-packets.ts";
import { Stream } from "./stream.ts";
import { StreamSender } from "./stream-sender.ts";
import { STREAM_MEMORY, Streams } from "./streams.ts";
import { UdpIngress } from "./udp-ingress.ts";
import { UdpSender } from "./udp-sender.ts";
import { VifFactory } from "./vif-factory.ts";
import { MAX_VIFS } from "#protocol/forwarding/route-table.ts";

/** What the engine needs of memory; pages that are never used cost nothing. */
export const ARENA_BYTES =
  (SLOTS + REASSEMBLY_SLOTS + 1) * SLOT_BYTES + STREAM_MEMORY + RELAY_ARENA_BYTES + 3 * 1024 * 1024;

export class Engine {
  /** Changes with the transport socket, vifs and streams: the loop looks at `ingressesChanged`. */
  readonly ingresses: Ingress[] = [];
  ingressesChanged = true;
  readonly #counters: Counters;
  readonly #cipher: Cipher;
  readonly #keys: KeyRing;
  readonly #udp: UdpSender;
  readonly #sender: PeerSender;
  readonly #intake: FrameIntake;
  readonly streams: Streams;
  readonly #segmenter: Segmenter;
  readonly #reassembly: Reassembly;
  readonly #forwarder: Forwarder;
  readonly #inner: InnerFrames;
  readonly #factory: VifFactory;
  readonly #sequence = new SequenceCounter();
  readonly #emit: (event: FastPathEvent) => void;
  readonly #udpRing: ReceiveRing;
  readonly #slowPath: SlowPathPackets;

  constructor(
    memory: ArenaMemory,
    counters: Counters,
    flowMemory: FlowMemory,
    emit: (event: FastPathEvent) => void,
  ) {
    const arena = new Arena(memory);
    this.#counters = counters;
    this.#emit = emit;
    this.#cipher = new Cipher(arena);
    this.#keys = new KeyRing(this.#cipher);
    const slots = arena.reserve(SLOTS * SLOT_BYTES);
    this.#udpRing = new ReceiveRing(arena, slots, 0, SOCKADDR_IN6);
    const slowPathSlot = arena.reserve(SLOT_BYTES);
    this.#udp = new UdpSender(arena, counters, emit);
    const streamSender = new StreamSender(arena);
    this.#sender = new PeerSender(this.#udp, streamSender);
    this.#segmenter = new Segmenter(arena);
    this.#reassembly = new Reassembly(arena, counters, (now) => this.#forwarder.flush(now));
    const lanMemory = new LanMemory(arena);
    this.#forwarder = new Forwarder({
      arena,
      counters,
      flowMemory,
      lanMemory,
      sender: this.#sender,
      sequence: this.#sequence,
      emit,
      afterFlush: () => {
        this.#segmenter.release();
        this.#reassembly.release();
      },
    });
    this.#slowPath = new SlowPathPackets({
      arena,
      slot: slowPathSlot,
      forwarder: this.#forwarder,
      sender: this.#sender,
      sequence: this.#sequence,
    });
    this.#inner = new InnerFrames(arena, counters, this.#forwarder, this.#reassembly, emit);
    const intakeParts = { arena, cipher: this.#cipher, keys: this.#keys, inner: this.#inner, counters, emit };
    this.#intake = new FrameIntake(intakeParts);
    this.streams = new Streams({
      arena,
      counters,
      forwarder: this.#forwarder,
      intake: new FrameIntake(intakeParts), // what comes in streams has a rate of its own
      slots,
      sender: streamSender,
      vifs: this.#forwarder.vifs,
      emit,
      opened: (ingress) => this.#addIngress(ingress),
      ended: (ingress) => this.#dropIngress(ingress),
    });
    this.#factory = new VifFactory({
      arena,
      counters,
      cipher: this.#cipher,
      sender: this.#sender,
      forwarder: this.#forwarder,
      segmenter: this.#segmenter,
      lanMemory,
      emit,
      slots,
    });
  }

  /** Between bursts. Throws where the command breaks the contract of ports/fast-path.ts. "stop" is the loop's. */
  handle(command: FastPathCommand, now: number): void {
    switch (command.type) {
      case "udp":
        this.#setUdp(command.fd);
        return;
      case "origin":
        this.#sequence.start(command.origin, command.epoch);
        return;
      case "vif-add":
        this.#addVif(command.vif, command.device);
        return;
      case "vif-remove":
        this.#removeVif(command.vif);
        this.#emit({ type: "vif-removed", vif: command.vif });
        return;
      case "routes":
        this.#forwarder.setTable(command);
        return;
      case "raise-ttl":
        this.#forwarder.setRaised(command.groups);
        return;
      case "lan-rules":
        this.#forwarder.setLanRules(command.vif, command.rules, now);
        return;
      case "unicast-routes":
        this.#forwarder.setUnicast(command.routes);
        return;
      case "peer-keys":
        this.#withPeer(command.vif, (peer) => this.#keys.install(peer, command.keys, command.confirmed));
        return;
      case "peer-keys-clear":
        this.#withPeer(command.vif, (peer) => this.#keys.clear(peer));
        return;
      case "peer-sources":
        this.#setSources(command.vif, new PrefixSet(command.sources));
        return;
      case "peer-endpoint":
        this.#setEndpoint(command.vif, command.endpoint);
        return;
      case "datagram-send":
        this.#udp.sendNow(command.to, command.data);
        return;
      case "stream-add":
      case "stream-remove":
      case "stream-send":
        this.streams.handle(command, now);
        return;
      case "peer-datagram-limit":
        this.#withPeer(command.vif, (peer) => peer.limitDatagrams(command.bytes, command.settled));
        return;
      case "peer-rate":
        this.#setRates(command.vif, command.maximum, command.multicast, now);
        return;
      case "send-control":
        this.#slowPath.sendMessage(command.vif, KIND_CONTROL, command.message, now);
        return;
      case "send-probe":
        this.#withPeer(command.vif, (peer) => {
          peer.probing = true;
          this.#slowPath.sendMessage(command.vif, KIND_CONTROL, command.message, now, true);
          peer.probing = false;
        });
        return;
      case "send-keepalive":
        this.#slowPath.sendMessage(command.vif, KIND_KEEPALIVE, new Uint8Array(0), now);
        return;
      case "inject":
        this.#slowPath.inject(command.vif, command.packet);
        return;
      case "packet-in":
        this.#slowPath.packetIn(command.vif, command.packet, now);
        return;
      case "send-beacon":
        this.#slowPath.sendBeacon(command.vif, command.payload);
        return;
      case "amt-gateway-set":
      case "amt-gateway-gone":
      case "amt-gateway-rate":
      case "amt-fan-out":
        handleRelayCommand(this.#forwarder.vifs.get(command.vif), command);
        return;
      case "amt-relay":
        this.#amtGateway(command.vif)?.setRelay(command.relay);
        return;
      case "amt-joined":
        this.#amtGateway(command.vif)?.setJoined(command.streams);
        return;
      case "stop":
        return;
    }
  }

  /** The descriptor has failed: it is looked at no more. The vif stays until the slow path removes it. */
  ingressFailed(ingress: Ingress, errno: number): void {
    this.#dropIngress(ingress);
    if (ingress instanceof Stream) this.streams.failed(ingress, errno);
    if (ingress.vif) this.#emit({ type: "vif-failed", vif: ingress.vif.id, errno });
  }

  /** Forgets all keys. */
  close(): void {
    for (const vif of this.#forwarder.vifs.values()) if (vif.peer) this.#keys.clear(vif.peer);
  }

  #setUdp(fd: number): void {
    const old = this.ingresses.find((ingress) => ingress instanceof UdpIngress);
    if (old) this.#dropIngress(old);
    this.#udp.fd = fd;
    this.ingresses.unshift(
      new UdpIngress(fd, {
        ring: this.#udpRing,
        intake: this.#intake,
        forwarder: this.#forwarder,
        counters: this.#counters,
      }),
    );
    this.ingressesChanged = true;
  }

  #addVif(id: number, device: VifDevice): void {
    if (!Number.isInteger(id) || id < 0 || id >= MAX_VIFS) throw new RangeError(`no vif number: ${id}`);
    this.#removeVif(id);
    this.#counters.clear(id);
    const { vif, ingresses } = this.#factory.make(id, device);
    this.#forwarder.addVif(vif);
    for (const ingress of ingresses) this.#addIngress(ingress);
  }

  #addIngress(ingress: Ingress): void {
    this.ingresses.push(ingress);
    this.ingressesChanged = true;
  }

  #removeVif(id: number): void {
    const vif = this.#forwarder.vifs.get(id);
    if (!vif) return;
    if (vif.peer) {
      this.#keys.clear(vif.peer);
      this.#reassembly.forget(id);
    }
    for (const ingress of this.ingresses.filter((candidate) => candidate.vif === vif))
      this.#dropIngress(ingress);
    this.#forwarder.removeVif(id);
  }

  #dropIngress(ingress: Ingress): void {
    const at = this.ingresses.indexOf(ingress);
    if (at >= 0) this.ingresses.splice(at, 1);
    this.ingressesChanged = true;
  }

  #amtGateway(id: number): AmtGatewayIngress | undefined {
    const ingress = this.ingresses.find((candidate) => candidate.vif?.id === id);
    return ingress instanceof AmtGatewayIngress ? ingress : undefined;
  }

  /** A vif may have gone before the command came: that is no error. */
  #withPeer(id: number, action: (peer: Peer) => void): void {
    const peer = this.#forwarder.vifs.get(id)?.peer;
    if (peer) action(peer);
  }

  #setEndpoint(id: number, endpoint: Endpoint): void {
    const stream = endpoint.stream === undefined ? undefined : this.streams.get(endpoint.stream);
    this.#withPeer(id, (peer) => peer.setEndpoint(endpoint, stream));
  }

  #setRates(id: number, maximum: number | undefined, multicast: number | undefined, now: number): void {
    const exit = this.#forwarder.vifs.get(id)?.wire;
    if (!(exit instanceof PeerExit)) return;
    exit.maximum.set(maximum, now);
    exit.multicastLimit.set(multicast, now);
  }

  #setSources(id: number, sources: PrefixSet): void {
    const vif = this.#forwarder.vifs.get(id);
    if (vif?.peer) vif.sources = sources;
  }
}
