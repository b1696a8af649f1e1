// The lines on the control socket: JSON, UTF-8, one message a line, each at most MAX_LINE_BYTES long.
import * as v from "valibot";
import { errorSchema } from "./errors.ts";
import { logLineSchema, snapshotChangesSchema } from "./snapshot.ts";

/** Raised when a message changes so that an older side would misread it. */
export const PROTOCOL_VERSION = 1;
export const MAX_LINE_BYTES = 1_048_576;

const sequence = v.pipe(v.number(), v.integer(), v.minValue(0));

/** The daemon's first line. Nothing but this shape may be relied on across protocol versions. */
export const helloSchema = v.object({
  type: v.literal("hello"),
  protocolVersion: sequence,
  buildVersion: v.string(),
  pid: sequence,
  /** What the caller may do, by the kernel's word on who it is, as of now. An older daemon does not say. */
  access: v.optional(v.picklist(["none", "read", "own"])),
});
export type Hello = v.InferOutput<typeof helloSchema>;

export const requestSchema = v.strictObject({
  id: sequence,
  method: v.pipe(v.string(), v.maxLength(64)),
  params: v.record(v.string(), v.unknown()),
});
export type Request = v.InferOutput<typeof requestSchema>;

const responseSchema = v.variant("ok", [
  v.object({ type: v.literal("response"), id: sequence, ok: v.literal(true), result: v.unknown() }),
  v.object({ type: v.literal("response"), id: sequence, ok: v.literal(false), error: errorSchema }),
]);
/** `seq` grows by one with each event; where a number is missing, the client asks to watch anew. */
const eventSchema = v.object({ type: v.literal("event"), seq: sequence, changes: snapshotChangesSchema });
/** Events were dropped because the client read too slowly: it must ask to watch anew. */
const resyncSchema = v.object({ type: v.literal("resync") });
const logSchema = v.object({ type: v.literal("log"), id: sequence, line: logLineSchema });
/** The daemon ends on purpose: what follows is not a crash. */
const byeSchema = v.object({ type: v.literal("bye"), reason: v.picklist(["shutdown", "update"]) });

export const serverMessageSchema = v.variant("type", [
  helloSchema,
  responseSchema,
  eventSchema,
  resyncSchema,
  logSchema,
  byeSchema,
]);
export type ServerMessage = v.InferOutput<typeof serverMessageSchema>;

/** One message as a line, with its line feed. */
export function encodeLine(message: ServerMessage | Request): string {
  return `${JSON.stringify(message)}\n`;
}

/** undefined: not JSON, or not a message of this protocol. */
export function decodeServerMessage(line: string): ServerMessage | undefined {
  return decode(serverMessageSchema, line);
}

export function decodeRequest(line: string): Request | undefined {
  return decode(requestSchema, line);
}

function decode<S extends v.GenericSchema>(schema: S, line: string): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), line);
  return parsed.success ? parsed.output : undefined;
}
