// What the daemon may do with this computer's network: everything, or what anybody may.
import { openLan } from "#edge/linux/lan.ts";
import { NO_JOINS, localMemberships } from "#edge/linux/memberships.ts";
import { openTun } from "#edge/linux/tun.ts";
import type { Lan } from "#ports/lan.ts";
import type { Link } from "#ports/links.ts";
import type { Core } from "./core.ts";
import { defaultLanMode, type LanChoice } from "./lan-policy.ts";
import type { LanMode } from "./lan-vif.ts";
import { NO_TUNNEL_END, type TunnelEnd } from "./tunnel-end.ts";
import { TunVif } from "./tun-vif.ts";

/** Room in a 1500-byte path for the headers of tunnel, UDP and IPv6, and then some: docs/protocol.md. */
const TUN_MTU = 1400;

export interface SystemAccess {
  /** Devices may be opened: the TUN, and packets on the interfaces. */
  readonly devices: boolean;
  /** Throws SystemError where the device cannot be had. */
  tunnelEnd(core: Core): TunnelEnd;
  /** How an interface is used that nobody chose about. */
  lanMode(link: Link, hosting: boolean): LanChoice;
  openLan(link: Link, mode: LanMode): Lan;
}

export function fullAccess(tunName: string): SystemAccess {
  return {
    devices: true,
    tunnelEnd: (core) => {
      const device = openTun({ name: tunName, mtu: TUN_MTU });
      return new TunVif(core, core.takeVifId()!, device, localMemberships(NO_JOINS));
    },
    lanMode: defaultLanMode,
    openLan,
  };
}

/** For a proxy between LANs alone: no tunnel, and no other interface than those that it names. */
export function lansAccess(): SystemAccess {
  return { devices: true, tunnelEnd: () => NO_TUNNEL_END, lanMode: () => "off", openLan };
}

export function plainAccess(): SystemAccess {
  return {
    devices: false,
    tunnelEnd: () => NO_TUNNEL_END,
    lanMode: () => "off",
    openLan: () => {
      throw new Error("the service runs without the privileges for it");
    },
  };
}
