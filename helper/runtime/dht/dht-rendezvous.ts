// The public DHT as a way of finding each other: no server of ours, and no address in the invite. What speaks with
// the DHT is a process of its own; this is what the daemon makes of its words.
import { payloadBytes, payloadText, type DhtEvent } from "#dht/messages.ts";
import type { Launcher } from "#edge/linux/launcher.ts";
import type { Socket } from "node:net";
import type { Clock } from "#ports/clock.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import type { Log } from "#ports/log.ts";
import type {
  CallHandlers,
  IncomingCall,
  OutgoingCall,
  Rendezvous,
  RendezvousEvents,
  RendezvousState,
} from "#ports/rendezvous.ts";
import type { DhtIdentity } from "#protocol/reach/dht-identity.ts";
import { NatProbe, type NatView } from "#protocol/reach/nat-probe.ts";
import type { Timed } from "../scheduler.ts";
import { DhtCalls, type DhtCall, type InCall, type OutCall } from "./dht-calls.ts";
import { DhtProcess, type DhtCounters } from "./dht-process.ts";
import type { OpenFrameStream } from "./frame-stream.ts";

/** What was seen of the NAT is believed for so long: a binding without traffic may last no longer. */
const FRESH_MS = 15_000;
/** So long a call waits for the NAT's answer. */
const PROBE_WAIT_MS = 600;
/** So long a call of ours waits for the process to come and the DHT to answer it. */
const PATIENCE_MS = 15_000;
/** An incoming call over which nothing came. */
const IDLE_CALL_MS = 90_000;
/** Not online for so long: that is a problem to show. */
const OFFLINE_MS = 10_000;
/** Nobody has needed the DHT for so long: its process ends. */
const LINGER_MS = 60_000;

export interface DhtConfiguration {
  readonly bootstrap: readonly { readonly host: string; readonly port: number }[];
  /** Public keys, 64 hexadecimal digits, of nodes that relay. */
  readonly relays: readonly string[];
}

export interface DhtRendezvousOptions {
  /** For people. */
  readonly name: string;
  readonly identity: DhtIdentity;
  /** Under what the host with that key is announced; undefined: it said nothing of the DHT. */
  readonly keyOf: (hostPublicKey: Uint8Array) => Uint8Array | undefined;
  readonly configuration: () => DhtConfiguration;
  readonly launcher: Launcher;
  readonly uidOf: (socket: Socket) => number | undefined;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly events: RendezvousEvents;
  /** From the transport socket. */
  readonly sendDatagram: (to: Endpoint, data: Uint8Array) => void;
  readonly openStream: OpenFrameStream;
  /** Something came in, or deadlines have changed. */
  readonly due: () => void;
}

export interface DhtView {
  readonly nodes: number;
  /** At so many nodes the network that we host is announced. */
  readonly announced: number;
  readonly nat: NatView;
  readonly counters: Readonly<DhtCounters>;
}

export class DhtRendezvous implements Rendezvous, Timed {
  readonly name: string;
  readonly #options: DhtRendezvousOptions;
  readonly #process: DhtProcess;
  readonly #probe: NatProbe;
  readonly #calls = new DhtCalls();
  #hosting = false;
  #online = false;
  #nodes = 0;
  #announced = 0;
  #wantedSince = 0;
  #idleSince = 0;
  #observed: string | undefined;
  #configured: string;
  #lastState: RendezvousState = "off";
  /** Frames that belong to no call. */
  strayFrames = 0;

  constructor(options: DhtRendezvousOptions) {
    this.#options = options;
    this.name = options.name;
    this.#configured = JSON.stringify(options.configuration());
    const { entropy, clock, launcher, uidOf, log, due } = options;
    this.#probe = new NatProbe({
      randomTid: () => new DataView(entropy.bytes(2).buffer).getUint16(0),
      now: clock.now(),
    });
    this.#process = new DhtProcess({
      launcher,
      uidOf,
      clock,
      log,
      due,
      ready: () => this.#ready(),
      event: (event) => this.#handle(event),
      frame: (call, frame) => this.#frame(call, frame),
      lost: () => this.#lost(),
    });
  }

  get state(): RendezvousState {
    if (!this.#wanted) return "off";
    if (this.#online) return "ready";
    const now = this.#options.clock.now();
    return this.#process.state === "waiting" || now - this.#wantedSince > OFFLINE_MS
      ? "failed"
      : "connecting";
  }

  get problem(): string {
    if (this.state !== "failed") return "";
    return this.#process.state === "running" ? "no node of the DHT answers" : "its process does not run";
  }

  get view(): DhtView {
    return {
      nodes: this.#nodes,
      announced: this.#announced,
      nat: this.#probe.view,
      counters: this.#process.counters,
    };
  }

  host(on: boolean): void {
    if (on === this.#hosting) return;
    this.#hosting = on;
    if (on) this.#need();
    this.#serve();
    this.#changed();
  }

  call(hostPublicKey: Uint8Array, handlers: CallHandlers): OutgoingCall | undefined {
    const key = this.#options.keyOf(hostPublicKey);
    const call = key && this.#calls.addOut(key, handlers, this.#options.clock.now());
    if (!call) return undefined;
    this.#need();
    this.#later(() => this.#placeCalls());
    return {
      requestRelay: () => {
        call.relayWanted = true;
        this.#later(() => this.#relay(call));
      },
      end: () => this.#drop(call),
    };
  }

  /** With other nodes or relays the process begins anew. */
  settingsChanged(): void {
    const configured = JSON.stringify(this.#options.configuration());
    if (configured === this.#configured) return;
    this.#configured = configured;
    if (this.#process.state === "off") return;
    this.#process.stop();
    this.#lost();
    if (this.#wanted) this.#need();
  }

  handleNetworkChanged(): void {
    this.#probe.handleNetworkChanged(this.#options.clock.now());
    this.#process.send({ type: "name-nodes" });
    this.#sendPings();
    this.#tellObserved();
  }

  close(): void {
    this.#hosting = false;
    for (const call of this.#calls.all()) this.#drop(call);
    this.#process.stop();
    this.#lost();
  }

  /** A datagram of the DHT's type, on the transport socket. */
  handleDatagram(data: Uint8Array, from: Endpoint): void {
    this.#probe.handleDatagram(data, from, this.#options.clock.now());
    this.#probed();
  }

  pollTimeout(): number | undefined {
    const times = [this.#process.pollTimeout(), this.#probe.pollTimeout()];
    for (const call of this.#calls.out()) if (!call.sent) times.push(this.#placeBy(call));
    for (const call of this.#calls.in())
      if (!call.told) times.push(call.began + PROBE_WAIT_MS);
      else if (!call.stream) times.push(call.began + IDLE_CALL_MS);
    if (!this.#wanted && this.#process.state !== "off") times.push(this.#idleSince + LINGER_MS);
    if (this.#wanted && !this.#online && this.#lastState === "connecting")
      times.push(this.#wantedSince + OFFLINE_MS + 1);
    const earliest = Math.min(...times.map((time) => time ?? Infinity));
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    if ((this.#process.pollTimeout() ?? Infinity) <= now) this.#process.handleTimeout(now);
    if ((this.#probe.pollTimeout() ?? Infinity) <= now) this.#probe.handleTimeout(now);
    this.#probed();
    this.#placeCalls();
    for (const call of this.#calls.in()) {
      if (!call.told && now >= call.began + PROBE_WAIT_MS) this.#tell(call);
      if (call.told && !call.stream && now >= call.began + IDLE_CALL_MS) this.#drop(call);
    }
    if (!this.#wanted && this.#process.state !== "off" && now >= this.#idleSince + LINGER_MS) {
      this.#process.stop();
      this.#lost();
    }
    this.#changed();
  }

  /** Nothing is told to whom asks before it has its answer. */
  #later(then: () => void): void {
    queueMicrotask(() => {
      then();
      this.#options.due();
    });
  }

  get #wanted(): boolean {
    return this.#hosting || this.#calls.size > 0;
  }

  /** Somebody needs the DHT from now on. */
  #need(): void {
    if (this.#process.state !== "off") return this.#askNat();
    this.#wantedSince = this.#options.clock.now();
    this.#process.start();
    this.#changed();
  }

  #ready(): void {
    const { bootstrap, relays } = this.#options.configuration();
    this.#process.send({ type: "start", bootstrap: [...bootstrap], relays: [...relays] });
    this.#wantedSince = this.#options.clock.now();
    this.#serve();
  }

  #serve(): void {
    if (!this.#hosting) return this.#process.send({ type: "unserve" });
    this.#process.send({ type: "serve", seed: this.#options.identity.seed.toHex() });
  }

  #handle(event: DhtEvent): void {
    switch (event.type) {
      case "state":
        this.#online = event.online;
        this.#nodes = event.nodes;
        this.#announced = event.announced;
        this.#changed();
        break;
      case "nodes":
        this.#probe.handleNodes(event.nodes);
        this.#askNat();
        this.#placeCalls();
        break;
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
      case "log":
        this.#options.log.write(event.level, "the DHT's process says", { text: event.text });
        break;
      case "hello":
        break; // the process's own end has dealt with it
    }
    this.#options.due();
  }

  // ── our public address ───────────────────────────────────────────────────

  #askNat(): void {
    const now = this.#options.clock.now();
    if (now - this.#probe.view.at < FRESH_MS) return;
    this.#probe.start(now);
    this.#sendPings();
    this.#options.due();
  }

  #sendPings(): void {
    for (let ping; (ping = this.#probe.nextDatagram());) this.#options.sendDatagram(ping.to, ping.data);
  }

  #probed(): void {
    this.#sendPings();
    if (this.#probe.running) return;
    this.#tellObserved();
    this.#placeCalls();
    for (const call of this.#calls.in()) this.#tell(call);
  }

  #tellObserved(): void {
    const { mapping, endpoint } = this.#probe.view;
    const observed = mapping === "same" ? endpoint : undefined;
    const text = observed && `${observed.address} ${observed.port}`;
    if (text === this.#observed) return;
    this.#observed = text;
    this.#options.events.observed(observed);
  }

  // ── calls of ours ────────────────────────────────────────────────────────

  /** When a call that was not placed is placed, or given up. */
  #placeBy(call: OutCall): number {
    if (this.#probe.nodes === 0) return call.began + PATIENCE_MS;
    return this.#probe.running ? (this.#probe.pollTimeout() ?? call.began) : call.began;
  }

  #placeCalls(): void {
    const now = this.#options.clock.now();
    for (const call of this.#calls.out()) {
      if (call.sent) continue;
      if (this.#process.state === "running" && this.#probe.nodes > 0 && !this.#probe.running) {
        call.sent = true;
        this.#process.send({
          type: "call",
          call: call.id,
          key: call.key.toHex(),
          payload: payloadText(call.handlers.payload()),
        });
      } else if (now >= call.began + PATIENCE_MS) this.#fail(call, "unreachable");
    }
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
    const call = this.#hosting ? this.#calls.addIn(id, payload, this.#options.clock.now()) : undefined;
    if (!call) return this.#process.send({ type: "hang-up", call: id });
    this.#askNat();
    if (!this.#probe.running) this.#tell(call);
  }

  #tell(call: InCall): void {
    if (call.told) return;
    call.told = true;
    const incoming: IncomingCall = {
      payload: payloadBytes(call.payload),
      answer: (payload) => {
        if (this.#calls.get(call.id) !== call) return;
        call.answered = true;
        this.#process.send({ type: "answer", call: call.id, payload: payloadText(payload) });
      },
    };
    this.#options.events.called(incoming);
  }

  // ── relayed frames ───────────────────────────────────────────────────────

  #frame(id: number, frame: Uint8Array): void {
    const call = this.#calls.get(id);
    if (call?.direction === "in" && call.answered && !call.stream) {
      const stream = this.#open(call);
      if (stream) this.#options.events.relayed(stream.endpoint);
    }
    if (call?.stream) call.stream.write(frame);
    else this.strayFrames++;
  }

  #open(call: DhtCall): DhtCall["stream"] {
    if (!call.path) return undefined;
    call.stream = this.#options.openStream(call.path, {
      frame: (frame) => this.#process.sendFrame(call.id, frame),
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
    if (call.direction === "in" || call.sent) this.#process.send({ type: "hang-up", call: call.id });
    if (!this.#wanted) this.#idleSince = this.#options.clock.now();
    this.#options.due();
    return true;
  }

  /** The process is gone, and with it all that went through it; what was opened directly stays. */
  #lost(): void {
    this.#online = false;
    this.#nodes = this.#announced = 0;
    this.#probe.handleNodes([]);
    for (const call of this.#calls.all())
      if (call.direction === "in") this.#drop(call);
      else if (call.sent) this.#gone(call);
    if (!this.#wanted) this.#process.stop(); // it comes back when somebody needs it
    this.#changed();
  }

  #changed(): void {
    const { state } = this;
    if (state === this.#lastState) return;
    this.#lastState = state;
    this.#options.events.changed();
  }
}
