// What a session does about the path to its peer: how large datagrams may be, and how much multicast it carries. Both
// live on the answers to pings; while something is forwarded, one a second asks for a report.
import type { Endpoint } from "#ports/endpoint.ts";
import { encodeProbe, type PathReport } from "#wire/control.ts";
import { CircuitBreaker, REPORT_INTERVAL } from "./circuit-breaker.ts";
import { PathMtu } from "./path-mtu.ts";

/** What the fast path counted for the peer so far. */
export interface PathTraffic {
  /** Datagrams that the peer must have sent, and those that came. */
  readonly expected: number;
  readonly received: number;
  /** Packets that were to be forwarded to the peer, bytes of multicast that went, packets that the breaker kept. */
  readonly offered: number;
  readonly multicastBytes: number;
  readonly broken: number;
  /** Bytes of the largest datagram of the last half second that came, that went (probes apart). */
  readonly largestReceived: number;
  readonly largestSent: number;
}

export type PathCommand =
  /** An ordinary ping, whose answer brings a report. */
  | { readonly type: "ping" }
  /** A control message in one datagram, whatever the limit. */
  | { readonly type: "send-probe"; readonly message: Uint8Array }
  | { readonly type: "datagram-limit"; readonly bytes: number; readonly settled: boolean }
  /** Bits a second of multicast; undefined: no limit. */
  | { readonly type: "multicast-limit"; readonly rate: number | undefined };

const ETHERNET_MTU = 1500;
const IPV4_UDP = 28;
const IPV6_UDP = 48;
const WRAP = 2 ** 32;
/** Control messages of this datagram size pass wherever anything does. */
const COMPANION = 80;
/** Unanswered probes that are remembered. */
const MOST_PROBES = 16;
/** A black hole for large packets is known after fewer reports; beyond them the loss is something else. */
const MOST_SIZE_LOST = 4;
/** A stream that has been over for so long may begin anew without a limit. */
const FORGET_LIMIT = 60_000;

interface Baseline {
  readonly at: number;
  readonly report: PathReport;
  readonly traffic: PathTraffic;
}

export class PathControl {
  readonly mtu = new PathMtu();
  readonly breaker = new CircuitBreaker();
  readonly #commands: PathCommand[] = [];
  /** By the stamp of its ping: the size of a probe, or the number of the try whose companion it is. */
  readonly #probes = new Map<number, { readonly size?: number; readonly companionOf?: number }>();
  readonly #stamp: (now: number) => number;
  #rtt = 0;
  #reportAt: number | undefined;
  #forgetAt: number | undefined;
  #baseline: Baseline | undefined;
  #offered = 0;
  #limit: number | undefined;
  /** Reports in a row that looked like loss by size. */
  #sizeLost = 0;

  /** `stamp`: of a ping that leaves now; no two are the same. */
  constructor(stamp: (now: number) => number) {
    this.#stamp = stamp;
  }

  nextCommand(): PathCommand | undefined {
    return this.#commands.shift();
  }

  /** The peer is there now: everything that was known of the path is forgotten. */
  start(endpoint: Endpoint, now: number): void {
    this.#probes.clear();
    this.#baseline = undefined;
    this.breaker.reset();
    // A byte stream cuts its own packets, and slows down by itself.
    if (endpoint.stream === undefined) {
      const headers = endpoint.address.includes(":") ? IPV6_UDP : IPV4_UDP;
      this.mtu.start(headers, ETHERNET_MTU - headers, now);
    } else this.mtu.stop();
    this.#carryOut(now);
  }

  stop(): void {
    this.mtu.stop();
    this.breaker.reset();
    this.#probes.clear();
    this.#baseline = undefined;
    this.#reportAt = this.#forgetAt = undefined;
    this.#commands.length = 0;
    this.#limit = undefined;
    this.#commands.push({ type: "multicast-limit", rate: undefined });
  }

  /** Something is forwarded to the peer, after a while in which nothing was. */
  handleActive(now: number, traffic: PathTraffic): void {
    this.#offered = traffic.offered;
    this.#forgetAt = undefined;
    if (this.#reportAt !== undefined) return;
    this.#baseline = undefined;
    this.#reportAt = now + REPORT_INTERVAL;
    this.#commands.push({ type: "ping" });
    this.mtu.confirmIfOld(now);
    this.#carryOut(now);
  }

  /** This computer's own interface takes no datagram of that size. */
  handleTooBig(bytes: number, now: number): void {
    this.mtu.handleTooBig(bytes, now);
    this.#carryOut(now);
  }

  /** Round trip time, smoothed, ms. */
  handleRtt(rtt: number): void {
    this.#rtt = rtt;
    this.mtu.handleRtt(rtt);
  }

  /** The answer to a ping. True where that was one of ours, and tells of nothing but the path. */
  handlePong(stamp: number, report: PathReport | undefined, traffic: PathTraffic, now: number): boolean {
    const probe = this.#probes.get(stamp);
    this.#probes.delete(stamp);
    if (probe?.size !== undefined) this.mtu.handleAnswer(probe.size, now);
    if (probe?.companionOf !== undefined) this.mtu.handleCompanion(probe.companionOf);
    if (report) this.#handleReport({ at: now, report, traffic });
    this.#carryOut(now);
    return probe !== undefined;
  }

  pollTimeout(): number | undefined {
    let earliest = Infinity;
    for (const time of [this.mtu.pollTimeout(), this.breaker.pollTimeout(), this.#reportAt, this.#forgetAt])
      if (time !== undefined && time < earliest) earliest = time;
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number, traffic: PathTraffic): void {
    this.mtu.handleTimeout(now);
    this.breaker.handleTimeout(now);
    if (this.#forgetAt !== undefined && now >= this.#forgetAt) {
      this.#forgetAt = undefined;
      this.breaker.reset();
    }
    if (this.#reportAt !== undefined && now >= this.#reportAt) this.#askForReport(now, traffic);
    this.#carryOut(now);
  }

  #askForReport(now: number, traffic: PathTraffic): void {
    const active = traffic.offered !== this.#offered;
    this.#offered = traffic.offered;
    if (active) {
      this.#commands.push({ type: "ping" });
      this.#reportAt = now + Math.max(REPORT_INTERVAL, 2 * this.#rtt);
      return;
    }
    this.#reportAt = undefined;
    if (this.breaker.limit !== undefined) this.#forgetAt = now + FORGET_LIMIT;
  }

  #handleReport(next: Baseline): void {
    const last = this.#baseline;
    if (!last) {
      this.#baseline = next;
      return;
    }
    const ms = next.at - last.at;
    if (ms < 0.9 * REPORT_INTERVAL) return; // other pings are answered too
    this.#baseline = next;
    const expected = (next.report.expected - last.report.expected + WRAP) % WRAP;
    const received = (next.report.received - last.report.received + WRAP) % WRAP;
    if (expected >= WRAP / 2 || received >= WRAP / 2) return; // the far end counts from zero again
    // A path that is too narrow loses packets of all sizes: where the largest still come, it is not for their size.
    const bySize = received < expected && next.report.largest < next.traffic.largestSent;
    if (bySize) this.mtu.confirm(next.at);
    this.#sizeLost = bySize ? this.#sizeLost + 1 : 0;
    if (bySize && this.#sizeLost <= MOST_SIZE_LOST) return; // smaller datagrams are what helps, not fewer
    this.breaker.handleInterval(
      {
        ms,
        expected,
        received,
        sentBytes: next.traffic.multicastBytes - last.traffic.multicastBytes,
        dropped: next.traffic.broken - last.traffic.broken,
      },
      next.at,
    );
  }

  #carryOut(now: number): void {
    for (let command; (command = this.mtu.nextCommand());) {
      if (command.type === "limit") this.#commands.push({ ...command, type: "datagram-limit" });
      else {
        this.#sendProbe(command.size, { size: command.size }, now);
        this.#sendProbe(COMPANION, { companionOf: command.number }, now);
      }
    }
    const { limit } = this.breaker;
    if (limit === this.#limit) return;
    this.#limit = limit;
    this.#commands.push({ type: "multicast-limit", rate: limit });
  }

  #sendProbe(
    size: number,
    probe: { readonly size?: number; readonly companionOf?: number },
    now: number,
  ): void {
    const stamp = this.#stamp(now);
    this.#probes.set(stamp, probe);
    for (const old of this.#probes.keys()) {
      if (this.#probes.size <= MOST_PROBES) break;
      this.#probes.delete(old);
    }
    this.#commands.push({ type: "send-probe", message: encodeProbe(stamp, size) });
  }
}
