import type { KeyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Candidate, JoinedNetwork } from "#protocol/addressing/joined-network.ts";
import { Members } from "#protocol/addressing/members.ts";
import { cleanName } from "#protocol/addressing/names.ts";
import { chooseIpv4Prefix, ulaPrefix } from "#protocol/addressing/prefixes.ts";
import { lanWays, type LanWay } from "#protocol/addressing/shared-lans.ts";
import type { VifId } from "#protocol/forwarding/route-table.ts";
import { DEFAULT_SHARED } from "#protocol/forwarding/scope.ts";
import { InviteError } from "#protocol/invite/invite-error.ts";
import { decodeInvite, MAX_CANDIDATES, networkName } from "#protocol/invite/invite-link.ts";
import { Invites } from "#protocol/invite/invites.ts";
import { inviteKeys } from "#protocol/invite/invite-secret.ts";
import type { Accepted, Authorization, AuthorizeRequest } from "#protocol/session/acceptor.ts";
import { endpointText } from "#ports/endpoint.ts";
import { parsePrefix, type Prefix } from "#wire/address.ts";
import type { Caller } from "#wire/frame-handshake-payload.ts";
import { HostedNetworkRuntime } from "./hosted-network.ts";
import { JoinedNetworkRuntime } from "./joined-network.ts";
import type { NetworkAddresses, NetworkContext, RoutedSubnet } from "./network-context.ts";
import { Peer } from "./peer.ts";
import type { PeersConfig } from "./peers-file/peers-config.ts";
import type { StateKeeper } from "./state-keeper.ts";
import { StaticNetworkRuntime } from "./static-network.ts";
import type { SessionOwner } from "./transport.ts";

export interface NetworksOptions extends Omit<
  NetworkContext,
  "lastEndpoint" | "rememberEndpoint" | "stateChanged" | "lanWays" | "meetPlace"
> {
  readonly keeper: StateKeeper;
  readonly localStatic: KeyPair;
  /** This computer's own addresses with the transport's port. */
  readonly ownEndpoints: () => readonly Endpoint[];
  readonly addressesInUse: () => readonly Prefix[];
  readonly peersConfig: () => PeersConfig | undefined;
  /** Is an endpoint worth trying in another life of this daemon? A relay's is not. */
  readonly isLasting: (endpoint: Endpoint) => boolean;
}

/** An invite that was taken up. */
export interface Joining {
  readonly network: JoinedNetworkRuntime;
  /** As we were in the network already: what is known of it from before. */
  readonly replaced: JoinedNetwork | undefined;
}

/** The network that this computer hosts, if it does, and those that it joined. */
export class Networks {
  readonly joined = new Map<string, JoinedNetworkRuntime>();
  /** The peers of the peers file. */
  readonly byFile: StaticNetworkRuntime;
  readonly #options: NetworksOptions;
  readonly #context: NetworkContext;
  #hosted: HostedNetworkRuntime | undefined;

  constructor(options: NetworksOptions) {
    this.#options = options;
    const { keeper } = options;
    this.#context = {
      ...options,
      lastEndpoint: (key) => keeper.lastEndpoint(key),
      rememberEndpoint: (key, endpoint) => {
        if (options.isLasting(endpoint)) keeper.rememberEndpoint(key, endpoint);
      },
      meetPlace: () => this.meetPlace(),
      lanWays: (id) => this.#lanWays(id),
      addressesChanged: () => {
        for (const network of this.joined.values()) network.refreshSources();
        options.addressesChanged();
      },
      stateChanged: () => {
        keeper.changed();
        options.core.changed();
      },
    };
    this.byFile = new StaticNetworkRuntime({
      context: this.#context,
      config: options.peersConfig,
      enabled: () => keeper.state.settings.staticEnabled,
    });
    const { hosted, joined } = keeper.state;
    if (hosted) this.#hosted = new HostedNetworkRuntime(this.#context, hosted);
    for (const record of joined) this.#addJoined(record);
    keeper.setParts(() => ({
      hosted: this.#hosted?.state() ?? null,
      joined: [...this.joined.values()].map((network) => network.record),
    }));
  }

  get hosted(): HostedNetworkRuntime | undefined {
    return this.#hosted;
  }

  start(): void {
    this.#hosted?.setCandidates(this.candidates());
    this.#hosted?.start(this.#options.core.clock.now());
    for (const network of this.joined.values()) network.start();
    this.byFile.refresh();
  }

  close(reason: "bye" | "restarting"): void {
    this.#hosted?.close(reason);
    for (const network of this.joined.values()) network.stop(reason);
    this.byFile.close(reason);
  }

  /** Makes the network that this computer hosts. Its key is the machine's, so there is one at most. */
  host(name: string): HostedNetworkRuntime {
    const { core, localStatic, keeper, hello, addressesInUse } = this.#options;
    if (this.#hosted) return this.#hosted;
    const now = core.clock.wall();
    const { publicKey } = localStatic;
    this.#hosted = new HostedNetworkRuntime(this.#context, {
      name: networkName(name) || "home",
      createdAt: now,
      plan: { prefix6: ulaPrefix(publicKey), prefix4: chooseIpv4Prefix(publicKey, addressesInUse()) },
      sharedRanges: DEFAULT_SHARED.map(parsePrefix),
      shareLan: false,
      enabled: true,
      members: Members.initialState({ publicKey, name: hello.name, now }),
      invites: Invites.initialState,
    });
    this.#hosted.setCandidates(this.candidates());
    keeper.changed();
    this.#options.addressesChanged();
    return this.#hosted;
  }

  /** Others may open sessions to this computer: members of its network, or peers of the file. */
  get isCalled(): boolean {
    return this.#hosted?.enabled === true || this.byFile.active;
  }

  /** The meeting point of our own, where we can be called. */
  meetPlace(): Candidate | undefined {
    const { meet } = this.#options.keeper.state.settings.reach;
    return meet === null || meet === "off" ? undefined : meet;
  }

  /** Where this computer can be reached: what people said first, then its own addresses. */
  candidates(): Candidate[] {
    const said = this.#options.keeper.state.settings.endpoints;
    const own = this.#options.ownEndpoints().map(({ address, port }) => ({ host: address, port }));
    const all: Candidate[] = [];
    for (const candidate of [...said, ...own])
      if (!all.some((known) => known.host === candidate.host && known.port === candidate.port))
        all.push(candidate);
    return all.slice(0, MAX_CANDIDATES);
  }

  /** Takes an invite up: begins to call its host. Throws InviteError for a link that is of no use. */
  join(link: string, ownName: string): Joining {
    const { core, localStatic, keeper } = this.#options;
    const invite = decodeInvite(link, core.clock.wall());
    if (Buffer.compare(invite.hostPublicKey, localStatic.publicKey) === 0)
      throw new InviteError("own-network");
    const { id: inviteId, psk } = inviteKeys(invite.hostPublicKey, invite.secret);
    const known = [...this.joined.values()].find(
      ({ record }) => Buffer.compare(record.hostPublicKey, invite.hostPublicKey) === 0,
    );
    // Joining again keeps the addresses; `assigned` goes, so that the new invite is shown to the host.
    const { assigned: _, meet: _meet, dhtKey: _dhtKey, ...before } = known?.record ?? {};
    const replaced = known?.record;
    if (known) this.forget(known);
    const network = this.#addJoined({
      sharedRanges: [],
      ...before,
      hostPublicKey: invite.hostPublicKey,
      psk,
      inviteId,
      networkName: invite.networkName,
      ownName: cleanName(ownName) || "guest", // host names are longer than members' names may be
      joinedAt: core.clock.wall(),
      candidates: invite.candidates,
      ...(invite.meet && { meet: invite.meet }),
      ...(invite.dhtKey && { dhtKey: invite.dhtKey }),
      enabled: true,
    });
    keeper.changed();
    network.start();
    return { network, replaced };
  }

  /** The host refused: a network that we were in before is what it was, another one goes. */
  refused({ network, replaced }: Joining): void {
    this.forget(network);
    if (!replaced) return;
    this.#addJoined(replaced).start();
    this.#context.stateChanged();
    this.#context.addressesChanged();
  }

  /** Leaves a joined network for good. */
  forget(network: JoinedNetworkRuntime): void {
    this.joined.delete(network.id); // first: its addresses go when it stops
    network.stop("bye");
    this.#context.stateChanged();
  }

  candidatesChanged(): void {
    this.#hosted?.setCandidates(this.candidates());
  }

  handleNetworkChanged(now: number): void {
    this.candidatesChanged();
    this.#hosted?.handleNetworkChanged(now);
    for (const network of this.joined.values()) network.handleNetworkChanged(now);
    this.byFile.handleNetworkChanged(now);
    this.#context.addressesChanged(); // a LAN that we are on may have the addresses of one behind the tunnel now
  }

  addresses(): NetworkAddresses {
    const all = [...(this.#hosted ? [this.#hosted] : []), ...this.joined.values(), this.byFile].map((one) =>
      one.addresses(),
    );
    return {
      addresses: all.flatMap((one) => one.addresses),
      // Networks may share the same ranges; a route exists once.
      routes: uniquePrefixes(all.flatMap((one) => one.routes)),
      lans: all.flatMap((one) => one.lans),
      unicast: all.flatMap((one) => one.unicast),
      behindTun: all.flatMap((one) => one.behindTun),
    };
  }

  /** Where this computer is the router of its own /64s. */
  routedSubnets(): RoutedSubnet[] {
    return [...(this.#hosted ? [this.#hosted] : []), ...this.joined.values()].flatMap(({ routedSubnet }) =>
      routedSubnet ? [routedSubnet] : [],
    );
  }

  /** Those that can be carried for, as LANs have to know them: who has lost the host leaves the LAN to another member. */
  lanNetworks(): { id: string; host: boolean; hostPublicKey: Uint8Array }[] {
    const hosted = this.#hosted;
    const byFile = this.byFile.lanNetwork();
    return [
      ...(hosted?.enabled
        ? [{ id: hosted.id, host: true, hostPublicKey: this.#options.localStatic.publicKey }]
        : []),
      ...[...this.joined.values()]
        .filter((network) => network.state.state === "connected")
        .map(({ id, record }) => ({ id, host: false, hostPublicKey: record.hostPublicKey })),
      ...(byFile ? [byFile] : []),
    ];
  }

  peerOf(vif: VifId): Peer | undefined {
    const found = this.#options.core.vifs.get(vif);
    return found instanceof Peer ? found : undefined;
  }

  /** A stream has ended: whoever goes by it needs another way. */
  streamClosed(stream: number, now: number): void {
    for (const vif of this.#options.core.vifs.values())
      if (vif instanceof Peer) vif.session.handleStreamClosed(stream, now);
  }

  // ── handshakes that others begin ─────────────────────────────────────────

  // A key may be that of a host we joined, of a guest of ours and of a peer of the file: the caller says which it is.

  authorize(request: AuthorizeRequest): Authorization | undefined {
    const { publicKey, caller } = request;
    if (caller === "static") return this.byFile.authorize(publicKey);
    return caller === "host" ? this.#joinedOf(publicKey)?.authorize() : this.#hosted?.authorize(request);
  }

  ownerOf(publicKey: Uint8Array, caller: Caller): SessionOwner | undefined {
    if (caller === "static") return this.byFile.ownerOf(publicKey);
    return caller === "host" ? this.#joinedOf(publicKey)?.peer : this.#hosted?.ownerOf(publicKey);
  }

  accepted(accepted: Accepted, now: number): void {
    if (accepted.caller === "static") this.byFile.accepted(accepted, now);
    else if (accepted.caller === "host") this.#joinedOf(accepted.publicKey)?.accepted(accepted, now);
    else this.#hosted?.accepted(accepted, now);
  }

  /** Whoever was joined first has the addresses that two hosts' LANs share. */
  #lanWays(id: string): readonly LanWay[] {
    if ((this.joined.get(id)?.record.sharedLans ?? []).length === 0) return [];
    const plans = [
      this.#hosted?.record.plan,
      ...[...this.joined.values()].map((one) => one.record.assigned?.plan),
    ];
    const inUse = [
      ...this.#options.addressesInUse(),
      ...plans.flatMap((plan) => (plan ? [plan.prefix4] : [])),
    ];
    for (const { id: other, record } of this.joined.values()) {
      const { sharedLans = [], useLans = true, enabled } = record;
      const ways = useLans && enabled ? lanWays(sharedLans, inUse) : [];
      if (other === id) return ways;
      inUse.push(...ways.flatMap(({ via }) => (via ? [via] : [])));
    }
    return [];
  }

  /** The network whose host has that key. */
  joinedBy(hostPublicKey: Uint8Array): JoinedNetworkRuntime | undefined {
    return [...this.joined.values()].find(
      ({ record }) => Buffer.compare(record.hostPublicKey, hostPublicKey) === 0,
    );
  }

  #joinedOf(publicKey: Uint8Array): JoinedNetworkRuntime | undefined {
    for (const network of this.joined.values())
      if (network.peer && Buffer.compare(network.record.hostPublicKey, publicKey) === 0) return network;
    return undefined;
  }

  #addJoined(record: JoinedNetwork): JoinedNetworkRuntime {
    const network = new JoinedNetworkRuntime(this.#context, record);
    this.joined.set(network.id, network);
    return network;
  }
}

function uniquePrefixes(prefixes: readonly Prefix[]): Prefix[] {
  return [...new Map(prefixes.map((prefix) => [`${prefix.address}/${prefix.length}`, prefix])).values()];
}

/** For people: where an invite points. */
export function candidateTexts(candidates: readonly Candidate[]): string[] {
  return candidates.map(({ host, port }) => endpointText({ address: host, port }));
}
