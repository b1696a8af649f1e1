import type { Endpoint } from "#ports/endpoint.ts";
import type { CallFailure } from "./guest-call.ts";

export type MeetClientEvent =
  | { readonly type: "changed" }
  | { readonly type: "observed"; readonly endpoint: Endpoint | undefined }
  | { readonly type: "called"; readonly callId: Uint8Array; readonly payload: Uint8Array }
  /** The call is about to be made: `setPayload` it. */
  | { readonly type: "payload-wanted"; readonly callId: string }
  | { readonly type: "answered"; readonly callId: string; readonly payload: Uint8Array }
  | { readonly type: "relay"; readonly callId: string; readonly endpoint: Endpoint }
  | { readonly type: "relay-lost"; readonly endpoint: Endpoint }
  | { readonly type: "failed"; readonly callId: string; readonly reason: CallFailure }
  /** As host: a guest comes by way of this endpoint. */
  | { readonly type: "relayed"; readonly endpoint: Endpoint };

export type MeetClientCommand =
  | { readonly type: "send"; readonly to: Endpoint; readonly data: Uint8Array }
  | { readonly type: "event"; readonly event: MeetClientEvent };
