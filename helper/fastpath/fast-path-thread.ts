// The main thread's side of the fast path.
import { MessageChannel, Worker } from "node:worker_threads";
import type { MessagePort, WorkerOptions } from "node:worker_threads";
import { EFD_CLOEXEC, EFD_NONBLOCK } from "#edge/linux/constants.ts";
import { close, eventfd, write } from "#edge/linux/libc.ts";
import { checked } from "#edge/linux/system-error.ts";
import type { FastPath, FastPathCommand, FastPathEvent } from "#ports/fast-path.ts";
import { Counters, TRANSPORT_ROW, countersBytes } from "./counters.ts";
import type { VifCounters } from "./counters.ts";
import { FlowMemory, flowMemoryBytes } from "./flow-memory.ts";
import type { Flow } from "./flow-memory.ts";
import type { WorkerStart } from "./worker.ts";

/** Starts helper/fastpath/worker.ts, from the sources or out of the executable, with these options. */
export type StartWorker = (options: WorkerOptions) => Worker;

const fromSources: StartWorker = (options) => new Worker(new URL("./worker.ts", import.meta.url), options);

export class FastPathThread implements FastPath {
  /** When the worker has ended, by stop() or by an error, with which it rejects. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #wakeFd: number;
  readonly #counters: Counters;
  readonly #flows: FlowMemory;
  readonly #slept: Float64Array;
  readonly #handlers: ((event: FastPathEvent) => void)[] = [];
  readonly #one = new BigUint64Array([1n]);
  #open = true;

  /** `slept`: one float64, ms that the clock of all times here is ahead of performance.now(). */
  constructor(startWorker: StartWorker = fromSources, slept = new SharedArrayBuffer(8)) {
    this.#slept = new Float64Array(slept);
    const counters = new SharedArrayBuffer(countersBytes());
    const flows = new SharedArrayBuffer(flowMemoryBytes());
    this.#counters = new Counters(counters);
    this.#flows = new FlowMemory(flows);
    this.#wakeFd = checked("eventfd", eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const timeOrigin = Number(process.hrtime.bigint()) / 1e6 - performance.now();
    const workerData: WorkerStart = { port: port2, wakeFd: this.#wakeFd, counters, flows, slept, timeOrigin };
    this.#worker = startWorker({ workerData, transferList: [port2] });
    port1.on("message", (event: FastPathEvent) => {
      for (const handler of this.#handlers) handler(event);
    });
    this.ended = new Promise((resolve, reject) => {
      this.#worker.once("error", reject);
      this.#worker.once("exit", () => {
        this.#release();
        resolve();
      });
    });
    this.ended.catch(() => {}); // whoever cares awaits it
    // At its end the process waits for its workers, and this one sits in poll(2).
    process.once("exit", this.#stopNow);
  }

  /** In order; nothing after stop() or an error. */
  send(command: FastPathCommand): void {
    if (!this.#open) return;
    this.#port.postMessage(command);
    write(this.#wakeFd, this.#one, 8); // cannot fail but for a full counter, and then it is readable anyway
  }

  onEvent(handler: (event: FastPathEvent) => void): void {
    this.#handlers.push(handler);
  }

  async stop(): Promise<void> {
    this.#stopNow();
    await this.ended;
  }

  /** Counters of a vif since it was added. Times are performance.now() of this thread, and what was slept. */
  counters(vif: number): VifCounters {
    return this.#counters.read(vif);
  }

  /** What belongs to no vif: drops at the transport socket. */
  transportCounters(): VifCounters {
    return this.#counters.read(TRANSPORT_ROW);
  }

  /** Flows with a packet in the last `milliseconds`. */
  flows(milliseconds: number): Flow[] {
    return this.#flows.list(performance.now() + this.#slept[0]! - milliseconds);
  }

  readonly #stopNow = (): void => this.send({ type: "stop" });

  #release(): void {
    this.#open = false;
    process.off("exit", this.#stopNow);
    this.#port.close();
    close(this.#wakeFd);
  }
}
