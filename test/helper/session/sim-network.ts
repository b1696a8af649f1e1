import { endpointText, type Endpoint } from "#ports/endpoint.ts";
import { SimStreams } from "./sim-streams.ts";

/** A small generator with a seed (mulberry32): scenarios are the same on every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface SimSocket {
  handleDatagram(data: Uint8Array, from: Endpoint): void;
  pollTimeout(): number | undefined;
  handleTimeout(): void;
  handleStreamClosed?(stream: number): void;
}

export interface PathOptions {
  loss: number; // 0 to 1
  duplicates: number; // 0 to 1
  latency: number; // ms
  jitter: number; // ms, more than the distance of two datagrams reorders them
}

/** Datagrams between endpoints, in simulated time. Nothing sleeps. */
export class SimNetwork {
  now = 1_000;
  readonly path: PathOptions = { loss: 0, duplicates: 0, latency: 10, jitter: 0 };
  readonly random: () => number;
  readonly streams: SimStreams = new SimStreams(this);
  /** Return false to lose a datagram. */
  filter: (from: Endpoint, to: Endpoint, data: Uint8Array) => boolean = () => true;
  readonly sent: { readonly at: number; from: string; to: string; data: Uint8Array }[] = [];
  readonly #sockets = new Map<string, SimSocket>();
  readonly #inFlight: { readonly at: number; readonly deliver: () => void }[] = [];

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  bind(endpoint: Endpoint, socket: SimSocket): void {
    this.#sockets.set(endpointText(endpoint), socket);
  }

  unbind(endpoint: Endpoint): void {
    this.#sockets.delete(endpointText(endpoint));
  }

  send(from: Endpoint, to: Endpoint, data: Uint8Array): void {
    if (to.stream !== undefined) return this.streams.send(to.stream, data);
    this.sent.push({ at: this.now, from: endpointText(from), to: endpointText(to), data });
    if (!this.filter(from, to, data) || this.random() < this.path.loss) return;
    const copies = this.random() < this.path.duplicates ? 2 : 1;
    for (let i = 0; i < copies; i++)
      this.at(this.now + this.path.latency + this.random() * this.path.jitter, () =>
        this.#sockets.get(endpointText(to))?.handleDatagram(data.slice(), from),
      );
  }

  socket(endpoint: Endpoint): SimSocket | undefined {
    return this.#sockets.get(endpointText(endpoint));
  }

  at(time: number, deliver: () => void): void {
    this.#inFlight.push({ at: time, deliver });
  }

  /** Runs until `time`; or until `until` holds, and returns when that was. */
  run(time: number, until: () => boolean = () => false): number | undefined {
    for (;;) {
      if (until()) return this.now;
      let next = time;
      for (const { at } of this.#inFlight) next = Math.min(next, at);
      const sockets = new Set(this.#sockets.values());
      for (const socket of sockets) next = Math.min(next, socket.pollTimeout() ?? Infinity);
      this.now = Math.max(this.now, next);
      if (next >= time) return until() ? this.now : undefined;
      const due = this.#inFlight.findIndex(({ at }) => at <= this.now);
      if (due >= 0) this.#inFlight.splice(due, 1)[0]!.deliver();
      else
        for (const socket of sockets)
          if ((socket.pollTimeout() ?? Infinity) <= this.now) socket.handleTimeout();
    }
  }

  /** Runs for that long. Returns how long it took until `until` held, or undefined. */
  runFor(ms: number, until?: () => boolean): number | undefined {
    const start = this.now;
    const end = this.run(start + ms, until);
    return end === undefined ? undefined : end - start;
  }
}
