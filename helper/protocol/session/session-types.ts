import type { KeyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import type { DataCipher, TransportKeys } from "#ports/fast-path.ts";
import type { CloseReason, ControlMessage, Hello } from "#wire/control.ts";
import type { Caller, HandshakeStatus } from "#wire/frame-handshake-payload.ts";
import type { PathCommand, PathTraffic } from "#protocol/path/path-control.ts";
import type { Traffic } from "./liveness.ts";
import type { HandshakeClock } from "./timestamp.ts";

/** What the fast path counted for a peer. */
export type SessionTraffic = Traffic & PathTraffic;

/** Where a stream to the peer may be opened, and how. Names are looked up by whoever opens it. */
export interface StreamTarget {
  /** tls: with WebSocket framing inside. */
  readonly kind: "tcp" | "tls";
  readonly host: string;
  readonly port: number;
  /** By the HTTP CONNECT proxy. */
  readonly proxied: boolean;
}

export type LostReason = "silent" | "expired" | "refused" | CloseReason;

export type SessionEvent =
  /** Keys are there and work. `pending`: the host has yet to approve us. `peerWallMs`: its clock, where we asked. */
  | {
      readonly type: "established";
      readonly cipher: DataCipher;
      readonly initiator: boolean;
      readonly pending: boolean;
      readonly peerWallMs: number | undefined;
    }
  /** New keys for a session that is up. */
  | { readonly type: "rekeyed"; readonly cipher: DataCipher }
  /** Silence ended before new keys were needed. */
  | { readonly type: "resumed" }
  /** The peer's hello of this connection: from here on soft state is sent, from the start. */
  | { readonly type: "ready"; readonly hello: Hello; readonly restarted: boolean }
  | { readonly type: "lost"; readonly reason: LostReason }
  /** Our handshake was understood and refused; we do not try again by ourselves. */
  | { readonly type: "refused"; readonly status: HandshakeStatus; readonly peerWallMs: number }
  /** Nobody answered for `giveUpAfter`; `connect` begins anew. */
  | { readonly type: "gave-up" }
  /** The answer to the ping with this stamp. */
  | { readonly type: "rtt"; readonly ms: number; readonly stamp: number }
  | { readonly type: "moved"; readonly endpoint: Endpoint }
  /** "observed" and soft state; the rest ends in the session. */
  | { readonly type: "control"; readonly message: ControlMessage };

/** For the driver, in order. */
export type SessionCommand =
  | { readonly type: "send-datagram"; readonly to: Endpoint; readonly data: Uint8Array }
  | { readonly type: "set-endpoint"; readonly endpoint: Endpoint }
  /** To be answered with handleStreamOpened or handleStreamFailed, unless it is abandoned before. */
  | { readonly type: "open-stream"; readonly call: number; readonly target: StreamTarget }
  | { readonly type: "abandon-stream"; readonly call: number }
  | { readonly type: "close-stream"; readonly stream: number }
  | { readonly type: "install-keys"; readonly keys: TransportKeys; readonly confirmed: boolean }
  | { readonly type: "clear-keys" }
  | { readonly type: "send-control"; readonly message: Uint8Array }
  | Exclude<PathCommand, { type: "ping" }>
  | { readonly type: "send-keepalive" }
  | { readonly type: "event"; readonly event: SessionEvent };

export interface SessionOptions {
  readonly localStatic: KeyPair;
  readonly remoteStatic: Uint8Array; // 32 bytes
  readonly psk: Uint8Array; // 32 bytes
  /** 8 bytes, as long as the host may not know us. */
  readonly inviteId?: Uint8Array;
  /** What we are to the far end; a guest where nothing is said. Two hosts may be guests of each other, with a session for each. */
  readonly caller?: Caller;
  /** Does this processor have AES instructions? */
  readonly hasAes: boolean;
  readonly entropy: Entropy;
  readonly clock: HandshakeClock;
  /** From the IndexTable; undefined where it is full. */
  readonly takeIndex: () => number | undefined;
  readonly releaseIndex: (index: number) => void;
  readonly hello: Omit<Hello, "type" | "wantsReply">;
  readonly candidates: readonly Endpoint[];
  /** May we start handshakes? `connect` and lost connections do nothing otherwise. */
  readonly mayInitiate: boolean;
  /** Stop trying after this many ms without an answer; undefined: never. */
  readonly giveUpAfter?: number;
}
