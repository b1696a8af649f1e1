import type { Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import { TokenBucket } from "#protocol/session/load.ts";
import { encodeMeet } from "#wire/meet.ts";
import {
  NO_COOKIE,
  NO_MAC,
  NO_NONCE,
  RELAY_TOKEN_LENGTH,
  type BindStatus,
  type MeetOf,
} from "#wire/meet-message.ts";
import type { AddressProof } from "./address-proof.ts";
import { RELAY_REMIND, RELAY_REMINDERS, type MeetLimits } from "./meet-limits.ts";
import { signMeet } from "./meet-keys.ts";
import { RelayPair, tokenKey } from "./relay-pair.ts";
import { Quota } from "./source-limits.ts";

/** For the driver, in order. `port`: the relay port that it leaves from; undefined: the main one. */
export type MeetCommand =
  | { readonly type: "send"; readonly to: Endpoint; readonly data: Uint8Array; readonly port?: number }
  /** Open this UDP port; `opened` or `failed` answer. */
  | { readonly type: "open-relay"; readonly port: number }
  | { readonly type: "close-relay"; readonly port: number };

/** Where a relayed frame goes, and the port that it leaves from (streams need none). */
export interface Passed {
  readonly to: Endpoint;
  readonly port: number;
}

export interface MeetRelaysParts {
  readonly entropy: Entropy;
  readonly limits: MeetLimits;
  readonly firstPort: number;
  readonly proof: AddressProof;
  readonly now: number;
  readonly push: (command: MeetCommand) => void;
  readonly tellHost: (pair: RelayPair, hostId: string) => void;
}

interface Held {
  readonly pair: RelayPair;
  readonly hostId: string;
  /** Whose share it is taken from. */
  readonly owner: string;
  guest: Endpoint;
  open: boolean;
  remindAt: number;
  reminders: number;
}

export type RelayDrop = "stranger" | "nobody" | "too-fast";

/** The relayed pairs: their ports, tokens and rates. */
export class MeetRelays {
  readonly drops: Record<RelayDrop, number> = { stranger: 0, nobody: 0, "too-fast": 0 };
  /** Frames and bytes passed on so far. */
  readonly passed = { frames: 0, bytes: 0 };
  readonly #parts: MeetRelaysParts;
  readonly #quota: Quota;
  readonly #rate: TokenBucket;
  readonly #free: number[];
  readonly #byPort = new Map<number, Held>();
  readonly #byCall = new Map<string, Held>();
  readonly #byToken = new Map<string, Held>();
  readonly #byStream = new Map<number, Held>();

  constructor(parts: MeetRelaysParts) {
    const { limits, firstPort, now } = parts;
    this.#parts = parts;
    this.#quota = new Quota(limits.pairsEach, limits.pairs);
    this.#rate = new TokenBucket(limits.totalRate, limits.totalRate / 4, now);
    this.#free = Array.from({ length: limits.pairs }, (_, i) => firstPort + i);
  }

  get size(): number {
    return this.#byPort.size;
  }

  /** For a call; the same one again where it has one. Both ends are told when the port is open. */
  open(callId: Uint8Array, hostId: string, guest: Endpoint, now: number): "opening" | "full" {
    const known = this.#byCall.get(callId.toHex());
    if (known) {
      known.guest = guest;
      if (known.open) this.#tell(known, now);
      return "opening";
    }
    const { entropy, limits } = this.#parts;
    if (!this.#quota.take(guest.address)) return "full";
    const port = this.#free.shift();
    if (port === undefined) {
      this.#quota.give(guest.address);
      return "full";
    }
    const tokens = { guest: entropy.bytes(RELAY_TOKEN_LENGTH), host: entropy.bytes(RELAY_TOKEN_LENGTH) };
    const pair = new RelayPair(port, callId, tokens, limits.pairRate, now);
    const never = { remindAt: Infinity, reminders: 0 };
    const held = { pair, hostId, owner: guest.address, guest, open: false, ...never };
    this.#byPort.set(port, held);
    this.#byCall.set(callId.toHex(), held);
    for (const token of Object.values(tokens)) this.#byToken.set(tokenKey(token), held);
    this.#parts.push({ type: "open-relay", port });
    return "opening";
  }

  /** The port is open. */
  opened(port: number, now: number): void {
    const held = this.#byPort.get(port);
    if (!held) return;
    held.open = true;
    this.#tell(held, now);
  }

  /** The port cannot be had: another one may. */
  failed(port: number): void {
    const held = this.#byPort.get(port);
    if (held) this.#remove(held);
  }

  /** Who shows a token, and that it gets mail where it is, takes the token's side. `port`: where it came to. */
  bind(message: MeetOf<"bind">, from: Endpoint, port: number | undefined, now: number): undefined {
    const held = this.#byToken.get(tokenKey(message.token));
    const isHere = held && (from.stream === undefined ? held.pair.port === port : port === undefined);
    if (!held || !isHere) return this.#status(message, from, "gone", port);
    if (!this.#parts.proof.valid(message.cookie, from)) return this.#status(message, from, "prove", port);
    const side = held.pair.sideOfToken(message.token)!;
    const before = held.pair.place(side);
    if (before?.stream !== undefined) this.#byStream.delete(before.stream);
    held.pair.bind(side, from, now);
    if (from.stream !== undefined) {
      this.#byStream.get(from.stream)?.pair.unbind(from); // a stream carries one pair
      held.pair.bind(side, from, now);
      this.#byStream.set(from.stream, held);
    }
    if (side === "host") held.remindAt = Infinity;
    return this.#status(message, from, "bound", port);
  }

  pass(port: number, data: Uint8Array, from: Endpoint, now: number): Passed | undefined {
    const held = this.#byPort.get(port);
    return held && this.#pass(held, data, from, now);
  }

  passStream(data: Uint8Array, from: Endpoint, now: number): Passed | undefined {
    const held = this.#byStream.get(from.stream!);
    if (held) return this.#pass(held, data, from, now);
    this.drops.stranger++;
    return undefined;
  }

  closed(stream: Endpoint): void {
    const held = this.#byStream.get(stream.stream!);
    held?.pair.unbind(stream);
    this.#byStream.delete(stream.stream!);
  }

  pollTimeout(): number {
    let earliest = Infinity;
    for (const { pair, remindAt } of this.#byPort.values())
      earliest = Math.min(earliest, pair.idleAt, remindAt);
    return earliest;
  }

  handleTimeout(now: number): void {
    for (const held of this.#byPort.values()) {
      if (held.pair.idleAt <= now) this.#remove(held);
      else if (held.remindAt <= now) {
        held.reminders++;
        held.remindAt = held.reminders < RELAY_REMINDERS ? now + RELAY_REMIND : Infinity;
        this.#parts.tellHost(held.pair, held.hostId);
      }
    }
  }

  #pass(held: Held, data: Uint8Array, from: Endpoint, now: number): Passed | undefined {
    const to = held.pair.forward(from, data.length, now);
    if (typeof to === "string") this.drops[to]++;
    else if (!this.#rate.take(now, data.length)) this.drops["too-fast"]++;
    else {
      this.passed.frames++;
      this.passed.bytes += data.length;
      return { to, port: held.pair.port };
    }
    return undefined;
  }

  #tell(held: Held, now: number): void {
    const { pair, guest } = held;
    const { port, callId } = pair;
    const relay = { kind: "relay", nonce: NO_NONCE, callId, port, token: pair.token("guest") } as const;
    this.#parts.push({ type: "send", to: guest, data: encodeMeet({ ...relay, mac: NO_MAC }) });
    if (pair.place("host")) return;
    this.#parts.tellHost(pair, held.hostId);
    held.reminders = 0;
    held.remindAt = now + RELAY_REMIND;
  }

  /** Signed by the token, so that nobody else can send anybody away. */
  #status(message: MeetOf<"bind">, to: Endpoint, status: BindStatus, port: number | undefined): undefined {
    const cookie = status === "gone" ? NO_COOKIE : this.#parts.proof.make(to);
    const { nonce, token } = message;
    const data = encodeMeet({ kind: "bind-status", nonce, status, cookie, mac: new Uint8Array(16) });
    this.#parts.push({ type: "send", to, data: signMeet(data, token), ...(port !== undefined && { port }) });
  }

  #remove(held: Held): void {
    const { pair } = held;
    this.#byPort.delete(pair.port);
    this.#byCall.delete(pair.callId.toHex());
    for (const side of ["guest", "host"] as const) {
      this.#byToken.delete(tokenKey(pair.token(side)));
      const stream = pair.place(side)?.stream;
      if (stream !== undefined && this.#byStream.get(stream) === held) this.#byStream.delete(stream);
    }
    this.#quota.give(held.owner);
    this.#free.push(pair.port); // at the end: frames of the ended pair may be on their way yet
    this.#parts.push({ type: "close-relay", port: pair.port });
  }
}
