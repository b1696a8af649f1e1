import type { VifCounters } from "#fastpath/counters.ts";
import type { SessionTraffic } from "#protocol/session/session-types.ts";

/** What a session wants to know of its peer's counters. */
export function sessionTraffic(counters: VifCounters): SessionTraffic {
  return {
    lastReceivedAt: counters.lastReceived || -Infinity,
    lastSentAt: counters.lastSent || -Infinity,
    received: counters.rxPackets,
    sent: counters.txPackets,
    expected: counters.rxExpected,
    offered: counters.offered,
    multicastBytes: counters.multicastBytes,
    largestReceived: counters.rxLargest,
    largestSent: counters.txLargest,
    broken: counters.drops["circuit-breaker"] ?? 0,
  };
}
