// Networks and their members as clients see them.
import type { Invite, JoinRequest, Member, Network, Sending } from "#contract/snapshot.ts";
import { endpointText } from "#ports/endpoint.ts";
import { HOST_NUMBER, memberAddresses, type AddressPlan } from "#protocol/addressing/member-addresses.ts";
import type { InviteSummary } from "#protocol/invite/invites.ts";
import { prefixText } from "#wire/address.ts";
import type { Engine } from "../engine.ts";
import type { HostedNetworkRuntime } from "../hosted-network.ts";
import type { JoinedNetworkRuntime } from "../joined-network.ts";
import type { Peer } from "../peer.ts";
import type { PeersConfig } from "../peers-file/peers-config.ts";
import { OWN_NUMBER, type StaticNetworkRuntime } from "../static-network.ts";
import { joinedState, staticState } from "./network-state.ts";
import { sessionLoss } from "./session-loss.ts";
import { hostedLanAccess, joinedLanAccess, NO_LAN_ACCESS } from "./lan-access-view.ts";
import { NO_TRAFFIC, trafficOf } from "./traffic.ts";

export class NetworkView {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  networks(): Network[] {
    const { hosted, joined, byFile } = this.#engine.networks;
    return [
      ...(hosted ? [this.#hosted(hosted)] : []),
      ...[...joined.values()].map((network) => this.#joined(network)),
      ...(byFile.config ? [this.#byFile(byFile, byFile.config)] : []),
    ];
  }

  #byFile(network: StaticNetworkRuntime, { network: name, peers, forward }: PeersConfig): Network {
    const up = network.list().filter((one) => one.up).length;
    const own = [network.own.address6, network.own.address4];
    const self: Member = {
      number: OWN_NUMBER,
      name: this.#engine.hostname,
      role: "peer",
      self: true,
      addresses: own,
      ...this.#path(undefined, true),
      lastSeen: null,
    };
    return {
      id: network.id,
      name,
      role: "static",
      ...staticState(network.active, up, peers.length, forward),
      ownNumber: OWN_NUMBER,
      ownAddresses: own,
      prefixes: network.own.prefixes.map(prefixText),
      sharedRanges: network.sharedRanges.map(prefixText),
      lanAccess: NO_LAN_ACCESS,
      members: [
        self,
        ...peers.map((line, index): Member => {
          const peer = network.ownerOf(line.publicKey);
          const { address6, address4 } = line.addresses;
          return {
            number: OWN_NUMBER + 1 + index,
            name: line.name,
            role: "peer",
            self: false,
            addresses: [address6, address4],
            ...this.#path(peer, false),
            lastSeen: this.#lastSeen(peer) ?? network.lastSeen(line.publicKey) ?? null,
          };
        }),
      ],
      invites: [],
      requests: [],
    };
  }

  invites(network: HostedNetworkRuntime): Invite[] {
    return network.invites.list(this.#engine.core.clock.wall()).map(inviteOf);
  }

  #hosted(network: HostedNetworkRuntime): Network {
    const { plan, sharedRanges } = network.record;
    const members = network.members.list();
    const others = members.filter((member) => member.number !== HOST_NUMBER && member.approved);
    const online = others.filter((member) => network.peerOfMember(member)?.session.up).length;
    return {
      id: network.id,
      name: network.name,
      role: "host",
      state: network.enabled ? "connected" : "off",
      detail: network.enabled
        ? `This computer hosts the network; ${online} of ${others.length} other members are here.`
        : "This computer's network is switched off.",
      ownNumber: HOST_NUMBER,
      ownAddresses: ownAddresses(plan, HOST_NUMBER),
      prefixes: [prefixText(plan.prefix6), prefixText(plan.prefix4)],
      sharedRanges: sharedRanges.map(prefixText),
      lanAccess: hostedLanAccess(network, this.#engine.lanSharing),
      members: members
        .filter((member) => member.approved)
        .map((member): Member => {
          const peer = network.peerOfMember(member);
          const self = member.number === HOST_NUMBER;
          return {
            number: member.number,
            name: member.name,
            role: self ? "host" : "guest",
            self,
            addresses: ownAddresses(plan, member.number),
            ...this.#path(self ? undefined : peer, self),
            lastSeen: this.#lastSeen(peer) ?? network.lastSeen(member.number) ?? null,
          };
        }),
      invites: this.invites(network),
      requests: members
        .filter((member) => !member.approved)
        .map((member): JoinRequest => {
          const endpoint = network.peerOfMember(member)?.session.endpoint;
          return {
            id: `member-${member.number}`,
            inviteId: member.joinedBy?.inviteId.toHex() ?? "",
            name: member.name,
            endpoint: endpoint ? endpointText(endpoint) : "",
            since: member.joinedAt,
          };
        }),
    };
  }

  #joined(network: JoinedNetworkRuntime): Network {
    const { record, directory, peer } = network;
    const { assigned, sharedRanges } = record;
    const { state, detail } = joinedState(network, this.#engine.ways.paths);
    const known = directory.length > 0 ? directory : [];
    return {
      id: network.id,
      name: record.networkName,
      role: "guest",
      state,
      detail,
      ownNumber: assigned?.number ?? null,
      ownAddresses: assigned ? ownAddresses(assigned.plan, assigned.number) : [],
      prefixes: assigned ? [prefixText(assigned.plan.prefix6), prefixText(assigned.plan.prefix4)] : [],
      sharedRanges: sharedRanges.map(prefixText),
      lanAccess: joinedLanAccess(network, this.#engine.lanSharing),
      members: known.map((member): Member => {
        const self = member.number === assigned?.number;
        const isHost = member.number === HOST_NUMBER;
        const connected = state === "connected";
        return {
          number: member.number,
          name: member.name,
          role: isHost ? "host" : "guest",
          self,
          addresses: assigned ? ownAddresses(assigned.plan, member.number) : [],
          ...(isHost || self
            ? this.#path(self ? undefined : peer, self)
            : {
                online: connected && member.online,
                path: connected && member.online ? ("host" as const) : ("none" as const),
                endpoint: null,
                rttMs: null,
                lossRatio: null,
                sending: null,
                traffic: NO_TRAFFIC,
              }),
          lastSeen: isHost ? (this.#lastSeen(peer) ?? null) : null,
        };
      }),
      invites: [],
      requests: [],
    };
  }

  #path(
    peer: Peer | undefined,
    self: boolean,
  ): Pick<Member, "online" | "path" | "endpoint" | "rttMs" | "lossRatio" | "sending" | "traffic"> {
    const up = peer?.session.up === true;
    if (!peer)
      return {
        online: self,
        path: "none",
        endpoint: null,
        rttMs: null,
        lossRatio: null,
        sending: null,
        traffic: NO_TRAFFIC,
      };
    const counters = this.#engine.fastPath.counters(peer.id);
    const { endpoint, rtt } = peer.session;
    return {
      online: up,
      path: up && endpoint ? this.#engine.ways.paths.of(endpoint) : "none",
      endpoint: endpoint ? endpointText(endpoint) : null,
      rttMs: rtt ?? null,
      lossRatio: sessionLoss(counters),
      sending: sendingOf(peer),
      traffic: trafficOf(counters),
    };
  }

  #lastSeen(peer: Peer | undefined): number | undefined {
    if (!peer) return undefined;
    const at = this.#engine.fastPath.counters(peer.id).lastReceived;
    const { clock } = this.#engine.core;
    return at > 0 ? clock.wall() - (clock.now() - at) : undefined;
  }
}

/** What limits the way to a peer. */
function sendingOf(peer: Peer): Sending {
  const { mtu, breaker } = peer.session.path;
  return {
    pathMtu: mtu.state === "DISABLED" ? null : mtu.pathMtu,
    lossRatio: breaker.loss ?? null,
    breaker: breaker.state,
    breakerBps: breaker.limit === undefined ? null : Math.round(breaker.limit),
    maximumBps: peer.maximum ?? null,
  };
}

export function inviteOf(invite: InviteSummary): Invite {
  return {
    id: invite.id,
    label: invite.label || null,
    createdAt: invite.createdAt,
    expiresAt: invite.expiresAt,
    usesLeft: Math.max(0, invite.uses - invite.used),
    usesTotal: invite.uses,
    approval: invite.requireApproval,
    state: invite.status,
  };
}

function ownAddresses(plan: AddressPlan, number: number): string[] {
  const { address6, address4 } = memberAddresses(plan, number);
  return [address6, address4];
}
