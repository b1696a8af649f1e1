// What the DHT's process does: it announces this computer's network, calls other hosts, passes on what the daemons
// of both ends have sealed for each other, and carries their frames where nothing else does.
import { randomBytes } from "node:crypto";
import HyperDHT from "hyperdht";
import { CarryingHandshake } from "./carrying-handshake.ts";
import { FrameLane } from "./frame-lane.ts";
import { SparePaths } from "./spare-paths.ts";
import {
  MAX_CALLS,
  MAX_NAMED_NODES,
  payloadBytes,
  payloadText,
  type CallFailure,
  type DhtCommand,
  type DhtEvent,
} from "./messages.ts";

/** The daemon opens the sealed list, looks how its own NAT is, and answers: or it does not, and nor do we. */
const ANSWER_MS = 2_500;
/** A call that nobody hung up and over which no path came about. */
const CALL_MS = 40_000;
const STATE_MS = 5_000;
const FIRST_STATE_MS = 250;

interface Call {
  readonly id: number;
  readonly began: number;
  /** Of the host, where the call is ours. */
  readonly key: string | undefined;
  answered: boolean;
  stream: HyperDHT.SecretStream | undefined;
  lane: FrameLane | undefined;
  /** An incoming one waits for the daemon's answer. */
  answer: ((payload: Uint8Array | undefined) => void) | undefined;
}

export interface DhtNodeOptions {
  readonly bootstrap: readonly { readonly host: string; readonly port: number }[];
  readonly relays: readonly string[];
  readonly emit: (event: DhtEvent) => void;
  readonly emitFrame: (call: number, frame: Uint8Array) => void;
}

export class DhtNode {
  readonly #options: DhtNodeOptions;
  readonly #dht: HyperDHT;
  readonly #calls = new Map<number, Call>();
  /** Incoming calls by the caller's key, which it makes for this call alone. */
  readonly #incoming = new Map<string, Call>();
  readonly #spare = new SparePaths((key) => this.#takeSpare(key));
  #server: HyperDHT.Server | undefined;
  #seed = "";
  #nextIncoming = 2;
  #lastState = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DhtNodeOptions) {
    this.#options = options;
    const { bootstrap } = options;
    this.#dht = new HyperDHT({
      // Nobody's node of the DHT: a laptop comes and goes, and a box at home serves its own people.
      ephemeral: true,
      ...(bootstrap.length > 0 ? { bootstrap } : {}),
    });
    this.#dht.fullyBootstrapped().then(
      () => {
        this.#nameNodes();
        this.#state();
      },
      (error: unknown) => this.#log("warn", `the DHT was not reached: ${words(error)}`),
    );
    this.#dht.on("network-change", () => this.#dht.refresh());
    this.#timer = setTimeout(() => this.#tick(), FIRST_STATE_MS);
  }

  handle(command: DhtCommand): void {
    switch (command.type) {
      case "start":
        return; // once, by whom made this
      case "serve":
        return void this.#serve(command.seed);
      case "unserve":
        return this.#unserve();
      case "call":
        return this.#call(command.call, command.key, payloadBytes(command.payload));
      case "answer":
        return this.#calls.get(command.call)?.answer?.(payloadBytes(command.payload));
      case "hang-up":
        return this.#hangUp(command.call);
      case "name-nodes":
        return this.#nameNodes();
    }
  }

  handleFrame(call: number, frame: Uint8Array): void {
    this.#calls.get(call)?.lane?.send(frame);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    for (const id of this.#calls.keys()) this.#end(id, false);
    this.#spare.close();
    await this.#dht.destroy({ force: true });
  }

  // ── host ─────────────────────────────────────────────────────────────────

  async #serve(seed: string): Promise<void> {
    if (seed === this.#seed) return;
    this.#unserve();
    this.#seed = seed;
    const { relays } = this.#options;
    const server = this.#dht.createServer(
      {
        createHandshake: (keyPair, remote) => {
          const handshake = new CarryingHandshake(keyPair, remote);
          return receiving(handshake);
        },
        firewall: (_key, payload) => this.#called(payload as CarriedPayload),
        shareLocalAddress: false,
        ...(relays.length > 0 ? { relayThrough: () => pick(relays) } : {}),
      },
      (stream) => this.#connected(stream),
    );
    this.#server = server;
    try {
      await server.listen(HyperDHT.keyPair(Buffer.from(seed, "hex")));
    } catch (error) {
      this.#log("warn", `the network was not announced: ${words(error)}`);
    }
    this.#state();
  }

  #unserve(): void {
    this.#seed = "";
    const server = this.#server;
    this.#server = undefined;
    server?.close().catch((error: unknown) => this.#log("debug", words(error)));
  }

  /** Resolves to whether the caller gets no answer at all. */
  #called({ handshake }: CarriedPayload): Promise<boolean> {
    const { incoming, remotePublicKey } = handshake;
    if (!incoming || !remotePublicKey || this.#calls.size >= MAX_CALLS) return Promise.resolve(true);
    const call: Call = {
      id: this.#takeIncomingId(),
      began: Date.now(),
      key: undefined,
      answered: false,
      stream: undefined,
      lane: undefined,
      answer: undefined,
    };
    this.#calls.set(call.id, call);
    const key = remotePublicKey.toString("hex");
    this.#incoming.set(key, call);
    return new Promise((resolve) => {
      const timer = setTimeout(() => call.answer?.(undefined), ANSWER_MS);
      call.answer = (payload) => {
        clearTimeout(timer);
        call.answer = undefined;
        if (payload) handshake.outgoing = payload;
        else this.#end(call.id, true);
        resolve(payload === undefined);
      };
      this.#options.emit({ type: "called", call: call.id, payload: payloadText(incoming) });
    });
  }

  #connected(stream: HyperDHT.SecretStream): void {
    const call = this.#incoming.get(stream.remotePublicKey.toString("hex"));
    if (!call) return stream.destroy();
    call.stream = stream;
    this.#watch(call, stream);
    stream.once("open", () => this.#opened(call, stream));
  }

  // ── guest ────────────────────────────────────────────────────────────────

  #call(id: number, key: string, payload: Uint8Array): void {
    if (this.#calls.has(id) || this.#calls.size >= MAX_CALLS)
      return this.#options.emit({ type: "failed", call: id, reason: "busy" });
    const call: Call = {
      id,
      began: Date.now(),
      key,
      answered: false,
      stream: undefined,
      lane: undefined,
      answer: undefined,
    };
    this.#calls.set(id, call);
    const stream = this.#dht.connect(Buffer.from(key, "hex"), {
      // One for each call: who answers must not see that two calls are of one computer.
      keyPair: HyperDHT.keyPair(randomBytes(32)),
      // Addresses of the own LAN are the daemon's to tell, sealed.
      localConnection: false,
      createHandshake: (keyPair, remote) => {
        const handshake = new CarryingHandshake(keyPair, remote);
        handshake.outgoing = payload;
        return receiving(handshake, () => {
          const { incoming } = handshake;
          if (!incoming || call.answered || this.#calls.get(id) !== call) return;
          call.answered = true;
          this.#options.emit({ type: "answered", call: id, payload: payloadText(incoming) });
        });
      },
    });
    call.stream = stream;
    stream.on("error", (error: Error & { code?: string }) => {
      if (!call.answered && this.#calls.get(id) === call) {
        this.#calls.delete(id);
        this.#options.emit({ type: "failed", call: id, reason: this.#failure(error.code) });
      }
    });
    this.#watch(call, stream);
    stream.once("open", () => this.#opened(call, stream));
    this.#takeSpare(key);
  }

  /** The daemon needs it no more; what may still become of it is kept for the next call of that host. */
  #hangUp(id: number): void {
    const call = this.#calls.get(id);
    if (call?.key !== undefined && call.answered && call.stream && !call.lane) {
      const { stream } = call;
      call.stream = undefined;
      this.#spare.keep(call.key, stream);
    }
    this.#end(id, false);
  }

  #takeSpare(key: string): void {
    for (const call of this.#calls.values()) {
      if (call.key !== key || call.lane) continue;
      const stream = this.#spare.take(key);
      if (!stream) return;
      const own = call.stream;
      call.stream = stream;
      own?.destroy();
      this.#watch(call, stream);
      this.#opened(call, stream);
    }
  }

  #failure(code: string | undefined): CallFailure {
    if (!this.#dht.online) return "offline";
    return code === "PEER_NOT_FOUND" ? "not-found" : "no-answer";
  }

  // ── both ─────────────────────────────────────────────────────────────────

  #opened(call: Call, stream: HyperDHT.SecretStream): void {
    if (stream !== call.stream) return; // spare now, or another one was quicker
    if (this.#calls.get(call.id) !== call || stream.destroyed) return stream.destroy();
    call.lane = new FrameLane(stream, (frame) => this.#options.emitFrame(call.id, frame));
    const { remoteHost: address = "0.0.0.0", remotePort: port = 1 } = stream.rawStream ?? {};
    this.#options.emit({ type: "path", call: call.id, address, port });
  }

  #watch(call: Call, stream: HyperDHT.SecretStream): void {
    stream.on("error", () => {}); // "close" follows
    stream.on("close", () => {
      if (this.#calls.get(call.id) !== call || call.stream !== stream) return;
      call.stream = undefined;
      // An earlier one is still being tried.
      if (call.key === undefined || call.lane || !this.#spare.has(call.key)) this.#end(call.id, true);
    });
  }

  #end(id: number, tell: boolean): void {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    for (const [key, one] of this.#incoming) if (one === call) this.#incoming.delete(key);
    call.answer?.(undefined);
    call.stream?.destroy();
    if (tell) this.#options.emit({ type: "ended", call: id });
  }

  #takeIncomingId(): number {
    do this.#nextIncoming = this.#nextIncoming >= 65_532 ? 2 : this.#nextIncoming + 2;
    while (this.#calls.has(this.#nextIncoming));
    return this.#nextIncoming;
  }

  #tick(): void {
    const now = Date.now();
    for (const call of this.#calls.values())
      if (!call.lane && now - call.began > CALL_MS) this.#end(call.id, true);
    this.#state();
    this.#timer = setTimeout(() => this.#tick(), STATE_MS);
  }

  #state(): void {
    const event: DhtEvent = {
      type: "state",
      online: this.#dht.online && this.#dht.bootstrapped && this.#dht.nodes.length > 0,
      nodes: this.#dht.nodes.length,
      announced: this.#server?.relayAddresses.length ?? 0,
    };
    const text = JSON.stringify(event);
    if (text === this.#lastState) return;
    this.#lastState = text;
    this.#options.emit(event);
  }

  /** Those heard of last, of different addresses. */
  #nameNodes(): void {
    const known = [...this.#dht.toArray({ limit: 4 * MAX_NAMED_NODES }), ...this.#dht.bootstrapNodes];
    const byHost = new Map(known.map(({ host, port }) => [host, { address: host, port }] as const));
    this.#options.emit({
      type: "nodes",
      nodes: [...byHost.values()].filter((node) => isIpv4(node.address)).slice(0, MAX_NAMED_NODES),
    });
  }

  #log(level: "debug" | "info" | "warn", text: string): void {
    this.#options.emit({ type: "log", level, text: text.slice(0, 300) });
  }
}

/** What hyperdht hands to the firewall hook: the payload that it knows, and the handshake that it came by. */
type CarriedPayload = HyperDHT.NoisePayload & { readonly handshake: CarryingHandshake };

/** Makes the handshake show itself with what it received. */
function receiving(handshake: CarryingHandshake, received?: () => void): HyperDHT.Handshake {
  return {
    get isInitiator() {
      return handshake.isInitiator;
    },
    get remotePublicKey() {
      return handshake.remotePublicKey;
    },
    keyPair: handshake.keyPair,
    send: (payload) => handshake.send(payload),
    recv: (data) => {
      const payload = { ...handshake.recv(data), handshake };
      received?.();
      return payload;
    },
    final: () => handshake.final(),
  };
}

function pick(keys: readonly string[]): Buffer | null {
  const key = keys[Math.floor(Math.random() * keys.length)];
  return key === undefined ? null : Buffer.from(key, "hex");
}

function isIpv4(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text);
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
