import { QUERIER_DEFAULTS } from "#protocol/membership/querier-options.ts";
import type { Address } from "#wire/address.ts";
import { encodeMembershipPacket } from "#wire/membership-packet.ts";

/** What a relay asks of those whom it does not know: whatever they want. */
export function generalQuery(source: Address): Uint8Array {
  const { robustness, queryIntervalMs, queryResponseMs } = QUERIER_DEFAULTS;
  return encodeMembershipPacket(
    {
      kind: "query",
      version: 3,
      group: undefined,
      sources: [],
      suppress: false,
      robustness,
      maxResponseMs: queryResponseMs,
      queryIntervalS: queryIntervalMs / 1_000,
    },
    source,
  );
}
