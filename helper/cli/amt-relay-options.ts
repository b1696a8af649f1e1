import type { AmtRelayChange } from "#contract/amt.ts";
import { limitOf, type BitRate } from "./parse-value.ts";

export interface RelayOptions {
  readonly maxGateways?: number;
  readonly gatewayRate?: BitRate;
  readonly port?: number;
  readonly address?: readonly string[];
  readonly anycast?: readonly string[];
  readonly interface?: string;
  readonly adminScoped?: boolean;
  readonly shortMac?: boolean;
  readonly tellEndpoint?: boolean;
}

/** What the options change; what was not named is not in it. */
export function relayChange(options: RelayOptions): Omit<AmtRelayChange, "enabled"> {
  const {
    maxGateways,
    gatewayRate,
    port,
    address,
    anycast,
    interface: name,
    adminScoped,
    shortMac,
    tellEndpoint,
  } = options;
  return {
    ...(maxGateways !== undefined && { maxGateways }),
    ...(gatewayRate !== undefined && { gatewayBitsPerSecond: limitOf(gatewayRate) }),
    ...(port !== undefined && { port }),
    ...(address && { addresses: isWord(address, "auto") ? [] : [...address] }),
    ...(anycast && { anycast: isWord(anycast, "none") ? [] : [...anycast] }),
    ...(name !== undefined && { interface: name === "all" ? null : name }),
    ...(adminScoped !== undefined && { adminScoped }),
    ...(shortMac !== undefined && { shortMac }),
    ...(tellEndpoint !== undefined && { tellEndpoint }),
  };
}

function isWord(words: readonly string[], word: string): boolean {
  return words.length === 1 && words[0] === word;
}
