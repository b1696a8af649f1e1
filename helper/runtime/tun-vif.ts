import type { Log } from "#ports/log.ts";
import type { LocalMemberships } from "#ports/memberships.ts";
import type { TunAddresses, TunDevice } from "#ports/tun-device.ts";
import { EXIT_LOCAL, type VifId } from "#protocol/forwarding/route-table.ts";
import type { Core, RuntimeVif } from "./core.ts";
import { LinkMembership } from "./link-membership.ts";
import type { TunnelEnd } from "./tunnel-end.ts";

// Queries on the TUN come from nobody that the kernel could mistake for itself: one of its own addresses would be
// a martian source. 0.0.0.0 is what RFC 4541 section 2.1.1 has snooping queriers use.
const QUERY_SOURCE_4 = "0.0.0.0";
const QUERY_SOURCE_6 = "fe80::1";

/** This computer's own applications: we are the router on the link of which the kernel is the one host. */
export class TunVif implements RuntimeVif, TunnelEnd {
  readonly id: VifId;
  readonly name: string;
  readonly device: TunDevice;
  readonly membership: LinkMembership;
  readonly #core: Core;
  readonly #memberships: LocalMemberships;

  constructor(core: Core, id: VifId, device: TunDevice, memberships: LocalMemberships) {
    this.#core = core;
    this.#memberships = memberships;
    this.id = id;
    this.name = device.name;
    this.device = device;
    core.addVif(this, { kind: "tun", upstream: false });
    core.fastPath.send({
      type: "vif-add",
      vif: id,
      device: { kind: "tun", fd: device.fd, mtu: device.mtu },
    });
    this.membership = new LinkMembership({
      ownAddress4: QUERY_SOURCE_4,
      ownAddress6: QUERY_SOURCE_6,
      fastLeave: true,
      now: core.clock.now(),
      sendPacket: (packet) => core.fastPath.send({ type: "inject", vif: id, packet }),
      listenersChanged: (group, filter) => core.listeners(id, EXIT_LOCAL, group, filter),
    });
    core.scheduler.add(this.membership);
  }

  get mtu(): number {
    return this.device.mtu;
  }

  get vif(): VifId {
    return this.id;
  }

  configure(config: TunAddresses, log: Log): void {
    try {
      this.device.configure(config);
    } catch (error) {
      log.write("error", "the tunnel's addresses could not be set", { error: String(error) });
    }
  }

  membershipPacket(packet: Uint8Array, _own: boolean, now: number): void {
    this.membership.handlePacket(packet, now);
  }

  detach(): void {
    this.#core.scheduler.remove(this.membership);
    this.#core.removeVif(this.id);
  }

  /**
   * `keep`: leave the device as it is to the next daemon. Otherwise it goes; but where applications joined something
   * that crosses, it stays, bare of addresses and routes: with the device they would lose what they joined, for good.
   */
  close(keep: boolean): void {
    if (!keep) {
      const joined = [...this.#memberships.read(this.device.index).keys()];
      if (!joined.some((group) => this.#core.forwarding.mayCross(group))) return this.device.remove();
      this.configure({ addresses: [], routes: [], lans: [] }, this.#core.log);
    }
    this.device.close();
  }

  upstreamWants(): void {} // applications send without being asked
  control(): void {}
  failed(errno: number): void {
    this.#core.log.write("error", "the TUN device failed", { name: this.name, errno });
  }
  flush(): void {}
}
