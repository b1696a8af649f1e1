import { prctl } from "./libc.ts";

const PR_SET_TIMERSLACK = 29; // linux/prctl.h

/** Lets the calling thread's sleeps end when they should, not up to 50 us later (prctl(2)). */
export function preciseTimers(): void {
  prctl(PR_SET_TIMERSLACK, 1_000, 0, 0, 0);
}
