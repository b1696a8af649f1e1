import type { LinkSocket, LinkSocketOptions } from "#ports/link-socket.ts";
import type { ProxyOptions } from "#protocol/discovery/proxy-options.ts";
import type { Address } from "#wire/address.ts";
import type { DiscoveryMessage } from "#wire/control-discovery.ts";
import type { Core } from "../core.ts";
import type { Peer } from "../peer.ts";
import type { DiscoveryLink } from "./link-sockets.ts";

/** A peer that takes part in a proxy. */
export interface DiscoveryPeer {
  readonly peer: Peer;
  readonly network: string;
  /** What is heard on our links may be told to it. */
  readonly tells: boolean;
}

export interface ProxyRunnerOptions extends ProxyOptions {
  readonly core: Core;
  readonly openSocket: (options: LinkSocketOptions) => LinkSocket;
  readonly isOwnAddress: (address: Address) => boolean;
}

/** A proxy with its sockets, and with the peers that take part. */
export interface ProxyRunner {
  /** Who takes part now. */
  set(links: readonly DiscoveryLink[], peers: readonly DiscoveryPeer[]): void;
  handle(peer: Peer, message: DiscoveryMessage): void;
  /** The records that a peer tells have changed. */
  recordsChanged(peer: Peer): void;
  /** Carries out what the proxy has to say. */
  flush(): void;
  counters(): Record<string, number>;
  /** Takes back what is shown. */
  close(): void;
}
