// The daemon's doctor, asked topic by topic, so that people see how far it is.
import type { Check, DoctorTopic } from "#contract/snapshot.ts";
import type { Bridge } from "#renderer/api/bridge.ts";
import { CallError } from "#renderer/api/call-error.ts";

/** Asked side by side: some topics wait for an answer from far away. */
const AT_ONCE = 3;

export interface TopicResult {
  readonly topic: DoctorTopic;
  readonly state: "waiting" | "running" | "done" | "failed";
  readonly checks: readonly Check[];
  readonly error: CallError | null;
}

export class Examination {
  readonly #bridge: Bridge;
  #results = $state.raw<readonly TopicResult[]>([]);
  #running = $state(false);
  #finishedAt = $state<number | null>(null);
  #error = $state.raw<CallError | null>(null);

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
  }

  get results(): readonly TopicResult[] {
    return this.#results;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Wall ms of the last examination that went through all topics; null: there was none. */
  get finishedAt(): number | null {
    return this.#finishedAt;
  }

  /** Why it could not begin. */
  get error(): CallError | null {
    return this.#error;
  }

  get done(): number {
    return this.#results.filter(({ state }) => state === "done" || state === "failed").length;
  }

  /** Asks for all topics. While it runs, nothing: it is not begun twice. `now` is wall ms. */
  async run(now: () => number): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    this.#error = null;
    try {
      const { topics } = await this.#bridge.daemon("doctor.topics", {});
      this.#results = topics.map((topic) => ({ topic, state: "waiting", checks: [], error: null }));
      const waiting = [...topics];
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (let topic; (topic = waiting.shift());) await this.#ask(topic);
        }),
      );
      this.#finishedAt = now();
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.#error = error;
    } finally {
      this.#running = false;
    }
  }

  /** One topic anew, after something was done about it. */
  async again(id: string): Promise<void> {
    const result = this.#results.find(({ topic }) => topic.id === id);
    if (result) await this.#ask(result.topic);
  }

  async #ask(topic: DoctorTopic): Promise<void> {
    this.#put({ topic, state: "running", checks: [], error: null });
    try {
      const { checks } = await this.#bridge.daemon("doctor", { topic: topic.id });
      this.#put({ topic, state: "done", checks, error: null });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.#put({ topic, state: "failed", checks: [], error });
    }
  }

  #put(result: TopicResult): void {
    this.#results = this.#results.map((one) => (one.topic.id === result.topic.id ? result : one));
  }
}

const examinations = new WeakMap<Bridge, Examination>();

/** One for as long as the window is open: what was found is still there when somebody comes back to the screen. */
export function examinationOf(bridge: Bridge): Examination {
  let examination = examinations.get(bridge);
  if (!examination) examinations.set(bridge, (examination = new Examination(bridge)));
  return examination;
}
