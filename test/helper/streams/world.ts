// The streams of two computers on this one's loopback: real sockets, a fast path that the test plays.
import { onTestFinished } from "vitest";
import { linuxStreamSockets } from "#edge/linux/stream-sockets.ts";
import { recv, write } from "#edge/linux/libc.ts";
import { MSG_DONTWAIT } from "#edge/linux/constants.ts";
import type { FastPathCommand } from "#ports/fast-path.ts";
import type { Core } from "#runtime/core.ts";
import { RingLog } from "#runtime/log.ts";
import { PathKinds } from "#runtime/reach/path-kinds.ts";
import { Scheduler } from "#runtime/scheduler.ts";
import { DEFAULT_REACH, type ReachSettings } from "#runtime/store/reach-settings.ts";
import { Streaming } from "#runtime/streams/streaming.ts";

type Added = Extract<FastPathCommand, { type: "stream-add" }>;

export interface StreamsEnd {
  readonly streaming: Streaming;
  readonly paths: PathKinds;
  readonly log: RingLog;
  readonly added: Added[];
  readonly closed: number[];
  /** What the far end wrote into a stream. */
  read(stream: number): Buffer;
  write(stream: number, bytes: Uint8Array): number;
  settings: ReachSettings;
}

/** `port`: of the transport. */
export function streamsEnd(port: number, environment: NodeJS.ProcessEnv = {}): StreamsEnd {
  const clock = { now: () => performance.now(), wall: () => Date.now() };
  const log = new RingLog("debug", () => {}, false);
  const added: Added[] = [];
  const closed: number[] = [];
  const paths = new PathKinds();
  const fdOf = (stream: number): number => added.find((one) => one.stream === stream)!.fd;
  const send = (command: FastPathCommand): void => {
    if (command.type === "stream-add") added.push(command);
    if (command.type === "stream-remove")
      queueMicrotask(() => end.streaming.streams.handle({ type: "stream-removed", stream: command.stream }));
  };
  const scheduler = new Scheduler(clock, () => scheduler.arm());
  const core = { clock, log, scheduler, fastPath: { send, onEvent: () => {} } } as unknown as Core;
  const end: StreamsEnd = {
    paths,
    log,
    added,
    closed,
    settings: DEFAULT_REACH,
    streaming: new Streaming({
      core,
      sockets: linuxStreamSockets,
      paths,
      port,
      machineKey: new Uint8Array(32).fill(9),
      environment,
      settings: () => end.settings,
      hosting: () => true,
      closed: (stream) => closed.push(stream),
    }),
    read: (stream) => {
      const buffer = Buffer.alloc(1 << 20);
      const got = recv(fdOf(stream), buffer, buffer.length, MSG_DONTWAIT);
      return buffer.subarray(0, Math.max(0, got));
    },
    write: (stream, bytes) => write(fdOf(stream), bytes, bytes.length),
  };
  onTestFinished(() => {
    end.streaming.close();
    end.streaming.releaseAll();
    scheduler.stop();
  });
  return end;
}

export async function until(what: string, holds: () => boolean, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
