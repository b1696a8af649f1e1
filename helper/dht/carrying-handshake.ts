// hyperdht's handshake passes through the DHT's nodes, before any hole is open. Behind its own payload, inside the
// encryption, it carries one of ours: a reader that does not know of it does not look there.
//
//   hyperdht's payload | ours | length of ours u16 | "cstw"
import type HyperDHT from "hyperdht";
import NoiseWrap from "hyperdht/lib/noise-wrap.js";
import { MAX_PAYLOAD } from "./messages.ts";

const MARK = Buffer.from("cstw");
const TRAILER = 2 + MARK.length;

/** The bytes of ours at the end of a payload; undefined: there are none. */
export function carried(payload: Uint8Array): Uint8Array | undefined {
  const mark = payload.length - MARK.length;
  if (mark < 2 || MARK.compare(payload, mark) !== 0) return undefined;
  const end = payload.length - TRAILER;
  const length = (payload[end]! << 8) | payload[end + 1]!;
  if (length > MAX_PAYLOAD || length > end) return undefined;
  return new Uint8Array(payload.subarray(end - length, end)); // a copy, and no Buffer
}

export function withCarried(payload: Uint8Array, ours: Uint8Array): Buffer {
  const length = Buffer.from([ours.length >> 8, ours.length & 0xff]);
  return Buffer.concat([payload, ours, length, MARK]);
}

export class CarryingHandshake extends NoiseWrap {
  /** What goes with the next message of ours. */
  outgoing: Uint8Array = new Uint8Array(0);
  /** What came with the other end's. */
  incoming: Uint8Array | undefined;

  constructor(keyPair: HyperDHT.KeyPair, remotePublicKey: Buffer | null) {
    super(keyPair, remotePublicKey);
    const { handshake } = this;
    const send = handshake.send.bind(handshake);
    const recv = handshake.recv.bind(handshake);
    handshake.send = (payload) => send(withCarried(payload, this.outgoing));
    handshake.recv = (data) => {
      const payload = recv(data);
      this.incoming = carried(payload);
      return payload;
    };
  }
}

/** What hyperdht hands to the firewall hook: the payload that it knows, and the handshake that it came by. */
export type CarriedPayload = HyperDHT.NoisePayload & { readonly handshake: CarryingHandshake };

/** Makes the handshake show itself with what it received. */
export function receiving(handshake: CarryingHandshake, received?: () => void): HyperDHT.Handshake {
  return {
    get isInitiator() {
      return handshake.isInitiator;
    },
    get remotePublicKey() {
      return handshake.remotePublicKey;
    },
    keyPair: handshake.keyPair,
    send: (payload) => handshake.send(payload),
    recv: (data) => {
      const payload = { ...handshake.recv(data), handshake };
      received?.();
      return payload;
    },
    final: () => handshake.final(),
  };
}
