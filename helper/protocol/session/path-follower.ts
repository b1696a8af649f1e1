import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import { PathControl, type PathTraffic } from "#protocol/path/path-control.ts";
import type { PathReport } from "#wire/control.ts";
import type { SessionCommand } from "./session-types.ts";

export interface PathFollowerOptions {
  /** Of a ping at that time. */
  readonly stamp: (now: number) => number;
  /** Sends an ordinary ping, where there are keys for it. */
  readonly ping: (now: number) => void;
  readonly push: (command: SessionCommand) => void;
}

/** What is found out about the path to the peer, from the start whenever it leads to another endpoint. */
export class PathFollower {
  readonly control: PathControl;
  readonly #options: PathFollowerOptions;
  #to: Endpoint | undefined;

  constructor(options: PathFollowerOptions) {
    this.#options = options;
    this.control = new PathControl(options.stamp);
  }

  /** The next path is another one, also where it leads to the same endpoint. */
  forget(): void {
    this.#to = undefined;
  }

  follow(to: Endpoint | undefined, now: number): void {
    if (!to || (this.#to && sameEndpoint(to, this.#to))) return;
    this.#to = to;
    this.control.start(to, now);
    this.#carryOut(now);
  }

  stop(): void {
    this.control.stop();
  }

  handleActive(now: number, traffic: PathTraffic): void {
    this.control.handleActive(now, traffic);
    this.#carryOut(now);
  }

  handleTooBig(bytes: number, now: number): void {
    this.control.handleTooBig(bytes, now);
    this.#carryOut(now);
  }

  /** True where the ping asked about the path alone. */
  handlePong(stamp: number, report: PathReport | undefined, traffic: PathTraffic, now: number): boolean {
    return this.control.handlePong(stamp, report, traffic, now);
  }

  /** Smoothed, ms. */
  handleRtt(rtt: number, now: number): void {
    this.control.handleRtt(rtt);
    this.#carryOut(now);
  }

  pollTimeout(): number | undefined {
    return this.control.pollTimeout();
  }

  handleTimeout(now: number, traffic: PathTraffic): void {
    this.control.handleTimeout(now, traffic);
    this.#carryOut(now);
  }

  #carryOut(now: number): void {
    for (let command; (command = this.control.nextCommand());)
      if (command.type === "ping") this.#options.ping(now);
      else this.#options.push(command);
  }
}
