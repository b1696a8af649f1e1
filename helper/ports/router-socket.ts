import type { Address } from "#wire/address.ts";
import type { Icmpv6Message } from "#wire/icmpv6.ts";

/** Router discovery on one link. */
export interface RouterSocket {
  /** To all nodes of the link, from our link-local address. False where it did not leave. */
  send(message: Icmpv6Message): boolean;
  close(): void;
}

/** `received` gets solicitations that came with hop limit 255: from the link itself. Throws SystemError. */
export type OpenRouterSocket = (
  interfaceName: string,
  received: (message: Icmpv6Message, source: Address) => void,
) => RouterSocket;
