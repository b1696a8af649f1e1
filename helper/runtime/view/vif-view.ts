// Vifs as clients see them.
import type { Querier, Vif } from "#contract/snapshot.ts";
import type { VifCounters } from "#fastpath/counters.ts";
import { endpointText } from "#ports/endpoint.ts";
import { HOST_NUMBER } from "#protocol/addressing/member-addresses.ts";
import type { Family } from "#wire/address.ts";
import { RelayVif } from "../amt/relay-vif.ts";
import { AmtTunnel } from "../amt/tunnel.ts";
import type { RuntimeVif } from "../core.ts";
import type { Engine } from "../engine.ts";
import { LanVif } from "../lan-vif.ts";
import type { LinkMembership } from "../link-membership.ts";
import { Peer } from "../peer.ts";
import { groupPortText } from "../socket-choice.ts";
import { SocketVif } from "../socket-vif.ts";
import { TunVif } from "../tun-vif.ts";
import { NO_TRAFFIC, addTraffic, trafficOf } from "./traffic.ts";
import { TunnelVif } from "../tunnels/tunnel-vif.ts";

export class VifView {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  vifs(): Vif[] {
    const { core, fastPath, networks, announcements, kernelForwarding } = this.#engine;
    const shown = [...core.vifs.values()].filter(({ id }) => id !== announcements.vif);
    return shown.map((vif): Vif => {
      const counters = fastPath.counters(vif.id);
      const base = {
        id: vif.id,
        name: vif.name,
        state: "up" as const,
        detail: "",
        networkId: null,
        memberNumber: null,
        traffic: addTraffic(trafficOf(counters), kernelForwarding?.traffic(vif.id) ?? NO_TRAFFIC),
        drops: dropsOf(vif, counters),
        queriers: this.#queriers(membershipOf(vif)),
      };
      if (vif instanceof LanVif)
        return {
          ...base,
          kind: "lan",
          mode: vif.mode,
          mtu: vif.link.mtu,
          addresses: vif.link.addresses.map((own) => own.address),
        };
      if (vif instanceof Peer) {
        const hosted = networks.hosted?.members.byKey(vif.publicKey);
        const joined = [...networks.joined.values()].find((network) => network.peer === vif);
        const byFile = networks.byFile.byPeer(vif);
        const number = byFile
          ? networks.byFile.numberOf(byFile)
          : joined
            ? HOST_NUMBER
            : (hosted?.number ?? null);
        return {
          ...base,
          kind: "peer",
          mode: null,
          mtu: vif.session.path.mtu.state === "DISABLED" ? null : vif.session.path.mtu.pathMtu,
          state: vif.session.up ? "up" : "down",
          detail: vif.session.up ? "" : "The member does not answer.",
          networkId: (byFile ? networks.byFile : (joined ?? networks.hosted))?.id ?? null,
          memberNumber: number,
          addresses: vif.session.endpoint ? [endpointText(vif.session.endpoint)] : [],
        };
      }
      if (vif instanceof SocketVif)
        return {
          ...base,
          kind: "socket",
          mode: null,
          mtu: null,
          state: vif.problem === undefined ? "up" : "failed",
          detail: vif.problem ?? "",
          addresses: vif.groups.map(groupPortText),
        };
      if (vif instanceof RelayVif)
        return {
          ...base,
          kind: "amt-relay",
          mode: null,
          mtu: null,
          addresses: vif.addresses.map(({ address }) => address),
        };
      if (vif instanceof AmtTunnel)
        return {
          ...base,
          kind: "amt-gateway",
          mode: null,
          mtu: null,
          state: vif.problem !== undefined ? "failed" : vif.gateway.state === "active" ? "up" : "down",
          detail: vif.problem ?? (vif.gateway.state === "active" ? "" : "No relay has answered yet."),
          addresses: vif.relay ? [endpointText(vif.relay)] : [],
        };
      if (vif instanceof TunnelVif) return { ...base, kind: vif.kind, mode: null, mtu: null, addresses: [] };
      const addresses = networks.addresses().addresses.map((own) => own.address);
      return { ...base, kind: "tun", mode: null, mtu: this.#engine.tun.mtu ?? null, addresses };
    });
  }

  #queriers(membership: LinkMembership | undefined): Querier[] {
    if (!membership) return [];
    const now = this.#engine.core.clock.now();
    return ([4, 6] as const).map((family: Family): Querier => {
      const dump = membership.queriers[family].dump(now);
      return {
        family,
        version: family === 4 ? dump.querier.version : Math.max(1, dump.querier.version - 1),
        address: dump.querier.address ?? null,
        self: dump.role === "querier",
        queriesSent: membership.queriesSent[family],
        reportsReceived: membership.reportsReceived[family],
      };
    });
  }
}

/** What the fast path dropped, and what the slow path did that serves the vif. */
export function dropsOf(vif: RuntimeVif, { drops }: Pick<VifCounters, "drops">): Record<string, number> {
  const all: Record<string, number> = { ...drops };
  if (vif instanceof SocketVif || vif instanceof TunnelVif)
    for (const [reason, count] of Object.entries(vif.drops)) all[reason] = (all[reason] ?? 0) + count;
  if (vif instanceof AmtTunnel)
    for (const [reason, count] of vif.drops) all[reason] = (all[reason] ?? 0) + count;
  return all;
}

export function membershipOf(vif: unknown): LinkMembership | undefined {
  return vif instanceof LanVif || vif instanceof TunVif ? vif.membership : undefined;
}
