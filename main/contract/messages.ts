// The messages between renderer and shell, as text: over Electron's IPC and over the web shell's WebSocket alike.
import { errorSchema } from "#contract/errors.ts";
import * as v from "valibot";
import { appChangesSchema } from "./state.ts";

/** From the renderer. The longest is a pasted text. */
export const MAX_REQUEST_CHARACTERS = 65_536;

const sequence = v.pipe(v.number(), v.integer(), v.minValue(0));

export const requestSchema = v.strictObject({
  id: sequence,
  call: v.pipe(v.string(), v.maxLength(64)),
  params: v.record(v.string(), v.unknown()),
});
export type Request = v.InferOutput<typeof requestSchema>;

export const shellMessageSchema = v.variant("type", [
  v.object({ type: v.literal("response"), id: sequence, ok: v.literal(true), result: v.unknown() }),
  v.object({ type: v.literal("response"), id: sequence, ok: v.literal(false), error: errorSchema }),
  /** `seq` grows by one with each; where a number is missing, the renderer asks for the whole. */
  v.object({ type: v.literal("changes"), seq: sequence, changes: appChangesSchema }),
]);
export type ShellMessage = v.InferOutput<typeof shellMessageSchema>;

export function encodeMessage(message: Request | ShellMessage): string {
  return JSON.stringify(message);
}

/** undefined: too long, not JSON, or no request. */
export function decodeRequest(text: string): Request | undefined {
  return text.length > MAX_REQUEST_CHARACTERS ? undefined : decode(requestSchema, text);
}

export function decodeShellMessage(text: string): ShellMessage | undefined {
  return decode(shellMessageSchema, text);
}

function decode<S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
  return parsed.success ? parsed.output : undefined;
}
