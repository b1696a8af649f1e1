// A path that carries datagrams up to a size, with a round trip time and loss, between a PathMtu and an honest peer.
import { PathMtu } from "#protocol/path/path-mtu.ts";
import { seeded } from "#test/helper/session/sim-network.ts";

const IPV4_UDP = 28;

export class SimPath {
  readonly machine = new PathMtu();
  now = 1_000;
  /** The path's MTU, headers included. */
  mtu: number;
  rtt = 20;
  /** Share lost of either direction together. */
  loss = 0;
  /** What this computer's own interface takes. */
  interfaceMtu = 1500;
  readonly probes: { readonly at: number; readonly size: number }[] = [];
  readonly limits: number[] = [];
  readonly #headers: number;
  readonly #random: () => number;
  readonly #answers: { readonly at: number; readonly deliver: () => void }[] = [];

  constructor(mtu: number, headers = IPV4_UDP, seed = 1) {
    this.mtu = mtu;
    this.#headers = headers;
    this.#random = seeded(seed);
  }

  start(): void {
    this.machine.start(this.#headers, 1500 - this.#headers, this.now);
    this.#drain();
  }

  /** Runs for that long, or until `until` holds. Returns how long it took, or undefined. */
  runFor(ms: number, until: () => boolean = () => false): number | undefined {
    const start = this.now;
    const end = start + ms;
    while (!until()) {
      const timeout = this.machine.pollTimeout() ?? Infinity;
      const next = Math.min(timeout, ...this.#answers.map(({ at }) => at));
      if (next > end) {
        this.now = end;
        return until() ? end - start : undefined;
      }
      this.now = Math.max(this.now, next);
      const due = this.#answers.findIndex(({ at }) => at <= this.now);
      if (due >= 0) this.#answers.splice(due, 1)[0]!.deliver();
      else this.machine.handleTimeout(this.now);
      this.#drain();
    }
    return this.now - start;
  }

  lose(): void {
    this.machine.confirm(this.now);
    this.#drain();
  }

  /** Something is forwarded again. */
  begin(): void {
    this.machine.confirmIfOld(this.now);
    this.#drain();
  }

  #drain(): void {
    for (let command; (command = this.machine.nextCommand());) {
      if (command.type === "limit") {
        this.limits.push(command.bytes);
        continue;
      }
      const { size, number } = command;
      this.probes.push({ at: this.now, size });
      if (size + this.#headers > this.interfaceMtu) this.machine.handleTooBig(size, this.now);
      else if (size + this.#headers <= this.mtu)
        this.#answer(() => this.machine.handleAnswer(size, this.now));
      this.#answer(() => this.machine.handleCompanion(number));
    }
  }

  #answer(answered: () => void): void {
    if (this.#random() < this.loss) return;
    this.#answers.push({
      at: this.now + this.rtt,
      deliver: () => {
        this.machine.handleRtt(this.rtt);
        answered();
      },
    });
  }
}
