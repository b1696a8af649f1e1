// The seam between the slow path (main thread) and the fast path (worker thread). Commands and events are plain
// structured-clonable objects; packets in them are copies. Nothing here is per packet but what is punted.
import type { AmtRelayCommand, AmtRelayDevice, AmtRelayEvent } from "./amt-relay.ts";
import type { Endpoint } from "./endpoint.ts";

export type DataCipher = "aes-256-gcm" | "chacha20-poly1305";

/** A pair of transport keys as a handshake leaves it. Indices are the 32-bit receiver indices of data headers. */
export interface TransportKeys {
  readonly cipher: DataCipher;
  readonly sendKey: Uint8Array; // 32 bytes
  readonly receiveKey: Uint8Array; // 32 bytes
  readonly localIndex: number; // what the peer writes into the header
  readonly remoteIndex: number; // what we write
}

/** A prefix of 16-byte addresses; IPv4 stands as ::ffff:a.b.c.d, its length 96 more. */
export interface AddressPrefix {
  readonly address: Uint8Array;
  readonly length: number;
}

/** Descriptors stay owned by the runtime: the fast path never closes them. */
export type VifDevice =
  | AmtRelayDevice
  | {
      readonly kind: "tun";
      readonly fd: number; // non-blocking, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR (10-byte virtio header)
      readonly mtu: number;
    }
  | {
      readonly kind: "lan";
      readonly fd: number; // non-blocking AF_PACKET SOCK_RAW with PACKET_VNET_HDR, bound to the interface
      readonly loop4: number; // raw IPv4 socket (IP_HDRINCL), bound to the interface: local delivery with TTL 0
      readonly loop6: number; // raw IPv6 socket (IPV6_HDRINCL), the same
      readonly interfaceIndex: number;
      readonly mac: Uint8Array;
      readonly mtu: number;
      /** full: the wire too. local: this computer's own sockets alone (PACKET_OUTGOING in, loop out). */
      readonly mode: "full" | "local";
    }
  | {
      /** Sockets that the main thread holds: packets cross as `packet-in` and `packet-out`. */
      readonly kind: "socket";
      /** How many are under way (fastpath/in-flight.ts). */
      readonly inFlight: SharedArrayBuffer;
    }
  | {
      /** A tunnel from one AMT relay: multicast comes in, nothing goes out but what the slow path sends. */
      readonly kind: "amt-gateway";
      readonly fd: number; // non-blocking AF_INET6, dual-stack; UDP_GRO, IP_RECVTOS and IPV6_RECVTCLASS on
    }
  | {
      readonly kind: "peer";
      /** Origin id that the peer must use; 0: any (the peer is the host, who forwards for others). */
      readonly onlyOrigin: number;
      /** Unicast sources the peer may use, as prefixes of IPv4-mapped or IPv6 addresses. */
      readonly sources: readonly AddressPrefix[];
    };

/** Longest match over 16-byte addresses (IPv4 as ::ffff:a.b.c.d, length + 96). Unicast inside the network. */
export interface UnicastRoute extends AddressPrefix {
  /** The vif that has the addresses: to it alone, and from it alone. NO_VIF: nobody has them now. */
  readonly vif: number;
  /** A LAN behind that vif, whose addresses others may have too on LANs of their own: streams from them come from anywhere. */
  readonly lan?: boolean;
}

export interface LanRules {
  /** Packets from other sources that come in by it are not carried; undefined: all are. */
  readonly sources: readonly AddressPrefix[] | undefined;
  /** Packets to other groups do not cross it, in or out; undefined: all do. */
  readonly allowed: readonly AddressPrefix[] | undefined;
  /** Packets to these do not, allowed or not. */
  readonly denied: readonly AddressPrefix[];
  /** What is put on the wire, IP packets; null: no limit. */
  readonly bitsPerSecond: number | null;
}

/** The number that no vif has. */
export const NO_VIF = 0;

export type FastPathCommand =
  | AmtRelayCommand
  | { readonly type: "udp"; readonly fd: number } // the transport socket: dual-stack AF_INET6, non-blocking, UDP_GRO on
  | { readonly type: "origin"; readonly origin: number; readonly epoch: number } // of packets that enter here
  | { readonly type: "vif-add"; readonly vif: number; readonly device: VifDevice }
  | { readonly type: "vif-remove"; readonly vif: number }
  | {
      readonly type: "routes";
      readonly capacityMask: number;
      readonly slots: Uint32Array<ArrayBuffer>;
      readonly egress: Uint32Array<ArrayBuffer>;
      readonly prefixes: Uint32Array<ArrayBuffer>;
      readonly allowed: Uint8Array<ArrayBuffer>;
      readonly native: Uint8Array<ArrayBuffer>;
      readonly vifFlags: Uint8Array<ArrayBuffer>;
      readonly thresholds: Uint8Array<ArrayBuffer>;
    }
  /** Groups whose packets are carried although they enter with TTL 1: four words each, as in the routes. */
  | { readonly type: "raise-ttl"; readonly groups: Uint32Array<ArrayBuffer> }
  /** What holds on a LAN that is part of a proxy. Prefixes are of IPv4-mapped or IPv6 addresses. */
  | { readonly type: "lan-rules"; readonly vif: number; readonly rules: LanRules }
  | { readonly type: "unicast-routes"; readonly routes: readonly UnicastRoute[] }
  | {
      readonly type: "peer-keys";
      readonly vif: number;
      readonly keys: TransportKeys;
      /** The initiator may send with new keys at once; the responder after the first packet under them. */
      readonly confirmed: boolean;
    }
  | { readonly type: "peer-keys-clear"; readonly vif: number } // forget all keys of the peer: nothing passes
  /** What unicast sources the peer may use from now on: a joiner gets its addresses when it has proved its invite. */
  | { readonly type: "peer-sources"; readonly vif: number; readonly sources: readonly AddressPrefix[] }
  | { readonly type: "peer-endpoint"; readonly vif: number; readonly endpoint: Endpoint }
  /**
   * A connected non-blocking stream socket carries frames from now on; `remote` is its far end, for people. A number
   * is never used again. No room for it: "stream-closed" with ENOBUFS.
   */
  | { readonly type: "stream-add"; readonly stream: number; readonly fd: number; readonly remote: Endpoint }
  | { readonly type: "stream-remove"; readonly stream: number }
  /**
   * A frame that is no data frame, out of the transport socket: 2,048 bytes at most. In order with all other commands,
   * so that an answer to a handshake leaves when its keys are installed, and not before.
   */
  | { readonly type: "datagram-send"; readonly to: Endpoint; readonly data: Uint8Array }
  /** The same into a stream. */
  | { readonly type: "stream-send"; readonly stream: number; readonly data: Uint8Array }
  /**
   * No datagram to the peer is longer than that, until it moves: what is larger goes in fragments. `settled`: it will
   * stay so, and this computer's programs may be told.
   */
  | {
      readonly type: "peer-datagram-limit";
      readonly vif: number;
      readonly bytes: number;
      readonly settled: boolean;
    }
  /** Bits a second, headers included: of all that is forwarded to the peer (`maximum`), of its multicast (`multicast`). */
  | {
      readonly type: "peer-rate";
      readonly vif: number;
      readonly maximum: number | undefined;
      readonly multicast: number | undefined;
    }
  | { readonly type: "send-control"; readonly vif: number; readonly message: Uint8Array } // sealed as inner kind control
  /** The same in one datagram, whatever the limit is: it asks whether that size passes. */
  | { readonly type: "send-probe"; readonly vif: number; readonly message: Uint8Array }
  | { readonly type: "send-keepalive"; readonly vif: number }
  | { readonly type: "inject"; readonly vif: number; readonly packet: Uint8Array } // an IP packet (a query) out of a tun or lan vif
  /** A whole IP packet, checksums right, that came in by a socket vif; counted as in flight until it is taken. */
  | { readonly type: "packet-in"; readonly vif: number; readonly packet: Uint8Array }
  /** Whose multicast data an AMT gateway's vif takes from now on; undefined: nobody's. */
  | { readonly type: "amt-relay"; readonly vif: number; readonly relay: Endpoint | undefined }
  /** What it was asked for: group and source, four words each as in the routes; a source of zeros is any. */
  | { readonly type: "amt-joined"; readonly vif: number; readonly streams: Uint32Array<ArrayBuffer> }
  /** A frame of our own ethertype to the other members on a LAN (wire/beacon.ts). */
  | { readonly type: "send-beacon"; readonly vif: number; readonly payload: Uint8Array }
  | { readonly type: "stop" };

export type FastPathEvent =
  | AmtRelayEvent
  | { readonly type: "ready" }
  /** IGMP or MLD from a tun or lan vif. `own`: this computer's kernel sent it. */
  | {
      readonly type: "membership-packet";
      readonly vif: number;
      readonly own: boolean;
      readonly packet: Uint8Array;
    }
  /** Anything on the transport socket, or in a stream, that is not a data frame. */
  | { readonly type: "datagram"; readonly from: Endpoint; readonly data: Uint8Array }
  | { readonly type: "control"; readonly vif: number; readonly message: Uint8Array }
  /** An authenticated packet came from a new outer address; the fast path already answers there. */
  | { readonly type: "peer-moved"; readonly vif: number; readonly endpoint: Endpoint }
  /** Something is forwarded to the peer, after a while in which nothing was. */
  | { readonly type: "peer-active"; readonly vif: number }
  /** This computer's own interface takes no datagram of that length. */
  | { readonly type: "datagram-too-big"; readonly vif: number; readonly bytes: number }
  /** The first packet under keys that were not confirmed yet. */
  | { readonly type: "peer-keys-confirmed"; readonly vif: number; readonly localIndex: number }
  /** The first frame of a stream that opened under a peer's keys. */
  | { readonly type: "stream-authenticated"; readonly stream: number; readonly vif: number }
  /** It ended, failed, or carried what are no frames (EBADMSG). Its descriptor is not touched any more. 0: its end. */
  | { readonly type: "stream-closed"; readonly stream: number; readonly errno: number }
  /** After `stream-remove`: its descriptor is not touched any more. */
  | { readonly type: "stream-removed"; readonly stream: number }
  /** An IP packet, a fragment perhaps, that goes out by a socket vif: in flight until the slow path has sent it. */
  | { readonly type: "packet-out"; readonly vif: number; readonly packet: Uint8Array }
  /** Anything but multicast data on the socket of an AMT vif. */
  | {
      readonly type: "amt-message";
      readonly vif: number;
      readonly from: Endpoint;
      readonly data: Uint8Array;
    }
  /** A frame of our own ethertype from another member on a LAN. `from`: its source address, 6 bytes. */
  | { readonly type: "beacon"; readonly vif: number; readonly from: Uint8Array; readonly data: Uint8Array }
  /** After `vif-remove`: its descriptors are not touched any more, and may be closed. */
  | { readonly type: "vif-removed"; readonly vif: number }
  | { readonly type: "vif-failed"; readonly vif: number; readonly errno: number }
  | { readonly type: "stopped" };

export interface FastPath {
  send(command: FastPathCommand): void;
  onEvent(handler: (event: FastPathEvent) => void): void;
}
