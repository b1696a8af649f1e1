/** What a meeting point gives, together and to one client address (an IPv6 /64). Rates are bytes a second. */
export interface MeetLimits {
  readonly hosts: number;
  readonly hostsEach: number;
  readonly calls: number;
  readonly callsEach: number;
  /** Relayed pairs; each has a UDP port of its own. */
  readonly pairs: number;
  readonly pairsEach: number;
  readonly pairRate: number;
  readonly totalRate: number;
}

const MBIT = 1_000_000 / 8;

export const MEET_LIMITS: MeetLimits = {
  hosts: 10_000,
  hostsEach: 64,
  calls: 4_096,
  callsEach: 32,
  pairs: 128,
  pairsEach: 8,
  pairRate: 50 * MBIT,
  totalRate: 500 * MBIT,
};

/** A host that does not renew its place for so long has left it. */
export const HOST_LIFETIME = 60_000;
/** A call that nothing happens to is forgotten. */
export const CALL_LIFETIME = 30_000;
/** A pair ends when one of its ends has not been heard for so long. */
export const PAIR_IDLE = 60_000;
/** A host that does not come to a relay is told about it again. */
export const RELAY_REMIND = 250;
export const RELAY_REMINDERS = 12;
/** Calls a second that one host is told of, and at once. */
export const HOST_CALL_RATE = 20;
export const HOST_CALL_BURST = 40;
