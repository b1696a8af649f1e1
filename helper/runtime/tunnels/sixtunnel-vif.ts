import { EXIT_WIRE, type VifId } from "#protocol/forwarding/route-table.ts";
import { halfOf } from "#protocol/sixtunnel/assignments.ts";
import { fromClient, isIpv6, isLinkMulticast } from "#protocol/sixtunnel/packet-rules.ts";
import { LinkReports } from "#protocol/sixtunnel/link-reports.ts";
import { family } from "#wire/address.ts";
import { decodeMembershipPacket } from "#wire/membership-packet.ts";
import type { Core } from "../core.ts";
import { LinkMembership } from "../link-membership.ts";
import type { Timed } from "../scheduler.ts";
import type { SixFarEnd, SixMulticast } from "../sixtunnel/far-end.ts";
import { TunnelVif } from "./tunnel-vif.ts";

/** Whoever has the lower one asks (RFC 9777 section 7.1): the server. */
const OWN_ADDRESS = { server: "fe80::1", client: "fe80::2" } as const;

export interface SixtunnelVifOptions {
  readonly core: Core;
  readonly id: VifId;
  readonly name: string;
  readonly role: "server" | "client";
  readonly farEnd: SixFarEnd;
  readonly closed: (vif: TunnelVif) => void;
}

/**
 * A connection of the IPv6 tunnel as a link with two ends: at each the querier learns what the other one wants, and is
 * told what is wanted here. A client that is another program reports what its own kernel has joined.
 */
export class SixtunnelVif implements SixMulticast, Timed {
  readonly vif: TunnelVif;
  readonly membership: LinkMembership;
  readonly #options: SixtunnelVifOptions;
  readonly #reports: LinkReports;

  constructor(options: SixtunnelVifOptions) {
    const { core, id, name, role, farEnd } = options;
    this.#options = options;
    this.#reports = new LinkReports(OWN_ADDRESS[role]);
    this.vif = new TunnelVif({
      core,
      id,
      name,
      kind: "sixtunnel",
      leave: (packet) => this.#leave(packet),
      wants: (group, filter) => {
        if (family(group) === 6) this.#reports.want(group, filter, core.clock.now());
      },
      flush: () => {
        for (const packet of this.#reports.takePackets()) farEnd.send(packet);
      },
    });
    this.membership = new LinkMembership({
      ownAddress4: undefined,
      ownAddress6: OWN_ADDRESS[role],
      fastLeave: true, // there is one listener: the far end
      now: core.clock.now(),
      sendPacket: (packet) => farEnd.send(packet),
      listenersChanged: (group, filter) => core.listeners(id, EXIT_WIRE, group, filter),
    });
    core.scheduler.add(this.membership);
    core.scheduler.add(this);
  }

  packet(packet: Uint8Array): void {
    const { core } = this.#options;
    if (!isLinkMulticast(packet)) return void this.vif.arrive(packet);
    const decoded = decodeMembershipPacket(packet);
    if ("refused" in decoded) return this.vif.drop("link-local");
    const now = core.clock.now();
    if (decoded.message.kind === "query") this.#reports.handleQuery(now);
    this.membership.handlePacket(packet, now);
    core.turn();
  }

  /** A client's server takes nothing but what comes from its /64. */
  #leave(packet: Uint8Array): void {
    const { role, farEnd } = this.#options;
    if (!isIpv6(packet)) return this.vif.drop("not-ipv6");
    const passage = role === "client" ? fromClient(packet, halfOf(farEnd.prefix.address)) : "multicast";
    if (passage === "multicast") farEnd.send(packet);
    else this.vif.drop(passage);
  }

  pollTimeout(): number | undefined {
    return this.#reports.pollTimeout();
  }

  handleTimeout(now: number): void {
    this.#reports.handleTimeout(now);
  }

  closed(): void {
    const { core, closed } = this.#options;
    core.scheduler.remove(this.membership);
    core.scheduler.remove(this);
    closed(this.vif);
    core.turn();
  }
}
