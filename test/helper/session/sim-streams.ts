import type { Endpoint } from "#ports/endpoint.ts";
import type { SimNetwork } from "./sim-network.ts";

interface End {
  readonly stream: number;
  /** The computer that has this end, by its own endpoint. */
  readonly at: Endpoint;
  /** What it sees of the other one. */
  readonly remote: Endpoint;
  readonly far: number;
}

/** TCP between the nodes of a simulated network: in order, nothing lost, until it is cut or goes dead. */
export class SimStreams {
  /** ms, one way; a full queue on the way makes it long. */
  latency = 10;
  /** How a connection to there goes: it stands, is refused, or nobody answers. */
  answer: (to: Endpoint) => "open" | "refused" | "silence" = () => "open";
  /** Return false where a stream is dead: what is written to it goes nowhere, and nobody says so. */
  alive: (stream: number) => boolean = () => true;
  opened = 0;
  readonly #network: SimNetwork;
  readonly #ends = new Map<number, End>();

  constructor(network: SimNetwork) {
    this.#network = network;
  }

  /** Streams that are open, both ends counted. */
  get size(): number {
    return this.#ends.size;
  }

  open(from: Endpoint, to: Endpoint, done: (endpoint: Endpoint | undefined) => void): void {
    const how = this.answer(to);
    if (how === "silence") return;
    this.#network.at(this.#network.now + 2 * this.latency, () => {
      if (how === "refused") return done(undefined);
      const near = ++this.opened * 2;
      const far = near + 1;
      const remote = { ...to, stream: near };
      this.#ends.set(near, { stream: near, at: from, remote, far });
      this.#ends.set(far, {
        stream: far,
        at: to,
        remote: { ...from, port: 40_000 + near, stream: far },
        far: near,
      });
      done(remote);
    });
  }

  send(stream: number, data: Uint8Array): void {
    const end = this.#ends.get(stream);
    if (!end || !this.alive(stream)) return;
    this.#network.at(this.#network.now + this.latency, () => {
      const there = this.#ends.get(end.far);
      if (there) this.#network.socket(there.at)?.handleDatagram(data.slice(), there.remote);
    });
  }

  /** By one of its ends. */
  close(stream: number): void {
    const end = this.#ends.get(stream);
    if (!this.#ends.delete(stream) || !end || !this.alive(stream)) return;
    this.#network.at(this.#network.now + this.latency, () => this.#gone(end.far));
  }

  /** By somebody in between: both ends hear of it. */
  cut(): void {
    for (const stream of [...this.#ends.keys()]) this.#gone(stream);
  }

  #gone(stream: number): void {
    const end = this.#ends.get(stream);
    if (this.#ends.delete(stream) && end) this.#network.socket(end.at)?.handleStreamClosed?.(stream);
  }
}
