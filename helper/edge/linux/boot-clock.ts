// A monotonic clock that goes on while the computer sleeps. Node's own clock is CLOCK_MONOTONIC, which stands still
// then: keys would outlive their time, and a peer's silence would look short.
import type { Clock } from "#ports/clock.ts";
import { O_CLOEXEC, O_NONBLOCK } from "./constants.ts";
import { clockGettime, close, read, timerfdCreate, timerfdSettime } from "./libc.ts";
import { checked } from "./system-error.ts";
import { watchReadable } from "./watch-descriptor.ts";

// linux/time.h, linux/timerfd.h
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;
const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;
const NEVER_S = 0x7fff_ffffn; // 2038; a timer that fires is armed again like one that was cancelled

/** Less is no sleep, but what lay between two looks at two clocks. */
const SHORTEST_SLEEP_MS = 50;
/** Two readings further apart than this were interrupted: they say nothing. */
const STEADY_MS = 5;
const TRIES = 4;

export interface BootClock extends Clock {
  /** One float64: what has to be added to performance.now(). For the threads that cannot ask this one. */
  readonly slept: SharedArrayBuffer;
  /** Takes in what the computer has slept since the last call; ms. Until then `now` stands as it stood. */
  catchUp(): number;
}

/** `offset`: CLOCK_BOOTTIME less CLOCK_MONOTONIC, ms; undefined where it could not be read steadily. */
export function bootClock(offset: () => number | undefined = bootOffset): BootClock {
  const slept = new SharedArrayBuffer(8);
  const cell = new Float64Array(slept);
  let taken = offset() ?? 0;
  return {
    slept,
    now: () => performance.now() + cell[0]!,
    wall: () => Date.now(),
    catchUp: () => {
      const current = offset();
      const more = current === undefined ? 0 : current - taken;
      if (more < SHORTEST_SLEEP_MS) return 0;
      taken += more;
      cell[0]! += more;
      return more;
    },
  };
}

function bootOffset(): number | undefined {
  for (let i = 0; i < TRIES; i++) {
    const before = milliseconds(CLOCK_MONOTONIC);
    const boot = milliseconds(CLOCK_BOOTTIME);
    const after = milliseconds(CLOCK_MONOTONIC);
    if (after - before < STEADY_MS) return boot - (before + after) / 2;
  }
  return undefined;
}

const timespec = new BigInt64Array(2);

function milliseconds(clock: number): number {
  checked("clock_gettime", clockGettime(clock, timespec));
  return Number(timespec[0]!) * 1_000 + Number(timespec[1]!) / 1e6;
}

/**
 * Calls `changed` whenever the computer wakes up, and when somebody sets its clock: the kernel cancels timers on
 * CLOCK_REALTIME for both (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). Nothing runs in between.
 */
export function watchClockChange(changed: () => void): { close(): void } {
  const fd = checked("timerfd_create", timerfdCreate(CLOCK_REALTIME, O_NONBLOCK | O_CLOEXEC));
  const arm = (): void => {
    const never = BigInt64Array.of(0n, 0n, NEVER_S, 0n); // struct itimerspec: interval, value
    checked("timerfd_settime", timerfdSettime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, never, null));
  };
  arm();
  const expirations = new Uint8Array(8);
  const watch = watchReadable(fd, () => {
    read(fd, expirations, 8); // ECANCELED, which is the news
    arm();
    changed();
  });
  watch.unref();
  return {
    close: () => {
      watch.close();
      close(fd);
    },
  };
}
