// DNS Reverse IP AMT Discovery, RFC 8777: a source's own reverse name says which relay has its streams.
import { type Address, addressBytes, family, type Family } from "#wire/address.ts";
import type { AmtRelayRecord } from "#wire/amt-relay-record.ts";
import type { RelayCandidate } from "./gateway.ts";

/** RFC 7450 section 7.1 and RFC 8777 section 2.3.3: who has no other idea asks here. */
export const ANYCAST_RELAY: Readonly<Record<Family, Address>> = { 4: "192.52.193.1", 6: "2001:3::1" };
/** Of one answer. */
const MAX_RECORDS = 32;

/** "1.2.0.192.in-addr.arpa", or 32 nibbles of "ip6.arpa". */
export function reverseName(source: Address): string {
  const bytes = addressBytes(source);
  if (family(source) === 4) return `${[...bytes].toReversed().join(".")}.in-addr.arpa`;
  const nibbles = [...bytes].flatMap((byte) => [byte >> 4, byte & 0x0f]);
  return `${nibbles
    .toReversed()
    .map((nibble) => nibble.toString(16))
    .join(".")}.ip6.arpa`;
}

/**
 * The records in the order in which their relays are tried: the lowest precedence first, those of one precedence in a
 * random order (section 2.3.2). `random`: 0 up to 1. None: the source has none ("." says so, section 4.3.1).
 */
export function inOrder(records: readonly AmtRelayRecord[], random: () => number): AmtRelayRecord[] {
  return records
    .slice(0, MAX_RECORDS)
    .filter(({ relay }) => relay !== undefined)
    .map((record) => ({ record, draw: random() }))
    .sort((a, b) => a.record.precedence - b.record.precedence || a.draw - b.draw)
    .map(({ record }) => record);
}

/** `addresses`: of the record's name, or its own. Only those of a family that this computer can send in. */
export function candidatesOf(
  record: AmtRelayRecord,
  addresses: readonly Address[],
  reachable: (of: Family) => boolean,
): RelayCandidate[] {
  return addresses
    .filter((address) => reachable(family(address)))
    .map((address) => ({ address, discover: !record.discoveryOptional }));
}
