import {
  FLOW_PACKETS,
  FLOW_STOPPED,
  IDLE_CHECK,
  KEEPALIVE,
  LOST_AFTER,
  PROBE_HANDSHAKE_AFTER,
  PROBE_INTERVAL,
  PROBE_PINGS,
  SENDING_SILENCE,
  SILENCE,
  STREAM_KEEPALIVE,
  STREAM_SILENCE,
} from "./constants.ts";

/** What the fast path counted for a peer, of data frames that opened. Times are monotonic ms, -Infinity for never. */
export interface Traffic {
  readonly lastReceivedAt: number;
  readonly lastSentAt: number;
  /** Packets so far. */
  readonly received: number;
  readonly sent: number;
}

export interface LivenessActions {
  readonly ping: boolean;
  readonly handshake: boolean;
  readonly keepalive: boolean;
}

interface Probe {
  readonly since: number;
  pings: number;
  nextAt: number;
  /** Pings that may stay unanswered before a handshake; Infinity once it was asked for. */
  patience: number;
}

/**
 * Is the far end still there? Looks at counters, so that packets cost it nothing: seldom while nothing happens,
 * twice a second while something flows. A suspicion becomes a probe: pings, then a handshake beside them. Suspicious
 * are an answer that does not come, a flow that stops, much sent with nothing heard, and long silence.
 */
export class Liveness {
  #checkAt: number | undefined;
  /** Something happened: a look that no other check before it makes needless. */
  #lookAt: number | undefined;
  #heardAt = -Infinity;
  #expectSince: number | undefined;
  #flowing = false;
  #received = 0;
  #sent = 0;
  #probe: Probe | undefined;
  #onStream = false;

  /** A stream that has gone dead does not say so: it is watched more closely than UDP, and kept in use. */
  setStream(onStream: boolean, now: number): void {
    if (onStream && !this.#onStream && this.#checkAt !== undefined)
      this.#checkAt = Math.min(this.#checkAt, now + STREAM_KEEPALIVE);
    this.#onStream = onStream;
  }

  /** The session came up, or was renewed: whatever was suspected is settled. */
  start(now: number): void {
    this.#heardAt = now;
    this.#expectSince = undefined;
    this.#flowing = false;
    this.#probe = undefined;
    this.#checkAt = now + 1_000;
  }

  stop(): void {
    this.#checkAt = undefined;
    this.#lookAt = undefined;
    this.#probe = undefined;
    this.#expectSince = undefined;
  }

  /** When the probe that is still unanswered began. */
  get probingSince(): number | undefined {
    return this.#probe?.since;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  pollTimeout(): number | undefined {
    return this.#checkAt;
  }

  /** A control message came. */
  heard(now: number): void {
    this.#heardAt = Math.max(this.#heardAt, now);
    if (this.#probe && now > this.#probe.since) this.#probe = undefined;
    this.#expectSince = undefined;
  }

  /** Something happens: look soon whether a flow begins. */
  activity(now: number): void {
    if (this.#checkAt === undefined) return;
    this.#lookAt ??= now + 1_000;
    this.#checkAt = Math.min(this.#checkAt, this.#lookAt);
  }

  /** A message that asks for an answer was sent. */
  expectAnswer(now: number, rtt: number): void {
    if (this.#checkAt === undefined) return;
    this.#expectSince ??= now;
    this.#checkAt = Math.min(this.#checkAt, now + probeInterval(rtt));
  }

  /** Our own address may have changed: ask at once, and do not wait long for the answer. */
  suspect(now: number): void {
    if (this.#checkAt === undefined) return;
    this.#probe = { since: now, pings: 0, nextAt: now, patience: 1 };
    this.#checkAt = now;
  }

  handleTimeout(now: number, traffic: Traffic, rtt: number): LivenessActions {
    if (this.#checkAt === undefined || now < this.#checkAt)
      return { ping: false, handshake: false, keepalive: false };
    const received = traffic.received - this.#received;
    const sending = traffic.sent - this.#sent >= FLOW_PACKETS;
    if (this.#lookAt !== undefined && now >= this.#lookAt) this.#lookAt = undefined;
    // Until the look all that comes is counted together: a flow may stop right after it began.
    if (this.#lookAt === undefined) this.#received = traffic.received;
    this.#sent = traffic.sent;
    this.#heardAt = Math.max(this.#heardAt, traffic.lastReceivedAt);
    if (this.#probe && this.#heardAt > this.#probe.since) this.#probe = undefined;
    if (this.#expectSince !== undefined && this.#heardAt > this.#expectSince) this.#expectSince = undefined;
    if (!this.#probe && this.#suspicious(now, received, sending, rtt))
      this.#probe = { since: now, pings: 0, nextAt: now, patience: PROBE_HANDSHAKE_AFTER };
    const { ping, handshake } = this.#probe ? this.#advance(this.#probe, now, rtt) : NOTHING;
    this.#checkAt = this.#nextCheck(now, sending, rtt);
    const keepalive = !ping && !this.#probe && traffic.lastSentAt + this.#keepalive <= this.#checkAt;
    return { ping, handshake, keepalive };
  }

  #suspicious(now: number, received: number, sending: boolean, rtt: number): boolean {
    const silent = now - this.#heardAt;
    if (received >= FLOW_PACKETS) this.#flowing = true;
    if (this.#flowing && silent >= FLOW_STOPPED) {
      this.#flowing = false;
      return true;
    }
    if (this.#expectSince !== undefined && now - this.#expectSince >= probeInterval(rtt)) return true;
    return silent >= (sending ? SENDING_SILENCE : this.#silence);
  }

  #advance(probe: Probe, now: number, rtt: number): { ping: boolean; handshake: boolean } {
    this.#expectSince = undefined;
    if (now < probe.nextAt) return NOTHING;
    const handshake = probe.pings >= probe.patience;
    if (handshake) probe.patience = Infinity;
    const ping = probe.pings < PROBE_PINGS;
    if (ping) probe.pings++;
    const lost = now - probe.since >= LOST_AFTER;
    probe.nextAt = now + (ping ? probeInterval(rtt) : lost ? IDLE_CHECK : 1_000);
    return { ping, handshake };
  }

  get #keepalive(): number {
    return this.#onStream ? STREAM_KEEPALIVE : KEEPALIVE;
  }

  get #silence(): number {
    return this.#onStream ? STREAM_SILENCE : SILENCE;
  }

  #nextCheck(now: number, sending: boolean, rtt: number): number {
    if (this.#probe) return this.#probe.nextAt;
    let at = now + (this.#onStream ? STREAM_KEEPALIVE : IDLE_CHECK);
    if (this.#onStream) at = Math.min(at, this.#heardAt + STREAM_SILENCE);
    if (this.#flowing) at = Math.min(at, this.#heardAt + FLOW_STOPPED);
    if (sending) at = Math.min(at, this.#heardAt + SENDING_SILENCE);
    if (this.#expectSince !== undefined) at = Math.min(at, this.#expectSince + probeInterval(rtt));
    if (this.#lookAt !== undefined) at = Math.min(at, this.#lookAt);
    return Math.max(at, now + 50); // counters may be younger than `now`; never spin
  }
}

const NOTHING = { ping: false, handshake: false };

function probeInterval(rtt: number): number {
  return Math.max(PROBE_INTERVAL, 1.5 * rtt);
}
