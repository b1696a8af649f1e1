import { MAX_LEGS } from "#protocol/meet/client-legs.ts";
import { MAX_CALLS, MeetClient } from "#protocol/meet/meet-client.ts";
import { MEET_LIMITS } from "#protocol/meet/meet-limits.ts";
import { MeetServer } from "#protocol/meet/meet-server.ts";
import { hostMeetKey, meetId, signMeet } from "#protocol/meet/meet-keys.ts";
import { MAX_SOURCES } from "#protocol/meet/source-limits.ts";
import { keyPair, type KeyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { decodeMeet, encodeMeet } from "#wire/meet.ts";
import type { MeetMessage } from "#wire/meet-message.ts";
import { fuzzMachines, serveDeadlines, type FuzzedMachine, type Held } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { MEET_FRAMES } from "#test/helper/wire/fuzz-meet-targets.ts";

const HOSTS = Array.from({ length: 5 }, (_, i) => keyPair(new Uint8Array(32).fill(i + 1)));
const LIMITS = { ...MEET_LIMITS, hosts: 3, calls: 40, callsEach: 10, pairs: 6, pairsEach: 3 };

/** Clients that know how to behave, and often do not: valid cookies, registrations, calls, binds, and their ruins. */
class Server implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #machine: MeetServer;
  readonly #keys: KeyPair = keyPair(new Uint8Array(32).fill(99));
  readonly #cookies = new Map<string, Uint8Array>();
  readonly #callIds: Uint8Array[];
  #tokens: { readonly token: Uint8Array; readonly port: number }[] = [];
  #now = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#callIds = Array.from({ length: 30 }, () => random.bytes(16));
    this.#machine = new MeetServer({
      keys: this.#keys,
      entropy: { bytes: (length) => random.bytes(length) },
      limits: LIMITS,
      firstRelayPort: 1000,
      now: 0,
    });
  }

  step(): boolean {
    const random = this.#random;
    this.#now += random.oneIn(200) ? random.below(70_000) : random.below(60);
    const from = this.#endpoint();
    const before = this.#dropped();
    let data: Uint8Array = random.oneIn(3) ? mutate(random, MEET_FRAMES) : encodeMeet(this.#message(from));
    if (random.oneIn(6)) data = mutate(random, [data]);
    if (random.oneIn(3)) this.#machine.handleRelayed(1000 + random.below(7), data, from, this.#now);
    else this.#machine.handleMessage(data, from, this.#now);
    if (random.oneIn(50)) this.#machine.handleStreamClosed({ ...from, stream: random.below(4) });
    this.#carryOut(from);
    serveDeadlines(this.#machine, this.#now);
    this.#carryOut(from);
    return this.#dropped() === before;
  }

  held(): Held {
    const { places, relays, calls, sources } = this.#machine;
    return {
      hosts: [places.size, LIMITS.hosts],
      calls: [calls, LIMITS.calls],
      pairs: [relays.size, LIMITS.pairs],
      sources: [sources, MAX_SOURCES],
    };
  }

  settle(): void {
    for (let i = 0; i < 5; i++) {
      this.#now += 100_000;
      serveDeadlines(this.#machine, this.#now);
      this.#carryOut({ address: "192.0.2.1", port: 1 });
    }
    this.#tokens = [];
    this.#cookies.clear();
  }

  left(): Record<string, number> {
    const { places, relays, calls } = this.#machine;
    return { hosts: places.size, calls, pairs: relays.size };
  }

  #endpoint(): Endpoint {
    const random = this.#random;
    const at = { address: `192.0.2.${random.below(6)}`, port: 1 + random.below(3) };
    return random.oneIn(8) ? { ...at, stream: random.below(4) } : at;
  }

  #message(from: Endpoint): MeetMessage {
    const random = this.#random;
    const nonce = random.bytes(8);
    const cookie = this.#cookies.get(`${from.address} ${from.port} ${from.stream}`) ?? random.bytes(16);
    const host = random.pick(HOSTS);
    const id = meetId(host.publicKey);
    const callId = random.pick(this.#callIds);
    const payload = random.bytes(random.below(100));
    const mac = new Uint8Array(16);
    const sign = (message: MeetMessage): MeetMessage =>
      decodeMeet(signMeet(encodeMeet(message), hostMeetKey(host, this.#keys.publicKey)));
    switch (random.below(7)) {
      case 0:
        return sign({ kind: "register", nonce, cookie, id, stamp: this.#now, mac });
      case 1:
      case 2:
        return { kind: "call", nonce, cookie, id, callId, payload };
      case 3:
        return sign({ kind: "answer", nonce, id, callId, payload, mac });
      case 4:
        return { kind: "relay-ask", nonce, cookie, callId };
      case 5: {
        const token = this.#tokens.length > 0 ? random.pick(this.#tokens).token : random.bytes(16);
        return { kind: "bind", nonce, token, cookie };
      }
      default:
        return { kind: "hello", nonce };
    }
  }

  #carryOut(from: Endpoint): void {
    for (let command; (command = this.#machine.nextCommand());)
      if (command.type === "open-relay") {
        if (this.#random.oneIn(5)) this.#machine.relays.failed(command.port);
        else this.#machine.relays.opened(command.port, this.#now);
      } else if (command.type === "send") {
        const message = decodeMeet(command.data);
        if (message.kind === "welcome") {
          if (this.#cookies.size > 100) this.#cookies.clear();
          this.#cookies.set(`${from.address} ${from.port} ${from.stream}`, message.cookie);
        }
        if (message.kind === "relay")
          this.#tokens = [...this.#tokens.slice(-20), { token: message.token, port: message.port }];
      }
  }

  #dropped(): number {
    const { drops, relays } = this.#machine;
    return [...Object.values(drops), ...Object.values(relays.drops)].reduce((a, b) => a + b, 0);
  }
}

const MEET: Endpoint = { address: "203.0.113.9", port: 42270 };

/** A client of a meeting point that says anything. */
class Client implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #machine: MeetClient;
  readonly #nonces: Uint8Array[] = [];
  #calls: string[] = [];
  #now = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#machine = new MeetClient({
      local: HOSTS[0]!,
      entropy: { bytes: (length) => random.bytes(length) },
      wallMs: (now) => now,
    });
    this.#machine.setServers([MEET], 0);
  }

  step(): boolean {
    const random = this.#random;
    this.#now += random.oneIn(100) ? random.below(40_000) : random.below(60);
    if (random.oneIn(10)) this.#act();
    let data: Uint8Array = random.oneIn(3)
      ? mutate(random, MEET_FRAMES)
      : Uint8Array.from(random.pick(MEET_FRAMES));
    // The meeting point itself can repeat nonces and call ids.
    if (this.#nonces.length > 0 && data.length > 13 && !random.oneIn(3))
      data.set(random.pick(this.#nonces), 5);
    if (this.#calls.length > 0 && data.length > 29 && random.oneIn(2))
      data.set(Uint8Array.fromHex(random.pick(this.#calls)), 13);
    const from = random.oneIn(10) ? { ...MEET, port: 42300 } : MEET;
    const understood = this.#machine.handleMessage(data, from, this.#now);
    this.#carryOut();
    serveDeadlines(
      {
        pollTimeout: () => this.#machine.pollTimeout(),
        handleTimeout: (now) => this.#machine.handleTimeout(now),
      },
      this.#now,
    );
    this.#carryOut();
    return understood;
  }

  held(): Held {
    return { calls: [this.#machine.calls, MAX_CALLS], relays: [this.#machine.legs, MAX_LEGS] };
  }

  settle(): void {
    this.#machine.host(false, this.#now);
    for (const call of this.#calls) this.#machine.end(call);
    this.#calls = [];
    for (let i = 0; i < 20; i++) {
      this.#now += 30_000;
      serveDeadlines(
        {
          pollTimeout: () => this.#machine.pollTimeout(),
          handleTimeout: (now) => this.#machine.handleTimeout(now),
        },
        this.#now,
      );
      this.#carryOut();
    }
  }

  left(): Record<string, number> {
    return { calls: this.#machine.calls, relays: this.#machine.legs };
  }

  #act(): void {
    const random = this.#random;
    switch (random.below(5)) {
      case 0:
        return this.#machine.host(random.oneIn(2), this.#now);
      case 1: {
        const call = this.#machine.call(random.pick(HOSTS).publicKey, this.#now);
        if (call) this.#calls.push(call);
        if (this.#calls.length > 40) this.#machine.end(this.#calls.shift()!);
        return;
      }
      case 2:
        if (this.#calls.length > 0) this.#machine.requestRelay(random.pick(this.#calls), this.#now);
        return;
      case 3:
        if (this.#calls.length > 0) this.#machine.end(random.pick(this.#calls));
        return;
      default:
        return this.#machine.handleNetworkChanged(this.#now);
    }
  }

  #carryOut(): void {
    for (let command; (command = this.#machine.nextCommand());)
      if (command.type === "send") {
        this.#nonces.push(command.data.slice(5, 13));
        if (this.#nonces.length > 5) this.#nonces.shift();
      } else if (command.event.type === "payload-wanted")
        this.#machine.setPayload(command.event.callId, this.#random.bytes(40), this.#now);
      else if (command.event.type === "called")
        this.#machine.answer(command.event.callId, this.#random.bytes(40));
  }
}

fuzzMachines([
  {
    name: "a meeting point among clients that do anything",
    understood: 0.1,
    start: (random) => new Server(random),
  },
  {
    name: "a client of a meeting point that says anything",
    understood: 0.02,
    start: (random) => new Client(random),
  },
]);
