import type { Log } from "#ports/log.ts";
import type { TunAddresses } from "#ports/tun-device.ts";
import type { VifId } from "#protocol/forwarding/route-table.ts";

/** This computer's end of the tunnel: where it has its addresses in the networks, if it can have them. */
export interface TunnelEnd {
  /** Of the device; undefined: there is none. */
  readonly name: string | undefined;
  readonly mtu: number | undefined; // bytes of an IP packet
  /** Where unicast to this computer goes. */
  readonly vif: VifId | undefined;
  configure(config: TunAddresses, log: Log): void;
  /** No packets from or to it any more. */
  detach(): void;
  /** After the fast path has let go. `keep`: another daemon follows at once. */
  close(keep: boolean): void;
}

/** Without privileges: no device, so unicast to this computer's addresses ends here. Socket vifs work all the same. */
export const NO_TUNNEL_END: TunnelEnd = {
  name: undefined,
  mtu: undefined,
  vif: undefined,
  configure: () => {},
  detach: () => {},
  close: () => {},
};
