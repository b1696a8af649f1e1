import { SERVICES } from "#protocol/session/services-topic.ts";
import { SoftStateReceiver } from "#protocol/session/soft-state-receiver.ts";
import { SoftStateSender } from "#protocol/session/soft-state-sender.ts";
import { isDiscovery, type DiscoveryMessage } from "#wire/control-discovery.ts";
import { type ServiceEntry } from "#wire/control-services.ts";
import type { ControlMessage } from "#wire/control.ts";
import type { Timed } from "../scheduler.ts";

/** Messages of a peer a second, and at once. Beyond that they are dropped and counted. */
const RATE = 100;
const BURST = 200;

/** A peer's part in discovery: the records that each end tells the other, and what they ask each other. */
export class PeerServices implements Timed {
  limited = 0;
  readonly #out: SoftStateSender<ServiceEntry>;
  readonly #in = new SoftStateReceiver<ServiceEntry>(SERVICES);
  #messages: DiscoveryMessage[] = [];
  readonly #toSend: DiscoveryMessage[] = [];
  #tokens = BURST;
  #filledAt = 0;
  #changed = false;
  /** The far end has not said for long that its records are still good. */
  #expired = false;

  constructor(incarnation: number) {
    this.#out = new SoftStateSender(SERVICES, incarnation);
  }

  /** What the far end tells. */
  get records(): Iterable<ServiceEntry> {
    return this.#in.entries.values();
  }

  /** Replaces what the far end is told. Returns how many entries found no place. */
  tell(entries: ReadonlyMap<string, ServiceEntry>): number {
    return this.#out.replace(entries);
  }

  send(message: DiscoveryMessage): void {
    if (this.#toSend.length < BURST) this.#toSend.push(message);
  }

  /**
   * Have the far end's records changed since the last call? Not when the session was lost, nor before they are here
   * again: what was known is good for a while.
   */
  takeChanged(): boolean {
    this.#changed = this.#in.takeChanged().size > 0 || this.#changed;
    if (!this.#expired && !(this.#changed && this.#in.holds)) return false;
    this.#changed = false;
    this.#expired = false;
    return true;
  }

  takeMessages(): DiscoveryMessage[] {
    const messages = this.#messages;
    if (messages.length > 0) this.#messages = [];
    return messages;
  }

  handle(message: ControlMessage, now: number): void {
    switch (message.type) {
      case "state-snapshot":
        return this.#in.handleSnapshot(message, now);
      case "state-delta":
        return this.#in.handleDelta(message, now);
      case "state-ack":
        return this.#out.handleAck(message, now);
      default:
        if (isDiscovery(message)) this.#take(message, now);
    }
  }

  handleReady(now: number): void {
    this.#out.handleReady(now);
    this.#in.handleReady();
    this.#in.handleReady();
  }

  handleLost(): void {
    this.#out.handleLost();
    this.#in.clear();
    this.#changed = true; // whatever the next snapshot says, nothing included
    this.#toSend.length = 0;
  }

  handleRtt(ms: number): void {
    this.#out.handleRtt(ms);
  }

  pollTimeout(): number | undefined {
    const [out, received] = [this.#out.pollTimeout(), this.#in.pollTimeout()];
    return out === undefined ? received : Math.min(out, received ?? Infinity);
  }

  handleTimeout(now: number): void {
    this.#out.handleTimeout(now);
    const held = this.#in.holds;
    this.#in.handleTimeout(now);
    if (held && !this.#in.holds) this.#expired = true;
  }

  /** What the far end has to hear. */
  *toSend(now: number): Iterable<ControlMessage> {
    yield* this.#toSend.splice(0);
    this.#out.flush(now);
    for (let message; (message = this.#out.nextMessage());) yield message;
    for (let ack; (ack = this.#in.nextMessage());) yield ack;
  }

  #take(message: DiscoveryMessage, now: number): void {
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#filledAt) / 1000) * RATE);
    this.#filledAt = now;
    if (this.#tokens < 1) {
      this.limited++;
      return;
    }
    this.#tokens--;
    this.#messages.push(message);
  }
}
