import type { KeyPair } from "#noise/x25519.ts";
import { NoiseError } from "#noise/noise-error.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type {
  CallHandlers,
  OutgoingCall,
  Rendezvous,
  RendezvousEvents,
  RendezvousState,
} from "#ports/rendezvous.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import type { MeetClientEvent } from "#protocol/meet/meet-client-command.ts";
import { MeetClient } from "#protocol/meet/meet-client.ts";
import { family } from "#wire/address.ts";
import type { Core } from "../core.ts";
import type { Timed } from "../scheduler.ts";

/** A meeting point that does not answer may be at another address by now. */
const LOOK_UP_AGAIN = 60_000;
/** Greetings without an answer after which people are told. */
const SILENT = 4;
/** ... and after which it is tried by TCP: that is three quarters of a second. */
const TCP_AFTER = 3;
const TCP_AGAIN = 10_000;
/** On a stream our mapping is not seen, so no hole can be made: UDP is tried again when nobody is relayed by it. */
const UDP_AGAIN = 30_000;

/** Streams to a meeting point that UDP does not reach. */
export interface MeetStreamPort {
  readonly enabled: () => boolean;
  /** Rejects where it cannot be opened, or was given up. */
  readonly open: (place: Candidate, signal: AbortSignal) => Promise<Endpoint>;
  readonly close: (stream: number) => void;
}

export interface MeetRendezvousOptions {
  readonly core: Core;
  readonly local: KeyPair;
  readonly place: Candidate;
  readonly resolve: (candidates: readonly Candidate[]) => Promise<readonly Endpoint[]>;
  readonly send: (to: Endpoint, data: Uint8Array) => void;
  readonly streams: MeetStreamPort;
  readonly events: RendezvousEvents;
}

/** A meeting point as a way to find each other, by the transport's own socket. */
export class MeetRendezvous implements Rendezvous, Timed {
  readonly name: string;
  readonly #options: MeetRendezvousOptions;
  readonly #client: MeetClient;
  readonly #handlers = new Map<string, CallHandlers>(); // by call id
  #udp: readonly Endpoint[] = [];
  #stream: Endpoint | undefined;
  #opening: AbortController | undefined;
  #switchAt = 0;
  #lookedUpAt = -Infinity;
  #found = true;
  #closed = false;

  constructor(options: MeetRendezvousOptions) {
    const { core, local, place } = options;
    this.#options = options;
    this.name = place.host;
    this.#client = new MeetClient({
      local,
      entropy: core.entropy,
      wallMs: () => core.clock.wall(),
    });
    core.scheduler.add(this);
    void this.#lookUp();
  }

  get state(): RendezvousState {
    const client = this.#client;
    if (!client.hosting && client.calls === 0) return "off";
    if (client.hosting ? client.registered : client.welcome !== undefined) return "ready";
    return !this.#found || client.unanswered >= SILENT ? "failed" : "connecting";
  }

  get problem(): string {
    return this.#found ? "it does not answer" : "its name was not found";
  }

  host(on: boolean): void {
    this.#client.host(on, this.#now());
    this.#carryOut();
  }

  call(hostPublicKey: Uint8Array, handlers: CallHandlers): OutgoingCall | undefined {
    let id: string | undefined;
    try {
      id = this.#client.call(hostPublicKey, this.#now());
    } catch (error) {
      if (error instanceof NoiseError) return undefined; // a key that no host can have
      throw error;
    }
    if (id === undefined) return undefined;
    const callId = id;
    this.#handlers.set(callId, handlers);
    queueMicrotask(() => this.#input()); // nothing is told before this returns
    return {
      requestRelay: () => {
        this.#client.requestRelay(callId, this.#now());
        this.#input();
      },
      end: () => {
        this.#handlers.delete(callId);
        this.#client.end(callId);
      },
    };
  }

  handleNetworkChanged(): void {
    this.#leaveStream();
    this.#switchAt = 0;
    this.#client.handleNetworkChanged(this.#now());
    void this.#lookUp();
    this.#carryOut();
  }

  /** False: not of this meeting point. */
  handleMessage(data: Uint8Array, from: Endpoint, now: number): boolean {
    const understood = this.#client.handleMessage(data, from, now);
    this.#carryOut();
    return understood;
  }

  /** A stream of anybody's has ended. */
  streamClosed(stream: number): void {
    if (this.#stream?.stream !== stream) return;
    this.#stream = undefined;
    this.#switchAt = this.#now() + 1_000;
    this.#client.setServers(this.#udp, this.#now());
    this.#carryOut();
  }

  close(): void {
    this.#leaveStream();
    this.#closed = true;
    this.#options.core.scheduler.remove(this);
    this.#handlers.clear();
  }

  pollTimeout(): number | undefined {
    const due = this.#client.pollTimeout();
    if (!this.#stream || this.#client.legs > 0) return due;
    return Math.min(due ?? Infinity, this.#switchAt);
  }

  handleTimeout(now: number): void {
    this.#client.handleTimeout(now);
    this.#chooseTransport(now);
    if (this.state === "failed" && now - this.#lookedUpAt >= LOOK_UP_AGAIN) void this.#lookUp();
    this.#carryOut();
  }

  async #lookUp(): Promise<void> {
    const { resolve, place, core } = this.#options;
    this.#lookedUpAt = this.#now();
    const found = await resolve([place]);
    if (this.#closed) return;
    this.#found = found.length > 0;
    // IPv4 first: that is where routers translate addresses, and where it has to be known what they make of ours.
    const sorted = [...found].sort((a, b) => family(a.address) - family(b.address));
    if (sorted.length > 0) this.#udp = sorted;
    if (!this.#stream) this.#client.setServers(this.#udp, this.#now());
    this.#carryOut();
    core.turn();
  }

  #chooseTransport(now: number): void {
    const client = this.#client;
    if (this.#stream) {
      if (client.legs === 0 && now >= this.#switchAt) {
        this.#leaveStream();
        client.setServers(this.#udp, now);
      }
    } else if (client.unanswered >= TCP_AFTER && this.#options.streams.enabled() && now >= this.#switchAt)
      void this.#openStream();
  }

  async #openStream(): Promise<void> {
    if (this.#opening) return;
    const { streams, place, core } = this.#options;
    const opening = new AbortController();
    this.#opening = opening;
    try {
      const stream = await streams.open(place, opening.signal);
      if (opening.signal.aborted || this.#closed || this.#client.welcome)
        return streams.close(stream.stream!);
      this.#stream = stream;
      this.#switchAt = this.#now() + UDP_AGAIN;
      this.#client.setServers([stream], this.#now());
    } catch {
      this.#switchAt = this.#now() + TCP_AGAIN; // its state says that nobody answers
    } finally {
      if (this.#opening === opening) this.#opening = undefined;
      this.#carryOut();
      if (!this.#closed) core.turn();
    }
  }

  #leaveStream(): void {
    this.#opening?.abort();
    const stream = this.#stream;
    this.#stream = undefined;
    if (!stream) return;
    this.#options.streams.close(stream.stream!);
    this.#client.setServers(this.#udp, this.#now());
  }

  #input(): void {
    this.#carryOut();
    if (!this.#closed) this.#options.core.turn();
  }

  #carryOut(): void {
    for (let command; !this.#closed && (command = this.#client.nextCommand());)
      if (command.type === "send") this.#options.send(command.to, command.data);
      else this.#event(command.event);
  }

  #event(event: MeetClientEvent): void {
    const { events } = this.#options;
    switch (event.type) {
      case "changed":
        return events.changed();
      case "observed":
        return events.observed(event.endpoint);
      case "called": {
        const { callId, payload } = event;
        return events.called({
          payload,
          answer: (answer) => {
            this.#client.answer(callId, answer);
            this.#carryOut();
          },
        });
      }
      case "payload-wanted": {
        const payload = this.#handlers.get(event.callId)?.payload();
        if (payload) this.#client.setPayload(event.callId, payload, this.#now());
        return;
      }
      case "answered":
        return this.#handlers.get(event.callId)?.answered(event.payload);
      case "relay":
        return this.#handlers.get(event.callId)?.relay(event.endpoint);
      case "failed": {
        const handlers = this.#handlers.get(event.callId);
        this.#handlers.delete(event.callId);
        return handlers?.failed(event.reason);
      }
      case "relayed":
        return events.relayed(event.endpoint);
      case "relay-lost":
        return events.relayLost(event.endpoint);
    }
  }

  #now(): number {
    return this.#options.core.clock.now();
  }
}
