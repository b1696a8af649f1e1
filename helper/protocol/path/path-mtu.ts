// Datagram Packetization Layer Path MTU Discovery (RFC 8899) towards one endpoint, in the RFC's names. Sizes are those
// of our datagrams: a path's MTU less its IP and UDP headers. ICMP has no say: whatever it reports, a probe finds out.
import { BASE_PLPMTU, MIN_PLPMTU } from "#wire/frame.ts";

export type PathMtuState = "DISABLED" | "BASE" | "SEARCHING" | "SEARCH_COMPLETE" | "ERROR";

/** Probes of one size that may be lost before it counts as too big (section 5.1.2). */
export const MAX_PROBES = 3;
/** How long a probe's answer may take while no round trip time is known. */
export const PROBE_TIMER = 1_000;
/** With a round trip time the timer follows from it, as section 5.1.1 allows; never shorter than this. */
export const PROBE_TIMER_LEAST = 200;
/** A smaller path is searched again after this time (section 5.1.1) ... */
export const PMTU_RAISE_TIMER = 600_000;
/** ... and sooner at first, twice as late each time: what made a path smaller is often over soon. */
export const PMTU_RAISE_FIRST = 15_000;
/** What a probe has shown is taken to hold for this time, while nothing is lost. */
export const CONFIRMATION_LASTS = 60_000;
/** Tries in which the small companion was lost too: the path loses everything now, and tells nothing about sizes. */
const MAX_INCONCLUSIVE = 8;

/** Path MTUs that exist: PPPoE, tunnels in tunnels, mobile networks; and steps of 20 in between. */
const USUAL_MTUS = [
  1240, 1260, 1280, 1300, 1320, 1340, 1350, 1360, 1370, 1380, 1390, 1400, 1412, 1420, 1430, 1440, 1450, 1460,
  1476, 1480, 1492,
];

export type PathMtuCommand =
  /** Send a datagram of that size and, right behind it, a small one of the same number; both ask for an answer. */
  | { readonly type: "probe"; readonly size: number; readonly number: number }
  /** No datagram may be longer from now on. `settled`: the search is over, it will stay so for some time. */
  | { readonly type: "limit"; readonly bytes: number; readonly settled: boolean };

interface Probe {
  readonly size: number;
  number: number;
  lost: number;
  inconclusive: number;
  /** The companion of the last try has been answered. */
  companion: boolean;
  timeoutAt: number;
}

export class PathMtu {
  readonly #commands: PathMtuCommand[] = [];
  #state: PathMtuState = "DISABLED";
  #limit = BASE_PLPMTU;
  #most = 0;
  #headers = 0;
  /** The smallest size that did not pass, in the search that is under way. */
  #failed = Infinity;
  #probe: Probe | undefined;
  #number = 0;
  /** When a datagram as long as the PLPMTU was answered last. */
  #confirmedAt = -Infinity;
  #nextAt: number | undefined;
  #raiseAfter = PMTU_RAISE_FIRST;
  #rtt: number | undefined;

  get state(): PathMtuState {
    return this.#state;
  }

  /** The PLPMTU: bytes of a datagram that is known to pass. */
  get limit(): number {
    return this.#limit;
  }

  /** Of the whole path, IP and UDP headers included, as far as it is known. */
  get pathMtu(): number {
    return this.#limit + this.#headers;
  }

  nextCommand(): PathMtuCommand | undefined {
    return this.#commands.shift();
  }

  /** Another path. `headers`: of IP and UDP, in front of each datagram. */
  start(headers: number, most: number, now: number): void {
    this.#headers = headers;
    this.#most = most;
    this.#raiseAfter = PMTU_RAISE_FIRST;
    this.#enterBase(now);
  }

  /** There is no path, or one on which sizes do not matter. */
  stop(): void {
    this.#state = "DISABLED";
    this.#probe = undefined;
    this.#nextAt = undefined;
    this.#commands.length = 0;
  }

  /** A datagram of that size, a probe, has been answered, however late. */
  handleAnswer(size: number, now: number): void {
    if (this.#state === "DISABLED" || size > this.#most) return;
    if (size >= this.#limit) this.#confirmedAt = now;
    if (this.#probe && this.#probe.size <= size) this.#probe = undefined;
    if (this.#failed <= size) this.#failed = Infinity; // it was lost for another reason
    const confirmsBase = (this.#state === "BASE" || this.#state === "ERROR") && size >= BASE_PLPMTU;
    if (confirmsBase) this.#state = "SEARCHING";
    if (confirmsBase || size > this.#limit) this.#setLimit(size);
    if (this.#state === "SEARCHING" && !this.#probe) this.#search(now);
  }

  /** The small companion of that try has been answered: what does not pass is the size. */
  handleCompanion(number: number): void {
    if (this.#probe?.number === number) this.#probe.companion = true;
  }

  /** Milliseconds. */
  handleRtt(smoothed: number): void {
    this.#rtt = smoothed;
  }

  /** This computer's own interface takes no datagram as long as that. */
  handleTooBig(size: number, now: number): void {
    if (this.#state === "DISABLED") return;
    this.#failed = Math.min(this.#failed, size);
    if (size <= this.#limit && this.#limit > MIN_PLPMTU) this.#blackHole(size, now);
    else if (this.#probe && size <= this.#probe.size) this.#tooBig(this.#probe.size, now);
  }

  /** Some datagrams did not arrive: is it their size? Section 4.3, black hole detection. */
  confirm(now: number): void {
    if (this.#state === "SEARCH_COMPLETE" && !this.#probe) this.#send(this.#limit, now);
  }

  /** A flow begins after a pause, in which nobody would have noticed that the path has become smaller. */
  confirmIfOld(now: number): void {
    if (now - this.#confirmedAt >= CONFIRMATION_LASTS) this.confirm(now);
  }

  pollTimeout(): number | undefined {
    return this.#probe?.timeoutAt ?? this.#nextAt;
  }

  handleTimeout(now: number): void {
    const probe = this.#probe;
    if (!probe) {
      if (this.#nextAt === undefined || now < this.#nextAt) return;
      this.#nextAt = undefined;
      if (this.#state === "SEARCH_COMPLETE") this.#raise(now);
      else this.#send(BASE_PLPMTU, now);
      return;
    }
    if (now < probe.timeoutAt) return;
    if (probe.companion) probe.lost++;
    else probe.inconclusive++;
    if (probe.lost >= MAX_PROBES) this.#tooBig(probe.size, now);
    else if (probe.inconclusive >= MAX_INCONCLUSIVE) this.#giveUp(now);
    else this.#sendAgain(probe, now);
  }

  #enterBase(now: number): void {
    this.#state = "BASE";
    this.#failed = Infinity;
    this.#setLimit(BASE_PLPMTU);
    this.#send(BASE_PLPMTU, now);
  }

  /** The PLPMTU itself does not pass any more, nothing of `failed` bytes does. */
  #blackHole(failed: number, now: number): void {
    if (failed <= BASE_PLPMTU) return this.#error(now);
    this.#raiseAfter = PMTU_RAISE_FIRST;
    this.#enterBase(now);
    this.#failed = failed;
  }

  /** Not even BASE_PLPMTU passes: with the smallest there is, asking again from time to time. */
  #error(now: number): void {
    this.#state = "ERROR";
    this.#probe = undefined;
    this.#failed = Infinity;
    this.#setLimit(MIN_PLPMTU);
    this.#askLater(now);
  }

  #raise(now: number): void {
    this.#state = "SEARCHING";
    this.#failed = Infinity;
    this.#search(now);
  }

  /** The largest first, which most paths carry; then by halves among the usual sizes. */
  #search(now: number): void {
    if (this.#limit < this.#most && this.#failed > this.#most) return this.#send(this.#most, now);
    const left = USUAL_MTUS.map((mtu) => mtu - this.#headers).filter(
      (size) => size > this.#limit && size < this.#failed && size <= this.#most,
    );
    if (left.length > 0) return this.#send(left[left.length >> 1]!, now);
    this.#complete(now);
  }

  #complete(now: number): void {
    this.#state = "SEARCH_COMPLETE";
    this.#probe = undefined;
    this.#setLimit(this.#limit);
    if (this.#limit < this.#most) this.#askLater(now);
    else this.#nextAt = undefined;
  }

  #askLater(now: number): void {
    this.#nextAt = now + this.#raiseAfter;
    this.#raiseAfter = Math.min(2 * this.#raiseAfter, PMTU_RAISE_TIMER);
  }

  #tooBig(size: number, now: number): void {
    this.#probe = undefined;
    if (this.#state === "BASE") this.#error(now);
    else if (this.#state === "ERROR") this.#askLater(now);
    else if (size <= this.#limit) this.#blackHole(size, now);
    else {
      this.#failed = Math.min(this.#failed, size);
      this.#search(now);
    }
  }

  /** Nothing can be said while hardly anything arrives. */
  #giveUp(now: number): void {
    this.#probe = undefined;
    if (this.#state === "SEARCHING") this.#complete(now);
    else if (this.#state !== "SEARCH_COMPLETE") this.#askLater(now);
  }

  #send(size: number, now: number): void {
    this.#probe = { size, number: 0, lost: 0, inconclusive: 0, companion: false, timeoutAt: 0 };
    this.#sendAgain(this.#probe, now);
  }

  #sendAgain(probe: Probe, now: number): void {
    probe.number = ++this.#number;
    probe.companion = false;
    const rtt = this.#rtt;
    probe.timeoutAt = now + (rtt === undefined ? PROBE_TIMER : Math.max(PROBE_TIMER_LEAST, 3 * rtt));
    this.#commands.push({ type: "probe", size: probe.size, number: probe.number });
  }

  #setLimit(bytes: number): void {
    this.#limit = bytes;
    this.#commands.push({ type: "limit", bytes, settled: this.#state === "SEARCH_COMPLETE" });
  }
}
