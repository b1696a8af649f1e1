import { keyPair, type KeyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { Acceptor, type Authorization, type DropReason } from "#protocol/session/acceptor.ts";
import { IndexTable } from "#protocol/session/index-table.ts";
import type { SessionEvent, SessionOptions, StreamTarget } from "#protocol/session/session-types.ts";
import { Session } from "#protocol/session/session.ts";
import { HandshakeClock } from "#protocol/session/timestamp.ts";
import { decodeCookieReply, decodeResponse } from "#wire/frame-handshake.ts";
import {
  FRAME_COOKIE_REPLY,
  FRAME_DATA,
  FRAME_HANDSHAKE_INITIATION,
  FRAME_HANDSHAKE_RESPONSE,
  frameType,
  KIND_CONTROL,
  KIND_KEEPALIVE,
  KIND_MULTICAST,
} from "#wire/frame.ts";
import { SimFastPath } from "./sim-fast-path.ts";
import { seeded, type SimNetwork, type SimSocket } from "./sim-network.ts";

const NOTHING = new Uint8Array(0);
export const PSK = new Uint8Array(32).fill(0x55);
/** Wall clock at the simulation's zero. */
export const WALL = 1_800_000_000_000;

export interface Peer {
  readonly session: Session;
  readonly fast: SimFastPath;
  readonly events: { readonly at: number; readonly event: SessionEvent }[];
  datagramLimit?: number;
  offeredAt?: number;
  multicastLimit?: number | undefined;
}

/** One computer: the driver's part in few lines. */
export class SimNode implements SimSocket {
  readonly keys: KeyPair;
  readonly peers = new Map<string, Peer>();
  readonly drops = new Map<DropReason | "index" | "data", number>();
  endpoint: Endpoint;
  hasAes = true;
  wakes = 0;
  cookiesSent = 0;
  readonly abandoned = new Set<number>();
  /** Who may come in. */
  authorize: (publicKey: Uint8Array, inviteId: Uint8Array | undefined) => Authorization | undefined;
  readonly indices: IndexTable<Peer>;
  readonly entropy: { bytes(length: number): Uint8Array };
  readonly #network: SimNetwork;
  readonly #clock: HandshakeClock;
  readonly #acceptor: Acceptor;
  readonly #incarnation: number;

  constructor(network: SimNetwork, endpoint: Endpoint, key: number, start = 0, wallShift = 0) {
    this.#network = network;
    this.endpoint = endpoint;
    this.keys = keyPair(new Uint8Array(32).fill(key));
    const random = seeded(key * 1000 + start);
    this.entropy = { bytes: (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)) };
    this.#incarnation = key * 1000 + start;
    this.indices = new IndexTable(this.entropy);
    this.#clock = new HandshakeClock(WALL + wallShift + network.now, network.now);
    this.authorize = (publicKey) =>
      this.peers.has(publicKey.toHex()) ? { psk: PSK, status: "ok" } : undefined;
    this.#acceptor = new Acceptor({
      localStatic: this.keys,
      hasAes: this.hasAes,
      entropy: this.entropy,
      clock: this.#clock,
      authorize: ({ publicKey, inviteId }) => this.authorize(publicKey, inviteId),
      takeIndex: (publicKey) => {
        const peer = this.peers.get(publicKey.toHex());
        return peer && this.indices.take(peer);
      },
      now: network.now,
    });
    network.bind(endpoint, this);
  }

  addPeer(
    remoteStatic: Uint8Array,
    candidates: readonly Endpoint[],
    extra: Partial<SessionOptions> = {},
  ): Peer {
    const holder: { peer?: Peer } = {};
    const session = new Session({
      localStatic: this.keys,
      remoteStatic,
      psk: PSK,
      hasAes: this.hasAes,
      entropy: this.entropy,
      clock: this.#clock,
      takeIndex: () => this.indices.take(holder.peer!),
      releaseIndex: (index) => this.indices.release(index),
      hello: { minor: 0, incarnation: this.#incarnation, capabilities: 0, name: "node", build: "test" },
      candidates,
      mayInitiate: true,
      ...extra,
    });
    const peer: Peer = (holder.peer = { session, fast: new SimFastPath(), events: [] });
    this.peers.set(remoteStatic.toHex(), peer);
    return peer;
  }

  connect(peer: Peer): void {
    peer.session.connect(this.#network.now);
    this.drain(peer);
  }

  /** The address changes; nobody tells the peer. */
  moveTo(endpoint: Endpoint): void {
    this.#network.unbind(this.endpoint);
    this.endpoint = endpoint;
    this.#network.bind(endpoint, this);
  }

  /** The process dies without a word. */
  kill(): void {
    this.#network.unbind(this.endpoint);
  }

  /** `length` of the packet. As the fast path does, it tells of a flow that begins. */
  sendMulticast(peer: Peer, length = 100): void {
    const { now } = this.#network;
    if (now - (peer.offeredAt ?? -Infinity) > 2_000) {
      peer.session.handleActive(now, peer.fast.traffic);
      this.drain(peer);
    }
    peer.offeredAt = now;
    this.#sealAndSend(peer, KIND_MULTICAST, new Uint8Array(length));
  }

  pollTimeout(): number | undefined {
    const times = [...this.peers.values()].map(({ session }) => session.pollTimeout() ?? Infinity);
    const earliest = Math.min(Infinity, ...times);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(): void {
    this.wakes++;
    for (const peer of this.peers.values()) {
      if ((peer.session.pollTimeout() ?? Infinity) > this.#network.now) continue;
      peer.session.handleTimeout(this.#network.now, peer.fast.traffic);
      this.drain(peer);
    }
  }

  handleDatagram(data: Uint8Array, from: Endpoint): void {
    const { now } = this.#network;
    switch (frameType(data)) {
      case FRAME_HANDSHAKE_INITIATION: {
        const result = this.#acceptor.handleInitiation(data, from, now);
        if (result.type === "dropped") this.#count(result.reason);
        else if (result.type === "cookie") {
          this.cookiesSent++;
          this.#network.send(this.endpoint, result.to, result.data);
        } else {
          const peer = this.peers.get(result.publicKey.toHex());
          if (!peer) this.#network.send(this.endpoint, result.from, result.response);
          else {
            peer.session.handleAccepted(result, now);
            this.drain(peer);
          }
        }
        break;
      }
      case FRAME_HANDSHAKE_RESPONSE: {
        const index = decodeResponse(data)?.receiverIndex;
        const peer = index === undefined ? undefined : this.indices.owner(index);
        if (!peer || index === undefined) return this.#count("index");
        peer.session.handleHandshakeResponse(data, index, from, now);
        this.drain(peer);
        break;
      }
      case FRAME_COOKIE_REPLY: {
        const index = decodeCookieReply(data)?.receiverIndex;
        const peer = index === undefined ? undefined : this.indices.owner(index);
        if (!peer) return this.#count("index");
        peer.session.handleCookieReply(data, from, now);
        this.drain(peer);
        break;
      }
      case FRAME_DATA:
        this.#handleData(data, from);
        break;
      default:
        this.#count("malformed");
    }
  }

  #handleData(data: Uint8Array, from: Endpoint): void {
    const { now } = this.#network;
    for (const peer of this.peers.values()) {
      const opened = peer.fast.open(data, from, now);
      if (!opened) continue;
      if (opened.movedTo) peer.session.handlePeerMoved(opened.movedTo, now);
      if (opened.confirmed !== undefined) peer.session.handleKeysConfirmed(opened.confirmed, now);
      if (opened.kind === KIND_CONTROL) {
        this.wakes++;
        peer.session.handleControl(opened.payload, now, peer.fast.traffic);
      }
      this.drain(peer);
      return;
    }
    this.#count("data");
  }

  drain(peer: Peer): void {
    const { now } = this.#network;
    for (let command; (command = peer.session.nextCommand());) {
      switch (command.type) {
        case "send-datagram":
          this.#network.send(this.endpoint, command.to, command.data);
          break;
        case "set-endpoint":
          peer.fast.endpoint = command.endpoint;
          break;
        case "open-stream":
          this.#openStream(peer, command.call, command.target);
          break;
        case "abandon-stream":
          this.abandoned.add(command.call);
          break;
        case "close-stream":
          this.#network.streams.close(command.stream);
          break;
        case "install-keys":
          peer.fast.install(command.keys, command.confirmed);
          break;
        case "clear-keys":
          peer.fast.clear();
          break;
        case "datagram-limit":
          peer.datagramLimit = command.bytes;
          break;
        case "multicast-limit":
          peer.multicastLimit = command.rate;
          break;
        case "send-control":
        case "send-probe":
          this.#sealAndSend(peer, KIND_CONTROL, command.message);
          break;
        case "send-keepalive":
          this.#sealAndSend(peer, KIND_KEEPALIVE, NOTHING);
          break;
        case "event":
          peer.events.push({ at: now, event: command.event });
      }
    }
  }

  #openStream(peer: Peer, call: number, { host, port }: StreamTarget): void {
    const to = { address: host, port };
    this.#network.streams.open(this.endpoint, to, (endpoint) => {
      const { now } = this.#network;
      if (!endpoint) peer.session.handleStreamFailed(call, now);
      else if (this.abandoned.has(call)) this.#network.streams.close(endpoint.stream!);
      else peer.session.handleStreamOpened(call, endpoint, now);
      this.drain(peer);
    });
  }

  /** The far end, or somebody in between, closed it. */
  handleStreamClosed(stream: number): void {
    for (const peer of this.peers.values()) {
      peer.session.handleStreamClosed(stream, this.#network.now);
      this.drain(peer);
    }
  }

  #sealAndSend(peer: Peer, kind: number, payload: Uint8Array): void {
    const frame = peer.fast.seal(kind, payload, this.#network.now);
    if (frame && peer.fast.endpoint) this.#network.send(this.endpoint, peer.fast.endpoint, frame);
  }

  #count(reason: DropReason | "index" | "data"): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

/** A member that knows its host, and a host that waits. Not connected yet. */
export function pair(network: SimNetwork) {
  const host = new SimNode(network, { address: "192.0.2.1", port: 4000 }, 1);
  const member = new SimNode(network, { address: "198.51.100.7", port: 5000 }, 2);
  const toHost = member.addPeer(host.keys.publicKey, [host.endpoint]);
  const toMember = host.addPeer(member.keys.publicKey, [], { giveUpAfter: 90_000 });
  return { host, member, toHost, toMember };
}

export function names(peer: Peer): string[] {
  return peer.events.map(({ event }) => event.type);
}
