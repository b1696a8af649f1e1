import type { Address } from "#wire/address.ts";

/** A link as discovery proxies see it. */
export interface ProxyLinkOptions {
  /** The whole link may be shared, or this computer's programs alone. */
  readonly whole: boolean;
  /** Networks that another member carries here. */
  readonly passiveFor: ReadonlySet<string>;
}

export interface ProxyPeerOptions {
  readonly network: string;
  /** What is heard here may be told to the peer. */
  readonly tells: boolean;
}

export interface ProxyOptions {
  /** Own id as an origin. */
  readonly origin: number;
  /** As members of the network reach an address of this link; undefined: they do not. */
  readonly exportAddress: (network: string, address: Address) => Address | undefined;
  /** As this computer reaches an address that a member told. */
  readonly importAddress: (network: string, address: Address) => Address | undefined;
}
