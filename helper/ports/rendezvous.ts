// Ways by which two computers find each other that no address leads to: a meeting point, the DHT. Whoever composes
// them (runtime/reach/) seals what is passed on end to end, so that no way can read or forge it; a way only carries
// it, learns where others see our transport socket, and may offer to relay.
import type { Endpoint } from "./endpoint.ts";

/** Bytes of a sealed call or answer: a way carries them whole, and drops what is longer. */
export const MAX_RENDEZVOUS_PAYLOAD = 640;

/** off: nothing is asked of it. connecting: tried. ready: it answers. failed: tried on, with `problem` to show. */
export type RendezvousState = "off" | "connecting" | "ready" | "failed";

export interface Rendezvous {
  /** For people, as in "relayed by ...": "meet.example", "the DHT". */
  readonly name: string;
  readonly state: RendezvousState;
  readonly problem?: string;

  /**
   * From now on guests who know this computer's public key can call us, or not any more. Kept up by the way itself,
   * through restarts of whatever is in the middle, until it is told otherwise. Only the holder of the private key
   * can take the place (a way gets the key pair when it is made).
   */
  host(on: boolean): void;

  /**
   * Calls the host with that key. Everything that comes of it is told to `handlers`, never before this returns.
   * Bounded: undefined where as many calls are under way as the way allows.
   */
  call(hostPublicKey: Uint8Array, handlers: CallHandlers): OutgoingCall | undefined;

  /** Addresses or routes of this computer changed: mappings are void, observed addresses may be others. */
  handleNetworkChanged(): void;

  /** Lets go of everything: host place, calls, relays. */
  close(): void;
}

/** What a guest hears of its call. */
export interface CallHandlers {
  /** Asked for once, when the way has learnt what it can of our own addresses: the sealed call. */
  payload(): Uint8Array;
  /** The host's sealed answer. Both ends punch now. May come more than once. */
  answered(payload: Uint8Array): void;
  /** Frames sent to this endpoint reach the host: a UDP endpoint of a relay, or a stream. After `requestRelay`. */
  relay(endpoint: Endpoint): void;
  /** Nobody hosts under that key here, or the way does not work now. The call is over. */
  failed(reason: "not-here" | "unreachable" | "refused"): void;
}

export interface OutgoingCall {
  /** Asks for a relayed path; repeating it does nothing. */
  requestRelay(): void;
  /** Neither the call nor its relay is needed any more. Until then the way keeps the relay open. */
  end(): void;
}

/** A guest's call as the host gets it. */
export interface IncomingCall {
  /** The sealed call. */
  readonly payload: Uint8Array;
  /** The sealed answer goes back. Only where the call was authentic: strangers get no answer. */
  answer(payload: Uint8Array): void;
}

/** What a way tells whoever composes it, at any time. */
export interface RendezvousEvents {
  /** Somebody calls the network that we host. */
  called(call: IncomingCall): void;
  /** Frames from this endpoint come from a guest of ours by way of a relay: for people alone. */
  relayed(endpoint: Endpoint): void;
  /** Nothing comes or goes by this relayed endpoint any more, of a call of ours or of a guest's. */
  relayLost(endpoint: Endpoint): void;
  /** Where others see our transport socket (UDP, no stream). `undefined`: not known any more. */
  observed(endpoint: Endpoint | undefined): void;
  /** `state` or `problem` is another one. */
  changed(): void;
}
