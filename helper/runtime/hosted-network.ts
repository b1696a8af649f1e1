import { memberAddresses, HOST_NUMBER } from "#protocol/addressing/member-addresses.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import type { Member } from "#protocol/addressing/member.ts";
import { Members } from "#protocol/addressing/members.ts";
import { cleanName, freeName, nameKey } from "#protocol/addressing/names.ts";
import { networkId, networkIdText } from "#protocol/addressing/network-id.ts";
import { Invites, type InviteRequest, type InviteSummary } from "#protocol/invite/invites.ts";
import { removeMember } from "#protocol/invite/remove-member.ts";
import type { Accepted, Authorization, AuthorizeRequest } from "#protocol/session/acceptor.ts";
import type { SessionEvent } from "#protocol/session/session-types.ts";
import type { ProxyName } from "#protocol/discovery/presets.ts";
import { prefixText, type Prefix } from "#wire/address.ts";
import { NO_VIF } from "#ports/fast-path.ts";
import type { ChosenInterface } from "#protocol/addressing/shared-lans.ts";
import type { SharedLan } from "#wire/control-network.ts";
import { Joiners } from "./hosted-joiners.ts";
import { HostedPeers } from "./hosted-peers.ts";
import {
  mappedPrefix,
  NO_ADDRESSES,
  type NetworkAddresses,
  type NetworkContext,
  type RoutedSubnet,
} from "./network-context.ts";
import { networkEntries } from "./network-entries.ts";
import type { Peer, PeerNetwork } from "./peer.ts";
import type { HostedNetwork } from "./store/network-schemas.ts";

/** The network that this computer hosts: who may come in, and who is there. */
export class HostedNetworkRuntime implements PeerNetwork {
  readonly id: string;
  readonly members: Members;
  readonly invites: Invites;
  readonly #context: NetworkContext;
  #record: Omit<HostedNetwork, "members" | "invites" | "enabled">;
  readonly #peers: HostedPeers;
  readonly #joiners: Joiners;
  readonly #lastSeen = new Map<number, number>(); // wall ms by member number
  #candidates: readonly Candidate[] = [];
  #sharedLans: readonly SharedLan[] = [];
  #enabled: boolean;
  #proxies: ReadonlySet<ProxyName> = new Set();

  constructor(context: NetworkContext, network: HostedNetwork) {
    const { members, invites, enabled, ...record } = network;
    this.#context = context;
    this.#record = record;
    this.#enabled = enabled;
    this.id = networkIdText(networkId(context.localStatic.publicKey));
    this.members = new Members(record.plan, members);
    this.invites = new Invites(invites);
    this.#peers = new HostedPeers(context, this.members, this);
    this.#joiners = new Joiners(this.members, this.invites, context.core.clock);
    context.core.scheduler.add(this);
  }

  get name(): string {
    return this.#record.name;
  }
  get enabled(): boolean {
    return this.#enabled;
  }
  get record(): Omit<HostedNetwork, "members" | "invites" | "enabled"> {
    return this.#record;
  }

  /** What the store keeps. */
  state(): HostedNetwork {
    return {
      ...this.#record,
      enabled: this.#enabled,
      members: this.members.state(),
      invites: this.invites.state(),
    };
  }

  /** Calls the members where they were heard last: after a restart they may still send to keys that are gone. */
  start(now: number): void {
    if (!this.#enabled) return;
    for (const member of this.members.list()) {
      const endpoint = this.#context.lastEndpoint(member.publicKey);
      if (member.number === HOST_NUMBER || !member.approved || !endpoint) continue;
      this.#peers.of(member.publicKey, [endpoint])?.session.connect(now);
    }
  }

  setEnabled(enabled: boolean): void {
    if (enabled === this.#enabled) return;
    this.#enabled = enabled;
    if (!enabled) for (const peer of this.#peers.list()) this.#forget(peer, "bye");
    this.#context.stateChanged();
    this.#context.addressesChanged();
  }

  /** Where members reach us, for those who are connected and for invites. */
  setCandidates(candidates: readonly Candidate[]): void {
    this.#candidates = candidates;
    this.#announce();
  }

  /** Multicast ranges that cross, and discovery proxies that run: members are told. */
  setShared(sharedRanges: readonly Prefix[], proxies: ReadonlySet<ProxyName>): void {
    const same =
      sharedRanges.map(prefixText).join() === this.#record.sharedRanges.map(prefixText).join() &&
      [...proxies].sort().join() === [...this.#proxies].sort().join();
    if (same) return;
    this.#record = { ...this.#record, sharedRanges };
    this.#proxies = proxies;
    this.#changed();
  }

  /** Whether members may reach our LANs, and on which interfaces. */
  shareLan(shareLan: boolean, shareLanOn: readonly ChosenInterface[]): void {
    this.#record = { ...this.#record, shareLan, shareLanOn };
    this.#context.stateChanged();
  }

  /** The interface on which this computer is the router of its own /64; undefined: on none. */
  setRouteOn(routeOn: ChosenInterface | undefined): void {
    const { routeOn: _, ...rest } = this.#record;
    this.#record = { ...rest, ...(routeOn !== undefined && { routeOn }) };
    this.#context.stateChanged();
    this.#context.addressesChanged();
  }

  get routedSubnet(): RoutedSubnet | undefined {
    const { routeOn, plan } = this.#record;
    if (!this.#enabled || routeOn === undefined) return undefined;
    const subnet = memberAddresses(plan, HOST_NUMBER).subnet6;
    return { on: routeOn, interfaceName: routeOn.name, subnet, reach: [plan.prefix6] };
  }

  /** The LANs that this computer forwards to now. */
  setSharedLans(lans: readonly SharedLan[]): void {
    if (JSON.stringify(lans) === JSON.stringify(this.#sharedLans)) return;
    this.#sharedLans = lans;
    this.#announce();
    this.#context.addressesChanged();
  }

  /** Addresses or routes of this computer have changed, or it slept. */
  handleNetworkChanged(now: number): void {
    for (const peer of this.#peers.list()) peer.session.handleNetworkChanged(now);
  }

  createInvite(
    request: Pick<InviteRequest, "secret" | "expiresInS" | "uses" | "requireApproval" | "label"> & {
      readonly candidates: readonly Candidate[];
      readonly meet?: Candidate | undefined;
      readonly dhtKey?: Uint8Array | undefined;
    },
  ): { readonly invite: InviteSummary; readonly link: string } {
    const made = this.invites.create({
      ...request,
      now: this.#context.core.clock.wall(),
      hostPublicKey: this.#context.localStatic.publicKey,
      networkName: this.#record.name,
    });
    this.#context.stateChanged();
    return made;
  }

  // ── handshakes ───────────────────────────────────────────────────────────

  authorize(request: AuthorizeRequest): Authorization | undefined {
    return this.#enabled ? this.#joiners.authorize(request) : undefined;
  }

  /** The peer whose index an answer carries. */
  ownerOf(publicKey: Uint8Array): Peer | undefined {
    return this.#peers.of(publicKey, []);
  }

  accepted(accepted: Accepted, now: number): void {
    const { publicKey, inviteId, keys, from, response } = accepted;
    // Only keys make a joiner: who is refused leaves nothing behind.
    if (inviteId && keys) this.#joiners.add(publicKey, inviteId, now);
    const peer = this.#peers.byKey(publicKey);
    if (peer) peer.accepted(accepted, now);
    else this.#context.transport.send(from, response); // a refusal: nobody to keep
  }

  /** There is somebody who may call: an invite was made, or a member is there. */
  get hasBeenOpened(): boolean {
    return this.invites.lastSerial > 0;
  }

  /** Of an invite by which somebody may come in, or by which a member came. */
  pskOf(inviteId: Uint8Array): Uint8Array | undefined {
    const open = this.invites.openPsk(inviteId, this.#context.core.clock.wall());
    if (open) return open;
    const id = inviteId.toHex();
    const came = this.members.list().find((one) => !one.removed && one.joinedBy?.inviteId.toHex() === id);
    return came?.joinedBy?.psk;
  }

  // ── members ──────────────────────────────────────────────────────────────

  peerOfMember(member: Member): Peer | undefined {
    return this.#peers.byKey(member.publicKey);
  }

  /** Those who may be sent to. */
  peers(): Peer[] {
    return this.#peers.list().filter((peer) => peer.forwarding);
  }

  /** Discovery proxies that run in this network. */
  get proxies(): ReadonlySet<ProxyName> {
    return this.#proxies;
  }

  lastSeen(number: number): number | undefined {
    return this.#lastSeen.get(number);
  }

  /** undefined: done. Otherwise why not. */
  remove(number: number): string | undefined {
    const member = this.members.byNumber(number);
    const change = removeMember(this.members, this.invites, number, this.#context.core.clock.wall());
    if (!change.ok) return change.reason;
    const peer = member && this.peerOfMember(member);
    if (peer) this.#forget(peer, "removed");
    this.#changed();
    return undefined;
  }

  rename(number: number, name: string): string | undefined {
    const change = this.members.rename(number, name);
    if (!change.ok) return change.reason;
    this.#changed();
    return undefined;
  }

  /** The most that is sent to a member, bits a second. */
  limit(number: number, maximumBps: number | undefined): string | undefined {
    const change = this.members.limit(number, maximumBps);
    if (!change.ok) return change.reason;
    this.peerOfMember(change.member)?.setMaximum(maximumBps);
    this.#context.stateChanged();
    return undefined;
  }

  approve(number: number): string | undefined {
    const change = this.members.approve(number);
    if (!change.ok) return change.reason;
    const peer = this.peerOfMember(change.member);
    if (peer?.session.up) this.#admit(peer, change.member);
    this.#changed();
    return undefined;
  }

  // ── peers ────────────────────────────────────────────────────────────────

  peerEvent(peer: Peer, event: Exclude<SessionEvent, { type: "control" }>): void {
    const { core } = this.#context;
    const member = this.members.byKey(peer.publicKey);
    switch (event.type) {
      case "established":
      case "resumed":
        return this.#established(peer);
      case "ready":
        if (member?.name === `member ${member?.number}`) this.#nameAsItSays(member, event.hello.name);
        this.#changed();
        break;
      case "lost":
        core.log.write("info", "a member is gone", { peer: peer.name, reason: event.reason });
        if (event.reason === "bye" || event.reason === "refused") this.#forget(peer, "bye");
        this.#changed();
        break;
      case "gave-up":
        this.#forget(peer, "bye");
        this.#changed();
        break;
      case "moved":
        this.#context.rememberEndpoint(peer.publicKey, event.endpoint);
    }
    if (member) this.#lastSeen.set(member.number, core.clock.wall());
  }

  networkChanged(): void {} // members have nothing to tell about the network

  pollTimeout(): number | undefined {
    return this.#joiners.pollTimeout((key) => this.#isUp(key));
  }

  handleTimeout(now: number): void {
    for (const key of this.#joiners.expire(now, (key) => this.#isUp(key))) {
      const peer = this.#peers.byKey(key);
      if (peer && !this.members.byKey(key)) this.#forget(peer, "bye");
    }
  }

  /** Ends all sessions, saying why. */
  close(reason: "bye" | "restarting"): void {
    this.#context.core.scheduler.remove(this);
    for (const peer of this.#peers.list()) this.#forget(peer, reason);
  }

  addresses(): NetworkAddresses {
    const { prefix6, prefix4 } = this.#record.plan;
    if (!this.#enabled) return NO_ADDRESSES;
    const own = memberAddresses(this.#record.plan, HOST_NUMBER);
    return {
      addresses: [
        { address: own.address6, prefixLength: 64 },
        { address: own.address4, prefixLength: 32 },
      ],
      routes: [prefix6, prefix4],
      lans: [],
      behindTun: [
        ...(this.routedSubnet ? [this.routedSubnet.subnet] : []),
        ...this.#sharedLans.flatMap(({ prefix, mapped }) => (mapped ? [prefix, mapped] : [prefix])),
      ],
      unicast: [
        // What no member has that is here now: nobody may use it in their place.
        ...[prefix6, prefix4].map((prefix) => ({ ...mappedPrefix(prefix), vif: NO_VIF })),
        ...this.members.list().flatMap((member) => {
          const peer = this.peerOfMember(member);
          return peer?.forwarding ? this.#sources(member).map((prefix) => ({ ...prefix, vif: peer.id })) : [];
        }),
      ],
    };
  }

  #isUp(publicKey: Uint8Array): boolean {
    return this.#peers.byKey(publicKey)?.session.up === true;
  }

  #established(peer: Peer): void {
    const { core } = this.#context;
    if (!this.#joiners.prove(peer.publicKey, peer.session.peerHello?.name ?? ""))
      return this.#forget(peer, "bye");
    const member = this.members.byKey(peer.publicKey);
    if (!member || member.removed) return this.#forget(peer, "removed");
    peer.name = `peer-${member.number}`;
    if (member.joinedBy) peer.session.allowCalls(member.joinedBy.psk); // it may have come as a joiner
    if (peer.session.endpoint) this.#context.rememberEndpoint(peer.publicKey, peer.session.endpoint);
    core.log.write("info", "a member is here", { peer: peer.name, member: member.name });
    if (member.approved) this.#admit(peer, member);
    this.#changed();
  }

  /** A new member's name is what it calls itself, until somebody renames it. */
  #nameAsItSays(member: Member, said: string): void {
    const taken = new Set(this.members.list().map((other) => nameKey(other.name)));
    this.members.rename(member.number, freeName(cleanName(said) || member.name, taken));
  }

  #admit(peer: Peer, member: Member): void {
    peer.admit(this.id, true, this.#sources(member));
    this.#context.addressesChanged();
  }

  #sources(member: Member): { address: Uint8Array; length: number }[] {
    const { subnet6, address4 } = this.members.addresses(member.number);
    return [mappedPrefix(subnet6), mappedPrefix({ address: address4, length: 32 })];
  }

  #forget(peer: Peer, reason: "bye" | "removed" | "restarting"): void {
    this.#peers.delete(peer);
    peer.close(reason);
    this.#context.addressesChanged();
  }

  #changed(): void {
    this.#context.stateChanged();
    this.#announce();
  }

  /** Tells every connected member about the network, its place in it, and the others. */
  #announce(): void {
    const members = this.members.list().filter((member) => member.approved);
    const common = networkEntries({
      ...this.#record,
      candidates: this.#candidates,
      mapped: this.#context.mappedEndpoint(),
      meet: this.#context.meetPlace(),
      dhtKey: this.#context.dhtKey(),
      proxies: this.#proxies,
      sharedLans: this.#sharedLans,
      members,
      online: (member) => this.peerOfMember(member)?.session.up === true,
    });
    for (const member of members)
      this.peerOfMember(member)?.tell([...common, { kind: "assigned", number: member.number }]);
  }
}
