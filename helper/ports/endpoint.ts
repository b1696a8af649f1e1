import type { Address } from "#wire/address.ts";

/** Where a frame goes or comes from, on the outer network. */
export interface Endpoint {
  readonly address: Address;
  readonly port: number;
  /**
   * Undefined: UDP. Otherwise frames travel in the byte stream of that number, each behind a u16 length, and address
   * and port are those of the stream's far end, for people. A stream's number is never used again.
   */
  readonly stream?: number;
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address && a.stream === b.stream;
}

/** "192.0.2.1:4000" or "[2001:db8::1]:4000". */
export function endpointText(endpoint: Endpoint): string {
  return endpoint.address.includes(":")
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}
