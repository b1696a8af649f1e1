// From what the slow path says of a vif to its exits and, for a device, its ingress.
import type { FastPathEvent, VifDevice } from "#ports/fast-path.ts";
import { MAX_VIFS } from "#protocol/forwarding/route-table.ts";
import { RelayFactory } from "./amt/relay-factory.ts";
import { AmtGatewayIngress } from "./amt/gateway-ingress.ts";
import type { Arena } from "./arena.ts";
import type { Cipher } from "./cipher.ts";
import type { Counters } from "./counters.ts";
import type { Forwarder } from "./forwarder.ts";
import { InFlight } from "./in-flight.ts";
import type { Ingress } from "./ingress.ts";
import { LAN_LINK, LanIngress, SOCKADDR_LL } from "./lan-ingress.ts";
import { LanGate } from "./lan-gate.ts";
import { LanLocalExit } from "./lan-local-exit.ts";
import type { LanMemory } from "./lan-memory.ts";
import { LanWireExit } from "./lan-wire-exit.ts";
import { Peer, SOCKADDR_IN6 } from "./peer.ts";
import { PeerExit } from "./peer-exit.ts";
import { PrefixSet } from "./prefixes.ts";
import { ReceiveRing } from "./receive-ring.ts";
import type { Segmenter } from "./segmenter.ts";
import { SendRing } from "./send-ring.ts";
import { SocketExit } from "./socket-exit.ts";
import { TunExit } from "./tun-exit.ts";
import { TunIngress } from "./tun-ingress.ts";
import type { PeerSender } from "./peer-sender.ts";
import type { Vif } from "./vif.ts";

const ENDPOINT_SPACE = 64;
const FRAGMENT_SCRATCH = 64;

/** Devices with one descriptor, or none. */
type OneDescriptor = Exclude<VifDevice, { kind: "amt-relay" }>;

export interface FactoryParts {
  readonly arena: Arena;
  readonly counters: Counters;
  readonly cipher: Cipher;
  readonly sender: PeerSender;
  readonly forwarder: Forwarder;
  readonly segmenter: Segmenter;
  readonly lanMemory: LanMemory;
  readonly emit: (event: FastPathEvent) => void;
  /** Receive slots: one burst at a time is in them. */
  readonly slots: number;
}

interface Made {
  readonly vif: Vif;
  readonly ingress: Ingress;
}

/** Holds the memory that all vifs of a kind share. */
export class VifFactory {
  readonly #p: FactoryParts;
  readonly #sendRing: SendRing;
  readonly #lanRing: ReceiveRing;
  readonly #relay: RelayFactory;
  readonly #udpRing: ReceiveRing;
  readonly #endpoints: number;
  readonly #tunScratch: number;
  readonly #wireScratch: number;
  readonly #localScratch: number;
  readonly #fragmentScratch: number;

  constructor(parts: FactoryParts) {
    const { arena, slots } = parts;
    this.#p = parts;
    this.#sendRing = new SendRing(arena);
    this.#lanRing = new ReceiveRing(arena, slots, LAN_LINK, SOCKADDR_LL);
    this.#relay = new RelayFactory(parts);
    this.#udpRing = new ReceiveRing(arena, slots, 0, SOCKADDR_IN6);
    this.#endpoints = arena.reserve(MAX_VIFS * ENDPOINT_SPACE);
    this.#tunScratch = arena.reserve(TunExit.SCRATCH_BYTES);
    this.#wireScratch = arena.reserve(LanWireExit.SCRATCH_BYTES);
    this.#localScratch = arena.reserve(LanLocalExit.SCRATCH_BYTES);
    this.#fragmentScratch = arena.reserve(FRAGMENT_SCRATCH);
  }

  make(id: number, device: VifDevice): { vif: Vif; ingresses: readonly Ingress[] } {
    if (device.kind === "amt-relay") return this.#relay.make(id, device);
    const { vif, ingress } = this.#makeOne(id, device);
    return { vif, ingresses: ingress ? [ingress] : [] };
  }

  #makeOne(id: number, device: OneDescriptor): { vif: Vif; ingress: Ingress | undefined } {
    switch (device.kind) {
      case "peer":
        return this.#peer(id, device);
      case "tun":
        return this.#tun(id, device);
      case "lan":
        return this.#lan(id, device);
      case "socket":
        return this.#socket(id, device);
      case "amt-gateway":
        return this.#amtGateway(id, device);
    }
  }

  #peer(id: number, device: Extract<VifDevice, { kind: "peer" }>): { vif: Vif; ingress: undefined } {
    const { arena, cipher, sender, counters, emit } = this.#p;
    const peer = new Peer(id, device, arena, this.#endpoints + id * ENDPOINT_SPACE, counters);
    const wire = new PeerExit(peer, arena, cipher, sender, counters, this.#fragmentScratch, emit);
    const sources = new PrefixSet(device.sources);
    return { vif: { id, kind: "peer", wire, local: undefined, peer, sources }, ingress: undefined };
  }

  #tun(id: number, device: Extract<VifDevice, { kind: "tun" }>): { vif: Vif; ingress: Ingress } {
    const { arena, counters, slots, forwarder, segmenter } = this.#p;
    const local = new TunExit(id, device.fd, arena, counters, this.#tunScratch);
    const vif: Vif = { id, kind: "tun", wire: undefined, local, peer: undefined, sources: undefined };
    const ingress = new TunIngress(vif, device.fd, arena, slots, forwarder, segmenter, counters);
    return { vif, ingress };
  }

  #lan(id: number, device: Extract<VifDevice, { kind: "lan" }>): { vif: Vif; ingress: Ingress } {
    const { arena, counters, forwarder, segmenter, lanMemory, emit } = this.#p;
    const ring = this.#sendRing;
    const gate = new LanGate();
    const wire =
      device.mode === "full"
        ? new LanWireExit(id, device, ring, counters, lanMemory, gate.rate, this.#wireScratch)
        : undefined;
    const toSockets = (alsoWire: boolean): LanLocalExit =>
      new LanLocalExit(id, device, ring, counters, lanMemory, this.#localScratch, alsoWire);
    const local = toSockets(false);
    const both = wire && toSockets(true);
    const vif: Vif = { id, kind: "lan", wire, local, both, gate, peer: undefined, sources: undefined };
    const ingress = new LanIngress(vif, device, arena, this.#lanRing, forwarder, segmenter, counters, emit);
    return { vif, ingress };
  }

  #amtGateway(id: number, device: Extract<VifDevice, { kind: "amt-gateway" }>): Made {
    const { arena, counters, forwarder, emit } = this.#p;
    const vif: Vif = {
      id,
      kind: "amt-gateway",
      wire: undefined,
      local: undefined,
      peer: undefined,
      sources: undefined,
    };
    const relayAt = this.#endpoints + id * ENDPOINT_SPACE;
    const parts = { arena, ring: this.#udpRing, forwarder, counters, emit, relayAt };
    return { vif, ingress: new AmtGatewayIngress(vif, device.fd, parts) };
  }

  #socket(id: number, device: Extract<VifDevice, { kind: "socket" }>): { vif: Vif; ingress: undefined } {
    const { arena, counters, emit } = this.#p;
    const wire = new SocketExit(id, arena, counters, new InFlight(device.inFlight, "out"), emit);
    const arriving = new InFlight(device.inFlight, "in");
    const vif: Vif = {
      id,
      kind: "socket",
      wire,
      local: undefined,
      peer: undefined,
      arriving,
      sources: undefined,
    };
    return { vif, ingress: undefined };
  }
}
