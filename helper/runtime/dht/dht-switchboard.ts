// Calls through the DHT: ours are placed when its process and the NAT's answer are there, those of others are told of,
// and frames go over either where nothing else does.
import { payloadBytes, payloadText, type DhtEvent } from "#dht/messages.ts";
import type { Clock } from "#ports/clock.ts";
import type { CallHandlers, IncomingCall, OutgoingCall, RendezvousEvents } from "#ports/rendezvous.ts";
import { DhtCalls, type DhtCall, type InCall, type OutCall } from "./dht-calls.ts";
import type { DhtProcess } from "./dht-process.ts";
import type { OpenFrameStream } from "./frame-stream.ts";
import type { PublicAddress } from "./public-address.ts";

/** So long a call waits for the NAT's answer. */
const PROBE_WAIT_MS = 600;
/** So long a call of ours waits for the process to come and the DHT to answer it. */
const PATIENCE_MS = 15_000;
/** An incoming call over which nothing came. */
const IDLE_CALL_MS = 90_000;

/** What the process says of calls. */
type CallEvent = Extract<DhtEvent, { readonly call: number }>;

export interface DhtSwitchboardOptions {
  readonly clock: Clock;
  readonly process: Pick<DhtProcess, "state" | "send" | "sendFrame">;
  readonly address: PublicAddress;
  /** Others may call us. */
  readonly hosting: () => boolean;
  readonly events: Pick<RendezvousEvents, "called" | "relayed" | "relayLost">;
  readonly openStream: OpenFrameStream;
  /** A call is over. */
  readonly dropped: () => void;
  /** Deadlines have changed. */
  readonly due: () => void;
}

export class DhtSwitchboard {
  readonly #options: DhtSwitchboardOptions;
  readonly #calls = new DhtCalls();
  /** Frames that belong to no call. */
  strayFrames = 0;

  constructor(options: DhtSwitchboardOptions) {
    this.#options = options;
  }

  /** Calls under way. */
  get size(): number {
    return this.#calls.size;
  }

  /** Calls the host with that key in the DHT; undefined: too many calls already. */
  call(key: Uint8Array, handlers: CallHandlers): OutgoingCall | undefined {
    const call = this.#calls.addOut(key, handlers, this.#options.clock.now());
    if (!call) return undefined;
    this.#later(() => this.placeCalls());
    return {
      requestRelay: () => {
        call.relayWanted = true;
        this.#later(() => this.#relay(call));
      },
      end: () => this.#drop(call),
    };
  }

  handle(event: CallEvent): void {
    switch (event.type) {
      case "called":
        this.#called(event.call, event.payload);
        break;
      case "answered": {
        const call = this.#outCall(event.call);
        if (!call?.sent) break;
        call.answered = true;
        call.handlers.answered(payloadBytes(event.payload));
        break;
      }
      case "failed": {
        const call = this.#outCall(event.call);
        if (call) this.#fail(call, event.reason === "not-found" ? "not-here" : "unreachable");
        break;
      }
      case "path": {
        const call = this.#calls.get(event.call);
        if (call) call.path = { address: event.address, port: event.port };
        if (call?.direction === "out") this.#relay(call);
        break;
      }
      case "ended": {
        const call = this.#calls.get(event.call);
        if (call?.direction === "out") this.#gone(call);
        else if (call) this.#drop(call);
        break;
      }
    }
  }

  /** Those of ours that can be placed now; gives up those that waited for too long. */
  placeCalls(): void {
    const { address, clock, process } = this.#options;
    const now = clock.now();
    for (const call of this.#calls.out()) {
      if (call.sent) continue;
      if (process.state === "running" && address.nodes > 0 && !address.asking) {
        call.sent = true;
        process.send({
          type: "call",
          call: call.id,
          key: call.key.toHex(),
          payload: payloadText(call.handlers.payload()),
        });
      } else if (now >= call.began + PATIENCE_MS) this.#fail(call, "unreachable");
    }
  }

  /** What the nodes say of our address is there. */
  handleAddress(): void {
    this.placeCalls();
    for (const call of this.#calls.in()) this.#tell(call);
  }

  /** The process is gone, and with it all that went through it; what was opened directly stays. */
  handleLost(): void {
    for (const call of this.#calls.all())
      if (call.direction === "in") this.#drop(call);
      else if (call.sent) this.#gone(call);
  }

  /** Came over the relayed path of that call. */
  frame(id: number, frame: Uint8Array): void {
    const call = this.#calls.get(id);
    if (call?.direction === "in" && call.answered && !call.stream) {
      const stream = this.#open(call);
      if (stream) this.#options.events.relayed(stream.endpoint);
    }
    if (call?.stream) call.stream.write(frame);
    else this.strayFrames++;
  }

  pollTimeout(): number {
    let earliest = Infinity;
    for (const call of this.#calls.out()) if (!call.sent) earliest = Math.min(earliest, this.#placeBy(call));
    for (const call of this.#calls.in())
      if (!call.told) earliest = Math.min(earliest, call.began + PROBE_WAIT_MS);
      else if (!call.stream) earliest = Math.min(earliest, call.began + IDLE_CALL_MS);
    return earliest;
  }

  handleTimeout(now: number): void {
    this.placeCalls();
    for (const call of this.#calls.in()) {
      if (!call.told && now >= call.began + PROBE_WAIT_MS) this.#tell(call);
      if (call.told && !call.stream && now >= call.began + IDLE_CALL_MS) this.#drop(call);
    }
  }

  /** Ends all calls. */
  close(): void {
    for (const call of this.#calls.all()) this.#drop(call);
  }

  /** Nothing is told to whom asks before it has its answer. */
  #later(then: () => void): void {
    queueMicrotask(() => {
      then();
      this.#options.due();
    });
  }

  // ── calls of ours ────────────────────────────────────────────────────────

  /** When a call that was not placed is placed, or given up. */
  #placeBy(call: OutCall): number {
    const { address } = this.#options;
    if (address.nodes === 0) return call.began + PATIENCE_MS;
    return address.asking ? (address.pollTimeout() ?? call.began) : call.began;
  }

  #relay(call: OutCall): void {
    if (this.#calls.get(call.id) !== call || !call.relayWanted) return;
    if (!call.path || call.stream) return;
    const stream = this.#open(call);
    if (stream) call.handlers.relay(stream.endpoint);
  }

  /** What was answered goes on without us: the daemons may still open a hole. */
  #gone(call: OutCall): void {
    call.path = undefined;
    this.#closeStream(call);
    if (!call.answered) this.#fail(call, "unreachable");
  }

  #fail(call: OutCall, reason: "not-here" | "unreachable"): void {
    if (this.#drop(call)) call.handlers.failed(reason);
  }

  // ── calls of others ──────────────────────────────────────────────────────

  #called(id: number, payload: string): void {
    const call = this.#options.hosting()
      ? this.#calls.addIn(id, payload, this.#options.clock.now())
      : undefined;
    if (!call) return this.#options.process.send({ type: "hang-up", call: id });
    this.#options.address.ask();
    if (!this.#options.address.asking) this.#tell(call);
  }

  #tell(call: InCall): void {
    if (call.told) return;
    call.told = true;
    const incoming: IncomingCall = {
      payload: payloadBytes(call.payload),
      answer: (payload) => {
        if (this.#calls.get(call.id) !== call) return;
        call.answered = true;
        this.#options.process.send({ type: "answer", call: call.id, payload: payloadText(payload) });
      },
    };
    this.#options.events.called(incoming);
  }

  // ── relayed frames ───────────────────────────────────────────────────────

  #open(call: DhtCall): DhtCall["stream"] {
    if (!call.path) return undefined;
    call.stream = this.#options.openStream(call.path, {
      frame: (frame) => this.#options.process.sendFrame(call.id, frame),
      closed: () => {
        this.#closeStream(call);
        if (call.direction === "out") this.#gone(call);
        else this.#drop(call);
      },
    });
    return call.stream;
  }

  #closeStream(call: DhtCall): void {
    const { stream } = call;
    call.stream = undefined;
    if (!stream) return;
    stream.close();
    this.#options.events.relayLost(stream.endpoint);
  }

  // ── ends ─────────────────────────────────────────────────────────────────

  #outCall(id: number): OutCall | undefined {
    const call = this.#calls.get(id);
    return call?.direction === "out" ? call : undefined;
  }

  /** Returns whether it was there. */
  #drop(call: DhtCall): boolean {
    if (!this.#calls.remove(call)) return false;
    this.#closeStream(call);
    if (call.direction === "in" || call.sent) this.#options.process.send({ type: "hang-up", call: call.id });
    this.#options.dropped();
    return true;
  }
}
