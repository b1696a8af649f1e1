import { decodeControl, type ControlMessage, type Hello, type PathReport } from "#wire/control.ts";
import { Greeting } from "./greeting.ts";
import { RoundTrip } from "./round-trip.ts";
import type { SessionEvent, SessionOptions } from "./session-types.ts";

export interface Heard {
  readonly reply?: ControlMessage;
  readonly event?: SessionEvent;
}

/** The small talk of a session: pings and pongs, hellos, and counting what could not be understood. */
export class Talk {
  readonly greeting: Greeting;
  readonly roundTrip = new RoundTrip();
  #malformed = 0;
  #unknown = 0;

  constructor(hello: SessionOptions["hello"]) {
    this.greeting = new Greeting(hello);
  }

  get counters(): { readonly malformed: number; readonly unknown: number } {
    return { malformed: this.#malformed, unknown: this.#unknown };
  }

  /** Milliseconds, 0 before the first answer. */
  get rtt(): number {
    return this.roundTrip.smoothed ?? 0;
  }

  /** Never throws for what the peer sent. */
  decode(payload: Uint8Array): readonly ControlMessage[] {
    const { messages, malformed, unknown } = decodeControl(payload);
    this.#malformed += malformed;
    this.#unknown += unknown;
    return messages;
  }

  ping(now: number): Extract<ControlMessage, { type: "ping" }> {
    return { type: "ping", stamp: this.roundTrip.stamp(now) };
  }

  /** The hello that opens the conversation. */
  greet(now: number): Hello | undefined {
    this.greeting.start(now);
    return this.greeting.handleTimeout(now);
  }

  /** `report`: what came of the peer's datagrams. */
  handleMessage(message: Exclude<ControlMessage, { type: "close" }>, report: PathReport, now: number): Heard {
    switch (message.type) {
      case "ping":
        return { reply: { type: "pong", stamp: message.stamp, report } };
      case "pong": {
        const ms = this.roundTrip.handleStamp(message.stamp, now);
        return ms === undefined ? {} : { event: { type: "rtt", ms, stamp: message.stamp } };
      }
      case "hello": {
        const { reply, ready, restarted } = this.greeting.handleHello(message);
        const event: SessionEvent = { type: "ready", hello: message, restarted };
        return { ...(reply && { reply }), ...(ready && { event }) };
      }
      default:
        return { event: { type: "control", message } };
    }
  }
}
