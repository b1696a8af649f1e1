import type { Endpoint } from "#ports/endpoint.ts";
import type { PathControl, PathTraffic } from "#protocol/path/path-control.ts";
import {
  encodeControl,
  type CloseReason,
  type ControlMessage,
  type Hello,
  type PathReport,
} from "#wire/control.ts";
import type { Accepted } from "./acceptor.ts";
import { LOST_AFTER, RETRY_DENSE, RTT_EVERY } from "./constants.ts";
import { Handshaker } from "./handshaker.ts";
import { KeyChain, type KeyInfo } from "./key-chain.ts";
import { Liveness } from "./liveness.ts";
import { PathFollower } from "./path-follower.ts";
import { Talk } from "./talk.ts";
import type {
  LostReason,
  SessionCommand,
  SessionEvent,
  SessionOptions,
  SessionTraffic,
  StreamTarget,
} from "./session-types.ts";
import { Way } from "./way.ts";

/** One peer: handshakes, keys, keepalive, dead peer detection, roaming. Data frames are the fast path's. */
export class Session {
  #options: SessionOptions;
  readonly #handshaker: Handshaker;
  readonly #keys: KeyChain;
  readonly #liveness = new Liveness();
  readonly #talk: Talk;
  readonly #path: PathFollower;
  readonly #way: Way;
  readonly #commands: SessionCommand[] = [];
  #up = false;
  /** Reported as lost, with keys that still work if the peer is heard again. */
  #silent = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#handshaker = new Handshaker(options);
    this.#talk = new Talk(options.hello);
    this.#keys = new KeyChain(options.releaseIndex);
    const push = (command: SessionCommand): void => void this.#commands.push(command);
    this.#path = new PathFollower({
      stamp: (now) => this.#talk.roundTrip.stamp(now),
      ping: (now) => {
        if (this.#keys.usable) this.#ping(now);
      },
      push,
    });
    this.#way = new Way({
      handshaker: this.#handshaker,
      liveness: this.#liveness,
      entropy: options.entropy,
      mayInitiate: () => this.#options.mayInitiate,
      hasKeys: () => this.#keys.usable,
      push,
    });
  }

  get up(): boolean {
    return this.#up;
  }

  get dialing(): boolean {
    return this.#handshaker.dialer.dialing;
  }

  /** What worked last. */
  get endpoint(): Endpoint | undefined {
    return this.#handshaker.dialer.preferred;
  }

  /** Milliseconds, smoothed; undefined before the first answer. */
  get rtt(): number | undefined {
    return this.#talk.roundTrip.smoothed;
  }

  /** What the path to the peer carries. */
  get path(): Pick<PathControl, "mtu" | "breaker"> {
    return this.#path.control;
  }

  get peerHello(): Hello | undefined {
    return this.#talk.greeting.peer;
  }

  /** Control messages that could not be read, and those of types that we do not know. */
  get counters(): { readonly malformed: number; readonly unknown: number } {
    return this.#talk.counters;
  }

  nextCommand(): SessionCommand | undefined {
    return this.#commands.shift();
  }

  /** Starts handshakes, to all endpoint candidates. */
  connect(now: number): void {
    if (this.#options.mayInitiate) this.#handshaker.dialer.start(now);
  }

  /** The peer has proved who it is: from now on it may be called too, with what it shares with us. */
  allowCalls(psk: Uint8Array): void {
    this.#options = { ...this.#options, psk, mayInitiate: true };
    this.#handshaker.setPsk(psk);
  }

  /** Later handshakes try these too; what worked last comes first in any case. */
  setCandidates(candidates: readonly Endpoint[]): void {
    this.#handshaker.dialer.setCandidates(candidates);
  }

  /** Where streams may be opened when UDP does not answer, the likeliest first. None: there is no fallback. */
  setStreamTargets(targets: readonly StreamTarget[]): void {
    this.#way.setTargets(targets);
  }

  /** When the handshake began that is under way. */
  get dialingSince(): number | undefined {
    return this.#handshaker.dialer.startedAt;
  }

  /** A handshake to these alone, beside what else is under way: who answers is where the session goes on. */
  tryPaths(endpoints: readonly Endpoint[], now: number): void {
    if (this.#options.mayInitiate) this.#way.call(endpoints, now);
  }

  /** Says goodbye and forgets the keys. `connect` begins anew. */
  close(reason: CloseReason, now: number): void {
    if (this.#keys.usable) this.#send({ type: "close", reason }, now);
    this.#handshaker.stop();
    this.#forgetKeys();
    this.#goDown();
    this.#way.close(now);
  }

  /** Dropped while there are no keys: soft state is sent anew when the session is ready. */
  sendControl(message: ControlMessage, now: number): void {
    if (this.#keys.usable) this.#send(message, now);
  }

  /** A ping that somebody waits for: its answer is the "rtt" event with this stamp. undefined: there are no keys. */
  probe(now: number): number | undefined {
    if (!this.#keys.usable) return undefined;
    const ping = this.#talk.ping(now);
    this.#send(ping, now);
    return ping.stamp;
  }

  /** Our own addresses or routes changed: the peer must hear from the new ones at once. */
  handleNetworkChanged(now: number): void {
    this.#handshaker.handleNetworkChanged(now);
    if (this.#keys.usable) this.#liveness.suspect(now);
    this.#way.handleNetworkChanged(now);
  }

  /** The fast path saw an authenticated packet from there, and answers there already. */
  handlePeerMoved(endpoint: Endpoint, now: number): void {
    this.#way.goBy(endpoint, false, now);
    if (this.#up) this.#path.follow(this.endpoint, now);
    this.#event({ type: "moved", endpoint });
  }

  /** The fast path forwards something to the peer, after a while in which there was nothing. */
  handleActive(now: number, traffic: PathTraffic): void {
    if (this.#up) this.#path.handleActive(now, traffic);
  }

  /** The fast path was refused a datagram of that size by this computer's own interface. */
  handleTooBig(bytes: number, now: number): void {
    this.#path.handleTooBig(bytes, now);
  }

  /** The stream of that call is open. */
  handleStreamOpened(call: number, endpoint: Endpoint, now: number): void {
    this.#way.handleStreamOpened(call, endpoint, now);
  }

  handleStreamFailed(call: number, now: number): void {
    this.#way.handleStreamFailed(call, now);
  }

  /** A stream has ended, perhaps one that is none of ours. */
  handleStreamClosed(stream: number, now: number): void {
    this.#way.handleStreamClosed(stream, now);
  }

  /** A frame of type FRAME_COOKIE_REPLY to an index of ours. */
  handleCookieReply(data: Uint8Array, from: Endpoint, now: number): void {
    const again = this.#handshaker.handleCookieReply(data, from, now);
    if (again) this.#commands.push({ type: "send-datagram", ...again });
  }

  /** A frame of type FRAME_HANDSHAKE_RESPONSE to that index of ours. False: it was not valid. */
  handleHandshakeResponse(data: Uint8Array, receiverIndex: number, from: Endpoint, now: number): boolean {
    const answer = this.#handshaker.handleResponse(data, receiverIndex);
    if (!answer) return false;
    const { keys } = answer;
    const { status, wallMs: peerWallMs } = answer.payload;
    if (!keys) {
      this.#event({ type: "refused", status, peerWallMs });
      this.#forgetKeys();
      this.#lose("refused");
      return true;
    }
    this.#way.goBy(from, true, now);
    const info = this.#keys.add(keys, true, status === "pending-approval", now);
    this.#commands.push({ type: "set-endpoint", endpoint: from });
    this.#commands.push({ type: "install-keys", keys, confirmed: true });
    this.#comeUp(info, peerWallMs, now);
    this.#ping(now); // the first packet confirms the keys to the responder, and its answer tells the round trip time
    return true;
  }

  /** The acceptor took a handshake of this peer: answers it, and waits for the first packet under the keys. */
  handleAccepted(accepted: Accepted, now: number): void {
    const { keys, from, response, status } = accepted;
    if (keys) {
      // A session that is up follows the peer's packets to a new address, not its handshakes: those could be old.
      if (!this.#up) {
        this.#way.goBy(from, false, now);
        this.#commands.push({ type: "set-endpoint", endpoint: from });
      }
      this.#keys.add(keys, false, status === "pending-approval", now);
      this.#commands.push({ type: "install-keys", keys, confirmed: false });
    }
    this.#commands.push({ type: "send-datagram", to: from, data: response });
  }

  /** The first packet under keys that we answered with: now we may send with them too. */
  handleKeysConfirmed(localIndex: number, now: number): void {
    const info = this.#keys.confirm(localIndex);
    if (!info) return;
    this.#handshaker.dialer.stop();
    this.#comeUp(info, undefined, now);
  }

  /** What the fast path opened as a control message of this peer. Never throws for what the peer sent. */
  handleControl(payload: Uint8Array, now: number, traffic: SessionTraffic): void {
    this.#liveness.heard(now);
    this.#settle(now);
    for (const message of this.#talk.decode(payload)) {
      if (this.#keys.size === 0) break; // a close came before it
      if (message.type === "close") this.#handleClose(message.reason, now);
      else if (message.type === "pong" && this.#handlePong(message, now, traffic)) continue;
      else {
        const { reply, event } = this.#talk.handleMessage(message, reportOf(traffic), now);
        if (reply) this.#send(reply, now);
        if (event) this.#event(event);
        // A ping comes when a flow begins, too.
        if (event?.type === "control" || message.type === "ping") this.#liveness.activity(now);
      }
    }
  }

  /** True where the ping asked about the path alone. */
  #handlePong({ stamp, report }: Pong, now: number, traffic: SessionTraffic): boolean {
    const done = this.#path.handlePong(stamp, report, traffic, now);
    if (done) this.#talk.roundTrip.handleStamp(stamp, now);
    this.#path.handleRtt(this.#talk.rtt, now);
    return done;
  }

  #handleClose(reason: CloseReason, now: number): void {
    this.#handshaker.stop();
    this.#forgetKeys();
    this.#lose(reason);
    // It is away on purpose: no hurry. Removed members are told so when they try.
    if (this.#options.mayInitiate && reason !== "removed")
      this.#handshaker.dialer.start(now, now + RETRY_DENSE);
  }

  pollTimeout(): number | undefined {
    const { dialer } = this.#handshaker;
    const probing = this.#up ? this.#liveness.probingSince : undefined;
    let earliest = Infinity;
    for (const time of [
      dialer.pollTimeout(),
      this.#giveUpAt(),
      this.#liveness.pollTimeout(),
      this.#path.pollTimeout(),
      this.#talk.greeting.pollTimeout(),
      this.#keys.pruneAt,
      this.#rekeyAt(),
      this.#way.pollTimeout(),
      probing === undefined ? undefined : probing + LOST_AFTER,
    ])
      if (time !== undefined && time < earliest) earliest = time;
    return earliest === Infinity ? undefined : earliest;
  }

  /** `traffic`: the counters of this moment. */
  handleTimeout(now: number, traffic: SessionTraffic): void {
    this.#expireKeys(now);
    this.#path.handleTimeout(now, traffic);
    const { rtt } = this.#talk;
    const { ping, handshake, keepalive } = this.#liveness.handleTimeout(now, traffic, rtt);
    if (this.#liveness.probingSince === undefined) this.#settle(now);
    if (ping || (keepalive && now - this.#talk.roundTrip.measuredAt >= RTT_EVERY)) this.#ping(now);
    else if (keepalive) this.#commands.push({ type: "send-keepalive" });
    const rekeyAt = this.#rekeyAt();
    if (handshake || (rekeyAt !== undefined && rekeyAt <= now)) this.connect(now);
    const probing = this.#liveness.probingSince;
    if (this.#up && probing !== undefined && now - probing >= LOST_AFTER) this.#lose("silent");
    const hello = this.#talk.greeting.handleTimeout(now);
    if (hello) this.#send(hello, now);
    const giveUpAt = this.#giveUpAt();
    if (giveUpAt !== undefined && giveUpAt <= now) {
      this.#handshaker.stop();
      this.#way.settle(now);
      this.#event({ type: "gave-up" });
    }
    if (this.#way.takeStranded(now) && this.#up) this.#lose("silent");
    this.#way.handleTimeout(now);
    for (const datagram of this.#handshaker.handleTimeout(now, rtt))
      this.#commands.push({ type: "send-datagram", ...datagram });
  }

  #comeUp(info: KeyInfo, peerWallMs: number | undefined, now: number): void {
    this.#liveness.start(now);
    const was = this.#up;
    this.#up = true;
    this.#silent = false;
    if (!was) this.#path.forget(); // it may be another path than before
    this.#path.follow(this.endpoint, now);
    if (was) {
      this.#event({ type: "rekeyed", cipher: info.cipher });
      return; // a peer that has forgotten us says hello by itself
    }
    this.#event({ type: "established", ...info, peerWallMs });
    this.#greet(now);
  }

  /** The far end answers: what was suspected was wrong, or is over. */
  #settle(now: number): void {
    if (!this.#keys.usable) return;
    if (this.#silent) {
      this.#silent = false;
      this.#up = true;
      this.#path.forget();
      this.#path.follow(this.endpoint, now);
      this.#event({ type: "resumed" });
      this.#greet(now);
    }
    if (this.#keys.rekeyAt! > now) this.#handshaker.dialer.stop();
    this.#way.settle(now);
  }

  #greet(now: number): void {
    const hello = this.#talk.greet(now);
    if (hello) this.#send(hello, now);
  }

  #lose(reason: LostReason): void {
    const was = this.#up;
    if (this.#keys.usable) this.#silent = true;
    else this.#goDown();
    this.#up = false;
    if (was) this.#event({ type: "lost", reason });
  }

  #goDown(): void {
    this.#way.handleDown();
    this.#up = false;
    this.#silent = false;
    this.#liveness.stop();
    this.#path.stop();
    this.#talk.greeting.stop();
  }

  #expireKeys(now: number): void {
    const before = this.#keys.size;
    this.#keys.prune(now);
    if (before === 0 || this.#keys.size > 0) return;
    this.#commands.push({ type: "clear-keys" });
    this.#lose("expired");
    this.connect(now);
  }

  #forgetKeys(): void {
    if (this.#keys.size > 0) this.#commands.push({ type: "clear-keys" });
    this.#keys.clear();
  }

  #rekeyAt(): number | undefined {
    const { dialer } = this.#handshaker;
    const may = this.#options.mayInitiate && !dialer.dialing && dialer.endpoints().length > 0;
    return may ? this.#keys.rekeyAt : undefined;
  }

  #giveUpAt(): number | undefined {
    const { startedAt } = this.#handshaker.dialer;
    const { giveUpAfter } = this.#options;
    return startedAt === undefined || giveUpAfter === undefined ? undefined : startedAt + giveUpAfter;
  }

  #ping(now: number): void {
    this.#send(this.#talk.ping(now), now);
  }

  #send(message: ControlMessage, now: number): void {
    this.#commands.push({ type: "send-control", message: encodeControl(message) });
    if (!asksForAnswer(message)) return;
    this.#liveness.expectAnswer(now, this.#talk.rtt);
    if (message.type !== "ping") this.#liveness.activity(now);
  }

  #event(event: SessionEvent): void {
    this.#commands.push({ type: "event", event });
  }
}

type Pong = Extract<ControlMessage, { type: "pong" }>;

function reportOf({ expected, received, largestReceived }: SessionTraffic): PathReport {
  const largest = Math.min(largestReceived, 0xffff);
  return { expected: expected % 2 ** 32, received: received % 2 ** 32, largest };
}

function asksForAnswer(message: ControlMessage): boolean {
  switch (message.type) {
    case "ping":
      return true;
    case "hello":
      return message.wantsReply;
    case "state-snapshot":
    case "state-delta":
      return message.ackWanted;
    default:
      return false;
  }
}
