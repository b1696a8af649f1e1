import type { Address } from "#wire/address.ts";

/** A record of DNS, its data as it was sent. */
export interface DnsRecord {
  readonly data: Uint8Array;
}

export interface DnsAnswer {
  /** Of the type that was asked for; none: there are none. */
  readonly records: readonly DnsRecord[];
  /** How long the answer holds, ms. */
  readonly holdsMs: number;
}

export interface NameLookup {
  /** Asks the system's name servers. `type`: a number of DNS'. Rejects where none of them answers. */
  records(name: string, type: number): Promise<DnsAnswer>;
  /** Addresses of a host name, as all programs find them; none where it is not found. */
  addresses(host: string): Promise<readonly Address[]>;
}
