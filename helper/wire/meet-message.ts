// What computers and a meeting point say to each other: in a datagram each, or in a byte stream, each behind a u16
// length. docs/protocol.md describes every field and who says what when; meet.ts is the codec.
import type { Address } from "./address.ts";

/** The first byte of a meeting point's messages, and of the datagrams that open a hole. Three zero bytes follow. */
export const FRAME_MEET = 16;
export const FRAME_PUNCH = 17;

/** Sealed bytes of a call or an answer. */
export const MAX_MEET_PAYLOAD = 640;
export const MAX_MEET_MESSAGE = 768;
/** A request is never shorter, and an answer to a sender who is not proved never longer. */
export const MIN_REQUEST = 96;

export const ID_LENGTH = 32;
export const COOKIE_LENGTH = 16;
export const CALL_ID_LENGTH = 16;
export const RELAY_TOKEN_LENGTH = 16;
export const MEET_MAC_LENGTH = 16;
export const PUNCH_TOKEN_LENGTH = 16;
export const NONCE_LENGTH = 8;

export interface Place {
  readonly address: Address;
  readonly port: number;
}

/** not-here: nobody is registered under that id. busy: a limit is reached. gone: that call or relay has ended. */
export type MeetRefusal = "not-here" | "busy" | "gone";
export const REFUSALS: readonly MeetRefusal[] = ["not-here", "busy", "gone"];

export type BindStatus = "prove" | "bound" | "gone";
export const BIND_STATUSES: readonly BindStatus[] = ["prove", "bound", "gone"];

/** `nonce`: 8 bytes of the asker's, which the answer repeats; zero in what nobody asked for. */
export type MeetMessage = { readonly nonce: Uint8Array } & (
  | { readonly kind: "hello" }
  | {
      readonly kind: "welcome";
      /** X25519, new at each start of the meeting point. */
      readonly publicKey: Uint8Array;
      readonly cookie: Uint8Array;
      readonly observed: Place;
    }
  | {
      readonly kind: "register";
      readonly cookie: Uint8Array;
      readonly id: Uint8Array;
      /** Grows with each one. */
      readonly stamp: number;
      readonly mac: Uint8Array;
    }
  | {
      readonly kind: "registered";
      readonly cookie: Uint8Array;
      readonly seconds: number;
      readonly observed: Place;
      readonly mac: Uint8Array;
    }
  | {
      readonly kind: "call";
      readonly cookie: Uint8Array;
      readonly id: Uint8Array;
      readonly callId: Uint8Array;
      readonly payload: Uint8Array;
    }
  | { readonly kind: "refused"; readonly callId: Uint8Array; readonly reason: MeetRefusal }
  | {
      readonly kind: "incoming";
      readonly callId: Uint8Array;
      readonly payload: Uint8Array;
      readonly mac: Uint8Array;
    }
  | {
      readonly kind: "answer";
      readonly id: Uint8Array;
      readonly callId: Uint8Array;
      readonly payload: Uint8Array;
      readonly mac: Uint8Array;
    }
  | { readonly kind: "answered"; readonly callId: Uint8Array; readonly payload: Uint8Array }
  | { readonly kind: "relay-ask"; readonly cookie: Uint8Array; readonly callId: Uint8Array }
  | {
      readonly kind: "relay";
      readonly callId: Uint8Array;
      readonly port: number;
      readonly token: Uint8Array;
      /** Zero towards a guest, who has no key with the meeting point. */
      readonly mac: Uint8Array;
    }
  | { readonly kind: "bind"; readonly token: Uint8Array; readonly cookie: Uint8Array }
  | {
      readonly kind: "bind-status";
      readonly status: BindStatus;
      readonly cookie: Uint8Array;
      readonly mac: Uint8Array;
    }
);

export type MeetKind = MeetMessage["kind"];
export type MeetOf<Kind extends MeetKind> = Extract<MeetMessage, { kind: Kind }>;

export const KINDS: readonly MeetKind[] = [
  "hello",
  "welcome",
  "register",
  "registered",
  "call",
  "refused",
  "incoming",
  "answer",
  "answered",
  "relay-ask",
  "relay",
  "bind",
  "bind-status",
];
/** What a stranger may say: padded with zeros, so that no answer is longer. */
export const REQUESTS: ReadonlySet<MeetKind> = new Set(["hello", "register", "call", "relay-ask", "bind"]);

export const NO_MAC: Uint8Array = new Uint8Array(MEET_MAC_LENGTH);
export const NO_COOKIE: Uint8Array = new Uint8Array(COOKIE_LENGTH);
export const NO_NONCE: Uint8Array = new Uint8Array(NONCE_LENGTH);
