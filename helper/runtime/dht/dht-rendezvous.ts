// The public DHT as a way of finding each other: no server of ours, and no address in the invite. What speaks with
// the DHT is a process of its own; this is what the daemon makes of its words.
import type { DhtEvent } from "#dht/messages.ts";
import type { Launcher } from "#edge/linux/launcher.ts";
import type { Socket } from "node:net";
import type { Clock } from "#ports/clock.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import type { Log } from "#ports/log.ts";
import type {
  CallHandlers,
  OutgoingCall,
  Rendezvous,
  RendezvousEvents,
  RendezvousState,
} from "#ports/rendezvous.ts";
import type { DhtIdentity } from "#protocol/reach/dht-identity.ts";
import type { NatView } from "#protocol/reach/nat-probe.ts";
import type { Timed } from "../scheduler.ts";
import { DhtProcess, type DhtCounters } from "./dht-process.ts";
import { DhtSwitchboard } from "./dht-switchboard.ts";
import type { OpenFrameStream } from "./frame-stream.ts";
import { PublicAddress } from "./public-address.ts";

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
  readonly #address: PublicAddress;
  readonly #switchboard: DhtSwitchboard;
  #hosting = false;
  #online = false;
  #nodes = 0;
  #announced = 0;
  #wantedSince = 0;
  #idleSince = 0;
  #configured: string;
  #lastState: RendezvousState = "off";

  constructor(options: DhtRendezvousOptions) {
    this.#options = options;
    this.name = options.name;
    this.#configured = JSON.stringify(options.configuration());
    const { entropy, clock, launcher, uidOf, log, events, sendDatagram, openStream, due } = options;
    this.#address = new PublicAddress({
      clock,
      entropy,
      sendDatagram,
      observed: (endpoint) => events.observed(endpoint),
      due,
    });
    this.#process = new DhtProcess({
      launcher,
      uidOf,
      clock,
      log,
      due,
      ready: () => this.#ready(),
      event: (event) => this.#handle(event),
      frame: (call, frame) => this.#switchboard.frame(call, frame),
      lost: () => this.#lost(),
    });
    this.#switchboard = new DhtSwitchboard({
      clock,
      process: this.#process,
      address: this.#address,
      hosting: () => this.#hosting,
      events,
      openStream,
      dropped: () => this.#dropped(),
      due,
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
      nat: this.#address.view,
      counters: this.#process.counters,
    };
  }

  /** Frames that belong to no call. */
  get strayFrames(): number {
    return this.#switchboard.strayFrames;
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
    const call = key && this.#switchboard.call(key, handlers);
    if (call) this.#need();
    return call;
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
    this.#process.send({ type: "name-nodes" });
    this.#address.handleNetworkChanged();
  }

  close(): void {
    this.#hosting = false;
    this.#switchboard.close();
    this.#process.stop();
    this.#lost();
  }

  /** A datagram of the DHT's type, on the transport socket. */
  handleDatagram(data: Uint8Array, from: Endpoint): void {
    this.#address.handleDatagram(data, from);
    this.#settleAddress();
  }

  pollTimeout(): number | undefined {
    const times = [this.#process.pollTimeout(), this.#address.pollTimeout(), this.#switchboard.pollTimeout()];
    if (!this.#wanted && this.#process.state !== "off") times.push(this.#idleSince + LINGER_MS);
    if (this.#wanted && !this.#online && this.#lastState === "connecting")
      times.push(this.#wantedSince + OFFLINE_MS + 1);
    const earliest = Math.min(...times.map((time) => time ?? Infinity));
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    if ((this.#process.pollTimeout() ?? Infinity) <= now) this.#process.handleTimeout(now);
    this.#address.handleTimeout(now);
    this.#settleAddress();
    this.#switchboard.handleTimeout(now);
    if (!this.#wanted && this.#process.state !== "off" && now >= this.#idleSince + LINGER_MS) {
      this.#process.stop();
      this.#lost();
    }
    this.#changed();
  }

  get #wanted(): boolean {
    return this.#hosting || this.#switchboard.size > 0;
  }

  /** Somebody needs the DHT from now on. */
  #need(): void {
    if (this.#process.state !== "off") return this.#address.ask();
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
        this.#address.handleNodes(event.nodes);
        this.#address.ask();
        this.#switchboard.placeCalls();
        break;
      case "called":
      case "answered":
      case "failed":
      case "path":
      case "ended":
        this.#switchboard.handle(event);
        break;
      case "log":
        this.#options.log.write(event.level, "the DHT's process says", { text: event.text });
        break;
      case "hello":
        break; // the process's own end has dealt with it
    }
    this.#options.due();
  }

  #settleAddress(): void {
    if (this.#address.settle()) this.#switchboard.handleAddress();
  }

  #dropped(): void {
    if (!this.#wanted) this.#idleSince = this.#options.clock.now();
    this.#options.due();
  }

  /** The process is gone, and with it all that went through it; what was opened directly stays. */
  #lost(): void {
    this.#online = false;
    this.#nodes = this.#announced = 0;
    this.#address.handleNodes([]);
    this.#switchboard.handleLost();
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
