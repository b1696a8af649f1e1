// The worker thread's entry: the engine on shared counters, driven by the loop until "stop".
import { performance } from "node:perf_hooks"; // the global of that name is a getter, looked up at each use
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { allocateMemory } from "#edge/linux/memory.ts";
import type { FastPathCommand, FastPathEvent } from "#ports/fast-path.ts";
import { Counters } from "./counters.ts";
import { ARENA_BYTES, Engine } from "./engine.ts";
import { FlowMemory } from "./flow-memory.ts";
import { runLoop } from "./loop.ts";

export interface WorkerStart {
  readonly port: MessagePort;
  readonly wakeFd: number;
  readonly counters: SharedArrayBuffer;
  readonly flows: SharedArrayBuffer;
  /** One float64: milliseconds that were slept, which performance.now() knows nothing of. */
  readonly slept: SharedArrayBuffer;
  /** Milliseconds of process.hrtime at the main thread's performance.now() of 0. */
  readonly timeOrigin: number;
}

function hrtimeMilliseconds(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function main({ port, wakeFd, counters, flows, slept, timeOrigin }: WorkerStart): void {
  const sleep = new Float64Array(slept);
  const offset = hrtimeMilliseconds() - performance.now() - timeOrigin;
  const emit = (event: FastPathEvent): void => port.postMessage(event);
  const engine = new Engine(allocateMemory(ARENA_BYTES), new Counters(counters), new FlowMemory(flows), emit);
  emit({ type: "ready" });
  runLoop(
    engine,
    wakeFd,
    () => receiveMessageOnPort(port)?.message as FastPathCommand | undefined,
    () => performance.now() + offset + sleep[0]!,
  );
  engine.close();
  emit({ type: "stopped" });
  port.close();
}

main(workerData as WorkerStart);
