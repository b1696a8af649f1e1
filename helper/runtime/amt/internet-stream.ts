import type { Address } from "#wire/address.ts";
import type { KeptJoin } from "../store/amt-settings.ts";
import type { AmtTunnel } from "./tunnel.ts";

/** A stream that is wanted from the Internet, and how far it is. */
export interface InternetStream {
  readonly id: string;
  /** undefined: of anybody. */
  readonly source: Address | undefined;
  readonly group: Address;
  /** A person asked for it. */
  kept: KeptJoin | undefined;
  /** It comes by a LAN, so that nothing has to be fetched. */
  native: boolean;
  /** Relays that somebody named had no answer: others are looked for too. */
  wide: boolean;
  /** Relays that take no more gateways: what was found when all had been asked, and nobody has it since. */
  full: readonly Address[];
  /** Its relay is being looked up. */
  searching: boolean;
  /** Why there is no tunnel. */
  problem: string | undefined;
  tunnel: AmtTunnel | undefined;
  /** When it is looked at again, ms: what it is looked at for is whether it comes by a LAN ... */
  dueAt: number;
  /** ... and from this time on also who has it. */
  searchAt: number;
}

export function streamKey(source: Address | undefined, group: Address): string {
  return `${source ?? "*"} ${group}`;
}
