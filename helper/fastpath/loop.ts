// The worker's loop: poll(2) without a timeout, so that an idle worker never wakes; one burst of each descriptor
// that is readable; commands when the eventfd says so.
import { preciseTimers } from "#edge/linux/timers.ts";
import { pollAt, ppollAt, readAt } from "#edge/linux/by-address.ts";
import { allocateMemory } from "#edge/linux/memory.ts";
import {
  EAGAIN,
  ENETDOWN,
  ENODEV,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
} from "#edge/linux/constants.ts";
import { errno } from "#edge/linux/system-error.ts";
import { MAX_RELAY_SOCKETS } from "#ports/amt-relay.ts";
import type { FastPathCommand } from "#ports/fast-path.ts";
import { MAX_VIFS } from "#protocol/forwarding/route-table.ts";
import type { Engine } from "./engine.ts";
import type { Ingress } from "./ingress.ts";
import { MAX_STREAMS } from "./streams.ts";
import { WakeModeration } from "./wake-moderation.ts";

const POLLFD = 8;
const EBADF = 9;
const EIO = 5;
const ENXIO = 6;
const EBADFD = 77;
/** Errors after which a descriptor brings nothing any more. */
const FATAL = new Set([EBADF, EIO, ENXIO, ENODEV, EBADFD, ENETDOWN]);

/** How long the loop rests between bursts at high rates, at most. */
const REST_NS = 500_000;
const TIMESPEC = 16;
/** The eventfd, the transport socket, and one of each vif and stream; an AMT relay has several. */
const DESCRIPTORS = 2 + MAX_VIFS + MAX_STREAMS + MAX_RELAY_SOCKETS;

/** Returns when the command "stop" has come. `take` gives the next command, or undefined. */
export function runLoop(
  engine: Engine,
  wakeFd: number,
  take: () => FastPathCommand | undefined,
  clock: () => number,
): void {
  const memory = allocateMemory(DESCRIPTORS * POLLFD + 8 + TIMESPEC);
  const view = new DataView(memory.buffer);
  const fds = Number(memory.address);
  const wakeBuffer = fds + DESCRIPTORS * POLLFD;
  const rest = wakeBuffer + 8;
  view.setBigInt64(rest + 8 - fds, BigInt(REST_NS), true);
  const moderation = new WakeModeration();
  preciseTimers();
  const polled: Ingress[] = [];

  const rebuild = (): void => {
    polled.length = 0;
    polled.push(...engine.ingresses);
    for (const [i, fd] of [wakeFd, ...polled.map((ingress) => ingress.fd)].entries()) {
      view.setInt32(i * POLLFD, fd, true);
      view.setUint16(i * POLLFD + 4, POLLIN, true);
    }
    engine.ingressesChanged = false;
    engine.streams.interestChanged = true;
  };

  const watchBlocked = (): void => {
    for (const [i, { blocked }] of polled.entries())
      view.setUint16((i + 1) * POLLFD + 4, blocked === true ? POLLIN | POLLOUT : POLLIN, true);
    engine.streams.interestChanged = false;
  };

  /** False when "stop" was among them. */
  const commands = (): boolean => {
    readAt(wakeFd, wakeBuffer, 8); // sets the eventfd back to zero, before the queue is looked at
    for (let command = take(); command; command = take()) {
      if (command.type === "stop") return false;
      engine.handle(command, clock());
    }
    return true;
  };

  /** How many packets (super-packets count once) came. */
  const serve = (ingress: Ingress, events: number, now: number): number => {
    if ((events & POLLNVAL) !== 0) {
      engine.ingressFailed(ingress, EBADF);
      return 0;
    }
    if ((events & POLLOUT) !== 0) ingress.writable?.(now);
    if ((events & ~POLLOUT) === 0) return 0;
    const packets = ingress.receive(now);
    if (packets >= 0) return packets;
    const error = errno();
    const gone = error === EAGAIN && (events & POLLIN) === 0 && (events & (POLLERR | POLLHUP)) !== 0;
    // The transport socket reports what happened to earlier datagrams; it does not fail.
    if (ingress.vif && (FATAL.has(error) || gone)) engine.ingressFailed(ingress, gone ? ENODEV : error);
    else if (error === EBADF) engine.ingressFailed(ingress, error);
    return 0;
  };

  for (;;) {
    if (engine.ingressesChanged) rebuild();
    if (engine.streams.interestChanged) watchBlocked();
    const count = polled.length;
    if (pollAt(fds, count + 1, -1) <= 0) continue; // a signal
    const now = clock();
    let packets = 0;
    for (let i = 0; i < count; i++) {
      const events = view.getUint16((i + 1) * POLLFD + 6, true);
      if (events !== 0) packets += serve(polled[i]!, events, now);
    }
    if (view.getUint16(6, true) !== 0 && !commands()) break;
    // Commands end the rest: the eventfd is the first descriptor.
    if (moderation.afterBurst(packets, now)) ppollAt(fds, 1, rest, 0);
  }
  memory.free();
}
