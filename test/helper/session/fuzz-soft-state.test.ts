import { MEMBERSHIP } from "#protocol/session/membership-topic.ts";
import { NETWORK } from "#protocol/session/network-topic.ts";
import { SoftStateReceiver } from "#protocol/session/soft-state-receiver.ts";
import { SoftStateSender } from "#protocol/session/soft-state-sender.ts";
import type { Topic } from "#protocol/session/soft-state-topic.ts";
import { decodeControl, encodeControl, MAX_CONTROL, type ControlMessage } from "#wire/control.ts";
import type { StateMessage } from "#wire/control-state.ts";
import { fuzzMachines, serveDeadlines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import {
  CONTROL_FRAMES,
  MEMBERSHIP_ENTRIES,
  NETWORK_ENTRIES,
} from "#test/helper/wire/fuzz-control-targets.ts";

/** Numbers from few, so that messages that were never meant for one another fit together. */
function stateMessage(random: SeededRandom, topic: number, corpus: readonly Uint8Array[]): StateMessage {
  const numbered = {
    topic: random.oneIn(20) ? random.below(5) : topic,
    incarnation: random.below(3),
    version: random.oneIn(20) ? 0xffff_ffff : random.below(40),
  };
  const entries: Uint8Array[] = [];
  for (let count = random.below(12), size = 0; count > 0; count--) {
    const entry = random.oneIn(3) ? random.pick(corpus) : mutate(random, corpus).subarray(0, 300);
    size += 2 + entry.length;
    if (size > MAX_CONTROL - 22) break;
    entries.push(entry);
  }
  const ackWanted = random.oneIn(2);
  switch (random.below(5)) {
    case 0:
      return { type: "state-ack", ...numbered, gap: random.oneIn(2) };
    case 1:
    case 2: {
      const base = numbered.version - Math.min(numbered.version, random.below(4));
      return { type: "state-delta", ...numbered, ackWanted, base, entries };
    }
    default: {
      const parts = random.oneIn(10) ? 1 + random.below(4096) : 1 + random.below(3);
      return { type: "state-snapshot", ...numbered, ackWanted, part: random.below(parts), parts, entries };
    }
  }
}

class Receiver<Value> implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #topic: Topic<Value>;
  readonly #corpus: readonly Uint8Array[];
  readonly #receiver: SoftStateReceiver<Value>;
  readonly #sender: SoftStateSender<Value>;
  #now = 0;

  constructor(random: SeededRandom, topic: Topic<Value>, corpus: readonly Uint8Array[]) {
    this.#random = random;
    this.#topic = topic;
    this.#corpus = corpus;
    this.#receiver = new SoftStateReceiver(topic);
    this.#sender = new SoftStateSender(topic, 1);
    this.#sender.handleReady(0);
  }

  step(): boolean {
    const random = this.#random;
    let bytes: Uint8Array = encodeControl(stateMessage(random, this.#topic.id, this.#corpus));
    if (random.oneIn(3)) bytes = mutate(random, [bytes, ...CONTROL_FRAMES]);
    const { messages } = decodeControl(bytes);
    for (const message of messages) this.#hear(message);
    this.#takeOver();
    this.#sender.flush(this.#now);
    for (let message; (message = this.#sender.nextMessage());) encodeControl(message);
    for (let ack; (ack = this.#receiver.nextMessage());) encodeControl(ack);
    this.#now += random.oneIn(500) ? 100_000 : random.below(100);
    serveDeadlines(this.#receiver, this.#now);
    serveDeadlines(this.#sender, this.#now);
    return messages.length > 0;
  }

  /** What is heard from the far end is also said to it: both halves see odd values. */
  #takeOver(): void {
    for (const key of this.#receiver.takeChanged()) this.#sender.set(key, this.#receiver.entries.get(key));
    if (this.#random.oneIn(1000)) this.#sender.handleReady(this.#now);
  }

  #hear(message: ControlMessage): void {
    if (message.type === "state-snapshot") this.#receiver.handleSnapshot(message, this.#now);
    else if (message.type === "state-delta") this.#receiver.handleDelta(message, this.#now);
    else if (message.type === "state-ack") this.#sender.handleAck(message, this.#now);
  }

  held() {
    return {
      entries: [this.#receiver.entries.size, this.#topic.maxEntries],
      "entries to send": [this.#sender.size, this.#topic.maxEntries],
    } as const;
  }

  settle(): void {
    this.#now += 1_000_000;
    serveDeadlines(this.#receiver, this.#now);
    this.#receiver.clear(); // what was put together in part goes with the session
    this.#takeOver();
    this.#sender.handleLost();
    this.#sender.handleReady(this.#now);
    while (this.#sender.nextMessage());
  }

  left() {
    return { entries: this.#receiver.entries.size, "entries to send": this.#sender.size };
  }
}

fuzzMachines([
  {
    name: "membership as soft state",
    start: (random) => new Receiver(random, MEMBERSHIP, MEMBERSHIP_ENTRIES),
  },
  { name: "a network as soft state", start: (random) => new Receiver(random, NETWORK, NETWORK_ENTRIES) },
]);
