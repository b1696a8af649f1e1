import type { Address } from "#wire/address.ts";

/** Where a UDP datagram goes or comes from, on the outer network. */
export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}

/** "192.0.2.1:4000" or "[2001:db8::1]:4000". */
export function endpointText(endpoint: Endpoint): string {
  return endpoint.address.includes(":")
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}
