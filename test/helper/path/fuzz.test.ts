// A session's look at its path, while the far end reports whatever it likes, answers pings that it never got, and the
// path changes under it.
import { LOWEST_RATE } from "#protocol/path/circuit-breaker.ts";
import { PathControl, type PathCommand, type PathTraffic } from "#protocol/path/path-control.ts";
import type { PathMtuState } from "#protocol/path/path-mtu.ts";
import { decodeControl, type PathReport } from "#wire/control.ts";
import { FRAME_OVERHEAD, MAX_DATAGRAM, MIN_PLPMTU } from "#wire/frame.ts";
import { fuzzMachines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

const EDGES = [0, 1, 19, 20, 1_000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const MTU_STATES: readonly PathMtuState[] = ["DISABLED", "BASE", "SEARCHING", "SEARCH_COMPLETE", "ERROR"];
/** What an input may lead to: two probes with a companion each, a limit and a rate, a ping. */
const MOST_COMMANDS = 12;

class FuzzedPath implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #stamps: number[] = [];
  readonly #path: PathControl;
  /** States that no input has led to. */
  readonly #never = new Set<string>(["closed", "limiting", "open", ...MTU_STATES]);
  #honest: PathReport = { expected: 0, received: 0, largest: 0 };
  #bad = true;
  #stamp = 0;
  #now = 1_000;
  #waiting = 0;
  #traffic: PathTraffic = {
    expected: 0,
    received: 0,
    offered: 0,
    multicastBytes: 0,
    broken: 0,
    largestReceived: 0,
    largestSent: 0,
  };

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#path = new PathControl(() => ++this.#stamp);
  }

  step(): boolean {
    const random = this.#random;
    this.#now += random.below(random.oneIn(20) ? 100_000 : 400);
    this.#send();
    this.#input();
    const commands = this.#drain();
    if (commands > MOST_COMMANDS) throw new Error(`${commands} commands after one input`);
    this.#check();
    return commands > 0;
  }

  held(): Record<string, readonly [number, number]> {
    return { "commands that wait": [this.#waiting, MOST_COMMANDS] };
  }

  settle(): void {
    for (let n = 0; n < 5_000; n++) {
      const due = this.#path.pollTimeout();
      if (due === undefined) break;
      this.#now = Math.max(this.#now, due);
      this.#path.handleTimeout(this.#now, this.#traffic);
      this.#drain();
      this.#check();
    }
    this.#path.stop();
    this.#drain();
  }

  left(): Record<string, number> {
    return {
      "states never seen": this.#never.size,
      deadlines: this.#path.pollTimeout() === undefined ? 0 : 1,
      commands: this.#drain(),
    };
  }

  #input(): void {
    const random = this.#random;
    const path = this.#path;
    const now = this.#now;
    switch (random.below(9)) {
      case 0:
        if (random.oneIn(50)) path.stop();
        else if (random.oneIn(10))
          path.start(
            {
              address: random.oneIn(2) ? "192.0.2.1" : "2001:db8::1",
              port: 4000,
              ...(random.oneIn(4) && { stream: 1 }),
            },
            now,
          );
        break;
      case 1:
        path.handleActive(now, this.#traffic);
        break;
      case 2:
        path.handleTooBig(random.below(2_000), now);
        break;
      case 3:
        path.handleRtt(random.pick([0, 0.1, 20, 300, 60_000]));
        break;
      case 4:
      case 5:
      case 6: {
        const stamp = random.oneIn(3) ? random.pick(EDGES) : (this.#stamps.at(-1 - random.below(8)) ?? 0);
        const report = this.#report();
        path.handlePong(stamp, random.oneIn(5) ? undefined : report, this.#traffic, now);
        break;
      }
      default:
        this.#now = Math.max(now, path.pollTimeout() ?? now);
        path.handleTimeout(this.#now, this.#traffic);
        this.#drain();
        // Nothing may ask to be woken at once again: a deadline that is met is over.
        if ((path.pollTimeout() ?? Infinity) <= this.#now) throw new Error("it spins");
    }
  }

  /** Mostly what an honest far end would say of a path that is good for some time, then bad; else anything. */
  #report(): PathReport {
    const random = this.#random;
    const largest = random.below(0x10000);
    if (random.oneIn(200)) this.#bad = !this.#bad;
    if (random.oneIn(50)) return { expected: this.#number(), received: this.#number(), largest };
    const { expected, received } = this.#honest;
    const sent = random.below(500);
    this.#honest = {
      expected: (expected + sent) % 2 ** 32,
      received: (received + Math.floor(this.#bad ? sent / 10 : sent)) % 2 ** 32,
      largest,
    };
    return this.#honest;
  }

  #number(): number {
    return this.#random.oneIn(2) ? this.#random.pick(EDGES) : this.#random.below(0x1_0000_0000);
  }

  #send(): void {
    const { random, traffic: t } = { random: this.#random, traffic: this.#traffic };
    if (random.oneIn(3)) return;
    this.#traffic = {
      ...t,
      offered: t.offered + random.below(1_000),
      multicastBytes: t.multicastBytes + random.below(10_000_000),
      broken: t.broken + random.below(3),
      largestSent: random.below(MAX_DATAGRAM),
    };
  }

  #drain(): number {
    let count = 0;
    for (let command; (command = this.#path.nextCommand()); count++) this.#carryOut(command);
    this.#waiting = count;
    return count;
  }

  #carryOut(command: PathCommand): void {
    if (command.type === "datagram-limit" && !(command.bytes >= MIN_PLPMTU && command.bytes <= MAX_DATAGRAM))
      throw new Error(`a limit of ${command.bytes} bytes`);
    if (command.type !== "send-probe") return;
    const { messages, malformed } = decodeControl(command.message);
    const [ping] = messages;
    if (malformed > 0 || ping?.type !== "ping") throw new Error("a probe is a ping");
    if (command.message.length + FRAME_OVERHEAD > MAX_DATAGRAM)
      throw new Error("a probe that no frame holds");
    this.#stamps.push(ping.stamp);
    if (this.#stamps.length > 64) this.#stamps.shift();
  }

  #check(): void {
    const { limit, loss, state } = this.#path.breaker;
    this.#never.delete(state);
    this.#never.delete(this.#path.mtu.state);
    if (limit !== undefined && limit !== 0 && !(Number.isFinite(limit) && limit >= LOWEST_RATE))
      throw new Error(`a limit of ${limit} bit/s`);
    if (loss !== undefined && !(loss >= 0 && loss <= 1)) throw new Error(`a loss of ${loss}`);
  }
}

fuzzMachines([{ name: "path", runs: 20_000, understood: 0.03, start: (random) => new FuzzedPath(random) }]);
