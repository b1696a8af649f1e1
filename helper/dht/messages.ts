// What the daemon and the DHT's process say to each other. Parsed on both sides; the daemon trusts no word of it.
import * as v from "valibot";
import { MAX_RENDEZVOUS_PAYLOAD } from "#ports/rendezvous.ts";
import { canonicalAddress, family } from "#wire/address.ts";

/** The executable's word for being the DHT's process. */
export const DHT_WORD = "dht-process";
/** In that process's environment: where the service listens (an abstract socket), and a token: "name token". */
export const SERVICE_VARIABLE = "CASTAWAY_DHT";

/** A sealed list of candidates, as the handshake through the DHT can carry it. */
export const MAX_PAYLOAD = MAX_RENDEZVOUS_PAYLOAD;
export const MAX_NAMED_NODES = 16;
/** Calls in both directions at once. */
export const MAX_CALLS = 32;

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const ipv4 = v.pipe(
  v.string(),
  v.maxLength(15),
  v.check((text) => canonicalAddress(text) === text && family(text) === 4, "is no IPv4 address"),
);
const host = v.pipe(v.string(), v.minLength(1), v.maxLength(253));
const key = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
/** Those that the daemon makes are odd, the others even. */
const call = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const payload = v.pipe(
  v.string(),
  v.maxLength(Math.ceil(MAX_PAYLOAD / 3) * 4),
  v.base64(),
  v.check((text) => Buffer.from(text, "base64").length <= MAX_PAYLOAD, "is too long"),
);
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000));

/** Why a call came to nothing. */
export const FAILURES = ["not-found", "no-answer", "offline", "busy", "ended"] as const;
export type CallFailure = (typeof FAILURES)[number];

const commandSchema = v.variant("type", [
  /** The first message. Without bootstrap nodes those that the library names are used. */
  v.strictObject({
    type: v.literal("start"),
    bootstrap: v.pipe(v.array(v.strictObject({ host, port })), v.maxLength(MAX_NAMED_NODES)),
    /** Public keys of nodes that relay for us, where there are any. */
    relays: v.pipe(v.array(key), v.maxLength(MAX_NAMED_NODES)),
  }),
  /** Announces the host. The seed makes a key pair that is used for this alone. */
  v.strictObject({ type: v.literal("serve"), seed: key }),
  v.strictObject({ type: v.literal("unserve") }),
  /** Calls the host that is announced under the key. */
  v.strictObject({ type: v.literal("call"), call, key, payload }),
  /** Answers an incoming call. */
  v.strictObject({ type: v.literal("answer"), call, payload }),
  /** The call is of no use any more; its relayed path ends. */
  v.strictObject({ type: v.literal("hang-up"), call }),
  /** Name nodes anew. */
  v.strictObject({ type: v.literal("name-nodes") }),
]);
export type DhtCommand = v.InferOutput<typeof commandSchema>;

const eventSchema = v.variant("type", [
  /** The first message: proves that it is the process which the daemon started. */
  v.strictObject({ type: v.literal("hello"), token: key }),
  /** How the DHT looks from here. */
  v.strictObject({
    type: v.literal("state"),
    online: v.boolean(),
    nodes: count,
    /** The host is announced: at so many nodes. */
    announced: count,
  }),
  /** Nodes that answer pings. */
  v.strictObject({
    type: v.literal("nodes"),
    nodes: v.pipe(v.array(v.strictObject({ address: ipv4, port })), v.maxLength(MAX_NAMED_NODES)),
  }),
  /** Somebody calls the host. */
  v.strictObject({ type: v.literal("called"), call, payload }),
  v.strictObject({ type: v.literal("answered"), call, payload }),
  v.strictObject({ type: v.literal("failed"), call, reason: v.picklist(FAILURES) }),
  /** Frames of the call may be sent: to the other end's process, or to a node that relays, which is there. */
  v.strictObject({ type: v.literal("path"), call, address: ipv4, port }),
  /** No more frames; the call is over. */
  v.strictObject({ type: v.literal("ended"), call }),
  v.strictObject({
    type: v.literal("log"),
    level: v.picklist(["debug", "info", "warn"]),
    text: v.pipe(v.string(), v.maxLength(300)),
  }),
]);
export type DhtEvent = v.InferOutput<typeof eventSchema>;

/** undefined: no such message. */
export function parseCommand(text: string): DhtCommand | undefined {
  return parse(commandSchema, text);
}

export function parseEvent(text: string): DhtEvent | undefined {
  return parse(eventSchema, text);
}

function parse<S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
  return parsed.success ? parsed.output : undefined;
}

export function payloadText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

export function payloadBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
