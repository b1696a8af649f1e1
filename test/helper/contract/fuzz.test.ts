import * as v from "valibot";
import { amtLinkText, parseAmtLink } from "#contract/amt-link.ts";
import { ControlError } from "#contract/errors.ts";
import { LineReader } from "#contract/line-reader.ts";
import {
  decodeRequest,
  decodeServerMessage,
  encodeLine,
  MAX_LINE_BYTES,
  type ServerMessage,
} from "#contract/messages.ts";
import { isMethod, METHODS } from "#contract/methods.ts";
import { fuzzMachines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutatedJson } from "#test/support/fuzz/json.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import { fuzzParsers, parser } from "#test/support/fuzz/parsers.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { SNAPSHOT } from "#test/helper/control/sample-state.ts";

const REQUESTS = [
  { method: "status", params: {} },
  { method: "up", params: { name: "Zuhause" } },
  {
    method: "invite.create",
    params: {
      uses: 3,
      expiresInSeconds: 3600,
      approval: true,
      endpoints: ["home.example:42268", "[2001:db8::1]:1"],
    },
  },
  { method: "invite.revoke", params: { invite: "0123456789abcdef" } },
  { method: "join", params: { link: "castaway://join/abc", name: "laptop" } },
  { method: "members.rename", params: { member: 3, name: "Ännas Laptop" } },
  {
    method: "routes.add",
    params: { group: "239.1.2.0/24", source: "192.0.2.9", fromVif: "eth+", toVifs: ["castaway0", "peer-2"] },
  },
  { method: "lans.set", params: { name: "eth0", mode: "full" } },
  {
    method: "reach.set",
    params: {
      portMapping: false,
      dhtBootstrap: ["[2001:db8::1]:49737"],
      meet: "meet.example:443",
      proxy: "auto",
    },
  },
  { method: "presets.set", params: { preset: "ros2", on: true } },
  { method: "groups.raise-ttl", params: { group: "ff15::1", on: false } },
  {
    method: "amt.join",
    params: { group: "232.1.1.1", source: "203.0.113.7", relay: "relay.example", port: 5004 },
  },
  { method: "metrics.set", params: { on: true, listen: "[::1]:9469" } },
  { method: "owners.add", params: { uid: 1000 } },
  { method: "logs", params: { limit: 100, follow: true } },
].map((call, id) => ({ id, ...call }));

const LINE = {
  number: 1,
  wall: 1,
  level: "info",
  message: "castaway runs",
  fields: { port: 42268 },
} as const;
const ANSWERS: readonly ServerMessage[] = [
  { type: "hello", protocolVersion: 1, buildVersion: "0.1.0", pid: 4711 },
  { type: "response", id: 1, ok: true, result: { link: "castaway://join/abc" } },
  { type: "response", id: 2, ok: false, error: new ControlError("not-found", "no").body() },
  { type: "event", seq: 3, changes: SNAPSHOT },
  { type: "log", id: 4, line: LINE },
  { type: "resync" },
  { type: "bye", reason: "shutdown" },
];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (input: Uint8Array): string => new TextDecoder().decode(input);

/** Lines whose JSON holds odd values, or whose bytes are changed. */
function lines(values: readonly unknown[]) {
  const corpus = values.map((value) => bytes(JSON.stringify(value)));
  const input = (random: SeededRandom): Uint8Array =>
    random.oneIn(4) ? mutate(random, corpus) : mutatedJson(random, random.pick(values), MAX_LINE_BYTES);
  return { corpus, input };
}

fuzzParsers([
  parser({
    name: "requests and their parameters",
    refuses: undefined,
    ...lines(REQUESTS),
    decode: (input) => {
      const request = decodeRequest(text(input));
      if (!request || !isMethod(request.method)) return undefined;
      const params = v.safeParse(METHODS[request.method].params, request.params);
      return params.success ? { ...request, params: params.output as Record<string, unknown> } : undefined;
    },
    again: (request) => decodeRequest(encodeLine(request)),
  }),
  parser({
    name: "what the daemon says to its clients",
    runs: 3_000,
    refuses: undefined,
    ...lines(ANSWERS),
    decode: (input) => decodeServerMessage(text(input)),
    again: (message) => decodeServerMessage(encodeLine(message)),
  }),
  parser({
    name: "amt:// links",
    refuses: undefined,
    corpus: [
      "amt://198.51.100.10@232.1.1.1:5001",
      "amt://[2001:db8::10]@[ff3e::8000:1]:5001?relay=relay.example.net",
      "amt://233.252.0.1?timeout=2&relay=192.52.193.1",
    ].map(bytes),
    decode: (input) => {
      const reading = parseAmtLink(text(input));
      return reading.ok ? reading.stream : undefined;
    },
    again: (stream) => {
      const reading = parseAmtLink(amtLinkText(stream));
      return reading.ok ? reading.stream : undefined;
    },
  }),
]);

const MAX_LINE = 1000;

/** Bytes in pieces of any size, as a socket gives them. */
class Reading implements FuzzedMachine {
  readonly #random: SeededRandom;
  #reader = new LineReader(MAX_LINE);
  #longest = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  step(): boolean {
    const random = this.#random;
    const piece = random.oneIn(3)
      ? mutate(random, [bytes(encodeLine(random.pick(REQUESTS)))])
      : random.bytes(random.below(40));
    const found = this.#reader.push(piece);
    for (const line of found) this.#longest = Math.max(this.#longest, Buffer.byteLength(line));
    if (this.#reader.broken) this.#reader = new LineReader(MAX_LINE);
    return found.length > 0;
  }

  held() {
    // A byte that is no UTF-8 becomes a sign of three.
    return { "bytes of a line": [this.#longest, 3 * MAX_LINE] } as const;
  }

  settle(): void {
    this.#reader = new LineReader(MAX_LINE);
  }

  left() {
    return { lines: this.#reader.push(bytes("")).length };
  }
}

fuzzMachines([{ name: "the reader of lines", start: (random) => new Reading(random) }]);
