// What the DHT's process does: it announces this computer's network, calls other hosts, passes on what the daemons
// of both ends have sealed for each other, and carries their frames where nothing else does.
import { randomBytes } from "node:crypto";
import HyperDHT from "hyperdht";
import { Announcement } from "./announcement.ts";
import { CallTable, type Call } from "./call-table.ts";
import { CarryingHandshake, receiving } from "./carrying-handshake.ts";
import { FrameLane } from "./frame-lane.ts";
import { payloadBytes, payloadText, type CallFailure, type DhtCommand, type DhtEvent } from "./messages.ts";
import { NodeReport } from "./node-report.ts";
import { SparePaths } from "./spare-paths.ts";

/** The daemon opens the sealed list, looks how its own NAT is, and answers: or it does not, and nor do we. */
const ANSWER_MS = 2_500;
/** A call that nobody hung up and over which no path came about. */
const CALL_MS = 40_000;
const STATE_MS = 5_000;
const FIRST_STATE_MS = 250;

export interface DhtNodeOptions {
  readonly bootstrap: readonly { readonly host: string; readonly port: number }[];
  readonly relays: readonly string[];
  readonly emit: (event: DhtEvent) => void;
  readonly emitFrame: (call: number, frame: Uint8Array) => void;
}

export class DhtNode {
  readonly #options: DhtNodeOptions;
  readonly #dht: HyperDHT;
  readonly #announcement: Announcement;
  readonly #report: NodeReport;
  readonly #calls = new CallTable();
  readonly #spare = new SparePaths((key) => this.#takeSpare(key));
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DhtNodeOptions) {
    this.#options = options;
    const { bootstrap } = options;
    this.#dht = new HyperDHT({
      // Nobody's node of the DHT: a laptop comes and goes, and a box at home serves its own people.
      ephemeral: true,
      ...(bootstrap.length > 0 ? { bootstrap } : {}),
    });
    this.#report = new NodeReport(this.#dht, options.emit);
    this.#announcement = new Announcement(this.#dht, {
      relays: options.relays,
      called: (handshake) => this.#called(handshake),
      connected: (stream) => this.#connected(stream),
      announced: () => this.#state(),
      log: (level, text) => this.#log(level, text),
    });
    this.#dht.fullyBootstrapped().then(
      () => {
        this.#report.nameNodes();
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
        return void this.#announcement.serve(command.seed);
      case "unserve":
        return this.#announcement.unserve();
      case "call":
        return this.#call(command.call, command.key, payloadBytes(command.payload));
      case "answer":
        return this.#calls.get(command.call)?.answer?.(payloadBytes(command.payload));
      case "hang-up":
        return this.#hangUp(command.call);
      case "name-nodes":
        return this.#report.nameNodes();
    }
  }

  handleFrame(call: number, frame: Uint8Array): void {
    this.#calls.get(call)?.lane?.send(frame);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    for (const { id } of this.#calls.values()) this.#end(id, false);
    this.#spare.close();
    await this.#dht.destroy({ force: true });
  }

  // ── host ─────────────────────────────────────────────────────────────────

  /** Resolves to whether the caller gets no answer at all. */
  #called(handshake: CarryingHandshake): Promise<boolean> {
    const { incoming, remotePublicKey } = handshake;
    const call = incoming && remotePublicKey && this.#calls.addIncoming(remotePublicKey.toString("hex"));
    if (!call) return Promise.resolve(true);
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
    const call = this.#calls.incoming(stream.remotePublicKey.toString("hex"));
    if (!call) return stream.destroy();
    call.stream = stream;
    this.#watch(call, stream);
    stream.once("open", () => this.#opened(call, stream));
  }

  // ── guest ────────────────────────────────────────────────────────────────

  #call(id: number, key: string, payload: Uint8Array): void {
    const call = this.#calls.add(id, key);
    if (!call) return this.#options.emit({ type: "failed", call: id, reason: "busy" });
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
          if (!incoming || call.answered || !this.#calls.holds(call)) return;
          call.answered = true;
          this.#options.emit({ type: "answered", call: id, payload: payloadText(incoming) });
        });
      },
    });
    call.stream = stream;
    stream.on("error", (error: Error & { code?: string }) => {
      if (!call.answered && this.#calls.holds(call)) {
        this.#calls.remove(call);
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
    if (!this.#calls.holds(call) || stream.destroyed) return stream.destroy();
    call.lane = new FrameLane(stream, (frame) => this.#options.emitFrame(call.id, frame));
    const { remoteHost: address = "0.0.0.0", remotePort: port = 1 } = stream.rawStream ?? {};
    this.#options.emit({ type: "path", call: call.id, address, port });
  }

  #watch(call: Call, stream: HyperDHT.SecretStream): void {
    stream.on("error", () => {}); // "close" follows
    stream.on("close", () => {
      if (!this.#calls.holds(call) || call.stream !== stream) return;
      call.stream = undefined;
      // An earlier one is still being tried.
      if (call.key === undefined || call.lane || !this.#spare.has(call.key)) this.#end(call.id, true);
    });
  }

  #end(id: number, tell: boolean): void {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.remove(call);
    call.answer?.(undefined);
    call.stream?.destroy();
    if (tell) this.#options.emit({ type: "ended", call: id });
  }

  #tick(): void {
    const now = Date.now();
    for (const call of this.#calls.values())
      if (!call.lane && now - call.began > CALL_MS) this.#end(call.id, true);
    this.#state();
    this.#timer = setTimeout(() => this.#tick(), STATE_MS);
  }

  #state(): void {
    this.#report.state(this.#announcement.nodes);
  }

  #log(level: "debug" | "info" | "warn", text: string): void {
    this.#options.emit({ type: "log", level, text: text.slice(0, 300) });
  }
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
