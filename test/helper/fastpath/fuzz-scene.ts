// A whole engine on socket pairs: two members, a host, a TUN, two LANs and a socket vif, with routes among them.
import { createCipheriv } from "node:crypto";
import { close, recv } from "#edge/linux/libc.ts";
import { MSG_DONTWAIT } from "#edge/linux/constants.ts";
import { allocateMemory } from "#edge/linux/memory.ts";
import { openDatagrams, sendDatagram } from "#edge/linux/udp.ts";
import { Counters, countersBytes } from "#fastpath/counters.ts";
import { ARENA_BYTES, Engine } from "#fastpath/engine.ts";
import { FlowMemory, flowMemoryBytes } from "#fastpath/flow-memory.ts";
import { InFlight, inFlightBytes } from "#fastpath/in-flight.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { DataCipher, FastPathCommand, FastPathEvent } from "#ports/fast-path.ts";
import { Forwarding, FORWARDING_LIMITS } from "#protocol/forwarding/forwarding.ts";
import { EXIT_LOCAL, EXIT_WIRE } from "#protocol/forwarding/route-table.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { ANY_SOURCE } from "#protocol/membership/source-filter.ts";
import { addressBytes } from "#wire/address.ts";
import {
  DATA_HEADER_LENGTH,
  encodeDataHeader,
  encodeNonce,
  MAX_INNER_PACKET,
  NONCE_LENGTH,
} from "#wire/frame.ts";
import { socketPair, type SocketPair } from "#test/support/socket-pair.ts";

export const TUN = 1;
export const LAN = 2;
export const OWN_LAN = 3;
export const SOCKET = 4;
export const MEMBER = 5;
export const WITNESS = 6;
export const HOST = 7;
export const PEERS = [MEMBER, WITNESS, HOST] as const;
export type PeerVif = (typeof PEERS)[number];
/** Origin ids that the peers may use; the host's others may be any. */
export const ORIGINS: Readonly<Record<PeerVif, number>> = { [MEMBER]: 55, [WITNESS]: 66, [HOST]: 0 };
export const GROUPS = ["239.1.1.1", "239.1.1.2", "ff1e::1", "ff1e::2"];
/** A prefix of each peer's own, the same for both families: 10.9.V.0/24, fd09:V::/64. */
export const peerAddress4 = (vif: number): string => `10.9.${vif}.1`;
export const peerAddress6 = (vif: number): string => `fd09:${vif}::1`;

// In struct sockaddr_ll the byte at 10 is the packet's type: here a byte of the far end's name.
const lanName = (unique: string, type: number): Buffer => {
  const name = Buffer.alloc(18, 0);
  name.write(unique, 1, 7, "latin1");
  name[8] = type;
  name.writeUInt32LE(process.pid, 12);
  return name;
};
const PACKET_OUTGOING = 4;

interface Keys {
  readonly cipher: DataCipher;
  readonly key: Uint8Array;
  readonly index: number;
  counter: number;
}

export class Scene {
  readonly engine: Engine;
  readonly counters = new Counters(new SharedArrayBuffer(countersBytes()));
  readonly tun: SocketPair = socketPair();
  readonly lan: SocketPair = socketPair(lanName("wire", 0));
  readonly ownLan: SocketPair = socketPair(lanName("own", PACKET_OUTGOING));
  readonly loop: SocketPair = socketPair();
  #events: FastPathEvent[] = [];
  now = 1_000;
  readonly #memory = allocateMemory(ARENA_BYTES);
  readonly #transport = openDatagrams(0);
  readonly #sockets = new Map(PEERS.map((vif) => [vif, openDatagrams(0)]));
  readonly #keys = new Map<PeerVif, Keys>();
  readonly #buffer = Buffer.alloc(1 << 17);
  readonly #forwarding = new Forwarding({ ...FORWARDING_LIMITS, scope: scopePolicy(), lanToLan: true });
  #index = 1;
  #inFlight = new SharedArrayBuffer(inFlightBytes());

  constructor() {
    const flows = new FlowMemory(new SharedArrayBuffer(flowMemoryBytes()));
    this.engine = new Engine(this.#memory, this.counters, flows, (event) => this.#events.push(event));
    this.command({ type: "udp", fd: this.#transport.fd });
    this.command({ type: "origin", origin: 1, epoch: 9 });
    for (const vif of [TUN, LAN, OWN_LAN, SOCKET, ...PEERS]) this.addVif(vif);
    this.routes();
    for (const vif of PEERS) this.rekey(vif);
  }

  command(command: FastPathCommand): void {
    this.engine.handle(command, this.now);
  }

  addVif(vif: number, mtu = 1500): void {
    this.command({ type: "vif-add", vif, device: this.#device(vif, mtu) });
    if ((PEERS as readonly number[]).includes(vif)) {
      const { port } = this.#sockets.get(vif as PeerVif)!;
      this.command({ type: "peer-endpoint", vif, endpoint: { address: "127.0.0.1", port } });
    }
  }

  #device(vif: number, mtu: number): Extract<FastPathCommand, { type: "vif-add" }>["device"] {
    const lan = {
      kind: "lan",
      loop4: this.loop.near,
      loop6: this.loop.near,
      interfaceIndex: 2,
      mtu,
    } as const;
    switch (vif) {
      case TUN:
        return { kind: "tun", fd: this.tun.near, mtu };
      case LAN:
        return { ...lan, fd: this.lan.near, mac: Uint8Array.of(2, 0, 0, 0, 0, 1), mode: "full" };
      case OWN_LAN:
        return { ...lan, fd: this.ownLan.near, mac: Uint8Array.of(2, 0, 0, 0, 0, 2), mode: "local" };
      case SOCKET:
        this.#inFlight = new SharedArrayBuffer(inFlightBytes());
        return { kind: "socket", inFlight: this.#inFlight };
      default:
        return { kind: "peer", onlyOrigin: ORIGINS[vif as PeerVif], sources: ownPrefixes(vif) };
    }
  }

  /** Every group goes everywhere where it may. */
  routes(): void {
    const forwarding = this.#forwarding;
    for (const vif of [TUN, LAN, OWN_LAN, SOCKET, ...PEERS]) forwarding.removeVif(vif);
    forwarding.addVif(TUN, { kind: "tun", upstream: false });
    for (const vif of [LAN, OWN_LAN]) forwarding.addVif(vif, { kind: "lan", upstream: true });
    forwarding.addVif(SOCKET, { kind: "socket", upstream: true });
    for (const vif of PEERS)
      forwarding.addVif(vif, { kind: "peer", network: "n", hostOfNetwork: true, upstream: true });
    for (const group of GROUPS) {
      for (const vif of [LAN, SOCKET, ...PEERS]) forwarding.setListeners(vif, EXIT_WIRE, group, ANY_SOURCE);
      for (const vif of [TUN, OWN_LAN]) forwarding.setListeners(vif, EXIT_LOCAL, group, ANY_SOURCE);
    }
    this.command({ type: "routes", ...forwarding.compile() });
    const routes = [TUN, ...PEERS].flatMap((vif) => ownPrefixes(vif).map((prefix) => ({ ...prefix, vif })));
    this.command({ type: "unicast-routes", routes });
  }

  rekey(vif: PeerVif): void {
    const cipher = this.#index % 2 === 0 ? "aes-256-gcm" : "chacha20-poly1305";
    const key = new Uint8Array(32).fill(vif);
    const index = (this.#index++ * 7919) >>> 0;
    new DataView(key.buffer).setUint32(0, index);
    this.#keys.set(vif, { cipher, key, index, counter: 0 });
    const keys = { cipher, sendKey: key, receiveKey: key, localIndex: index, remoteIndex: index } as const;
    this.command({ type: "peer-keys", vif, keys, confirmed: true });
  }

  /** A data frame with a right seal around any plaintext. */
  seal(vif: PeerVif, plain: Uint8Array): Uint8Array<ArrayBuffer> {
    const keys = this.#keys.get(vif)!;
    const nonce = new Uint8Array(NONCE_LENGTH);
    encodeNonce(nonce, keys.counter);
    const options = { authTagLength: 16 };
    const cipher = createCipheriv(keys.cipher as "aes-256-gcm", keys.key, nonce, options);
    const frame = new Uint8Array(DATA_HEADER_LENGTH + plain.length + 16);
    encodeDataHeader(frame, 0, { receiverIndex: keys.index, counter: keys.counter++ });
    frame.set(cipher.update(plain), DATA_HEADER_LENGTH);
    cipher.final();
    frame.set(cipher.getAuthTag(), DATA_HEADER_LENGTH + plain.length);
    return frame;
  }

  endpointOf(vif: PeerVif): Endpoint {
    return { address: "127.0.0.1", port: this.#sockets.get(vif)!.port };
  }

  /** From the peer's socket to the engine's. */
  transmit(vif: PeerVif, datagram: Uint8Array): void {
    sendDatagram(this.#sockets.get(vif)!.fd, { address: "127.0.0.1", port: this.#transport.port }, datagram);
  }

  /** A multicast packet of the peer, or any other content, sealed and behind its length as a stream has it. */
  inStream(vif: PeerVif, plain: Uint8Array): Uint8Array<ArrayBuffer> {
    const frame = this.seal(vif, plain);
    const bytes = new Uint8Array(2 + frame.length);
    new DataView(bytes.buffer).setUint16(0, frame.length);
    bytes.set(frame, 2);
    return bytes;
  }

  /** From a socket of the main thread. */
  packetIn(packet: Uint8Array): void {
    if (packet.length > MAX_INNER_PACKET) return; // a UDP socket has no such datagrams
    if (new InFlight(this.#inFlight, "in").begin(packet.length))
      this.command({ type: "packet-in", vif: SOCKET, packet });
  }

  /** What was handed up since the last call. */
  takeEvents(): FastPathEvent[] {
    const events = this.#events;
    this.#events = [];
    for (const event of events)
      if (event.type === "packet-out") new InFlight(this.#inFlight, "out").end(event.packet.length);
    return events;
  }

  /** One turn of the loop, until nothing is left to read. */
  serve(): void {
    for (const ingress of [...this.engine.ingresses])
      for (let bursts = 0; ingress.receive(this.now) > 0; bursts++)
        if (bursts > 100) throw new Error("a descriptor is never read out");
  }

  /** What came out at a far end. */
  drain(fd: number): Uint8Array[] {
    const out: Uint8Array[] = [];
    for (let length; (length = recv(fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT)) >= 0;)
      out.push(Uint8Array.from(this.#buffer.subarray(0, length)));
    return out;
  }

  /** What the engine sent to a peer: ciphertexts. */
  received(vif: PeerVif): number {
    return this.drain(this.#sockets.get(vif)!.fd).length;
  }

  close(): void {
    this.engine.close();
    for (const pair of [this.tun, this.lan, this.ownLan, this.loop]) pair.close();
    for (const { fd } of [this.#transport, ...this.#sockets.values()]) close(fd);
    this.#memory.free();
  }
}

function ownPrefixes(vif: number): { address: Uint8Array; length: number }[] {
  return [
    { address: addressBytes(peerAddress4(vif)).fill(0, 3), length: 24 },
    { address: addressBytes(peerAddress6(vif)).fill(0, 8), length: 64 },
  ];
}
