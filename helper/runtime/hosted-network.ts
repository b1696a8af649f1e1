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
import type { HandshakeStatus } from "#wire/frame-handshake-payload.ts";
import type { NetworkEntry } from "#wire/control-network.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { NO_VIF } from "#ports/fast-path.ts";
import { mappedPrefix, type NetworkAddresses, type NetworkContext } from "./network-context.ts";
import { Peer, type PeerNetwork } from "./peer.ts";
import type { HostedNetwork } from "./store/network-schemas.ts";

/** Joiners that have not proved their invite yet, at one time and for how long. */
const MAX_JOINERS = 64;
const JOINER_LIFETIME_MS = 10_000;
/** A member that does not answer is not called for longer than this; it calls when it is back. */
const GIVE_UP_MS = 60_000;

interface Joining {
  readonly inviteId: Uint8Array;
  readonly since: number;
}

/** The network that this computer hosts: who may come in, and who is there. */
export class HostedNetworkRuntime implements PeerNetwork {
  readonly id: string;
  readonly members: Members;
  readonly invites: Invites;
  readonly #context: NetworkContext;
  readonly #record: Omit<HostedNetwork, "members" | "invites" | "enabled">;
  readonly #peers = new Map<string, Peer>(); // by public key, hexadecimal
  readonly #joining = new Map<string, Joining>();
  readonly #lastSeen = new Map<number, number>(); // wall ms by member number
  #candidates: readonly Candidate[] = [];
  #enabled: boolean;

  constructor(context: NetworkContext, network: HostedNetwork) {
    const { members, invites, enabled, ...record } = network;
    this.#context = context;
    this.#record = record;
    this.#enabled = enabled;
    this.id = networkIdText(networkId(context.localStatic.publicKey));
    this.members = new Members(record.plan, members);
    this.invites = new Invites(invites);
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
      this.#peerOf(member.publicKey, [endpoint])?.session.connect(now);
    }
  }

  setEnabled(enabled: boolean): void {
    if (enabled === this.#enabled) return;
    this.#enabled = enabled;
    if (!enabled) for (const peer of this.#peers.values()) this.#forget(peer, "bye");
    this.#context.stateChanged();
    this.#context.addressesChanged();
  }

  /** Where members reach us, for those who are connected and for invites. */
  setCandidates(candidates: readonly Candidate[]): void {
    this.#candidates = candidates;
    this.#announce();
  }

  createInvite(
    request: Pick<InviteRequest, "secret" | "expiresInS" | "uses" | "requireApproval"> & {
      readonly candidates: readonly Candidate[];
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

  authorize({ publicKey, inviteId }: AuthorizeRequest): Authorization | undefined {
    if (!this.#enabled) return undefined;
    const standing = this.members.standing(publicKey);
    const check = inviteId && this.invites.check(inviteId, publicKey, this.#context.core.clock.wall());
    if (check) {
      const known = this.members.byKey(publicKey);
      // Who joined with an invite stays when it is revoked, and names it in its calls as long as its daemon runs.
      const stays = standing === "member" && known?.joinedBy?.inviteId.toHex() === check.id.toHex();
      let status: HandshakeStatus = "ok";
      if (check.status !== "open" && !stays) status = check.status;
      else if (known?.removed && check.serial <= known.removed.lastInvite) status = "removed";
      else if (!known && this.members.room() <= 0) status = "full";
      else if (standing !== "member" && check.requireApproval) status = "pending-approval";
      return { psk: check.psk, status };
    }
    const psk = this.members.byKey(publicKey)?.joinedBy?.psk;
    if (!psk || standing === "stranger") return undefined;
    return {
      psk,
      status: standing === "member" ? "ok" : standing === "pending" ? "pending-approval" : "removed",
    };
  }

  /** The peer whose index an answer carries. */
  ownerOf(publicKey: Uint8Array): Peer | undefined {
    return this.#peerOf(publicKey, []);
  }

  accepted(accepted: Accepted, now: number): void {
    const key = accepted.publicKey.toHex();
    // Only keys make a joiner: who is refused leaves nothing behind.
    if (accepted.inviteId && accepted.keys)
      this.#joining.set(key, { inviteId: accepted.inviteId, since: now });
    const peer = this.#peers.get(key);
    if (peer) peer.accepted(accepted, now);
    else this.#context.transport.send(accepted.from, accepted.response); // a refusal: nobody to keep
  }

  // ── members ──────────────────────────────────────────────────────────────

  peerOfMember(member: Member): Peer | undefined {
    return this.#peers.get(member.publicKey.toHex());
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
    let earliest = Infinity;
    for (const [key, { since }] of this.#joining)
      if (!this.#peers.get(key)?.session.up) earliest = Math.min(earliest, since + JOINER_LIFETIME_MS);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    for (const [key, { since }] of this.#joining) {
      const peer = this.#peers.get(key);
      if (since + JOINER_LIFETIME_MS > now || peer?.session.up) continue;
      this.#joining.delete(key);
      if (peer && !this.members.byKey(peer.publicKey)) this.#forget(peer, "bye");
    }
  }

  /** Ends all sessions, saying why. */
  close(reason: "bye" | "restarting"): void {
    this.#context.core.scheduler.remove(this);
    for (const peer of this.#peers.values()) this.#forget(peer, reason);
  }

  addresses(): NetworkAddresses {
    const { prefix6, prefix4 } = this.#record.plan;
    if (!this.#enabled) return { addresses: [], routes: [], unicast: [] };
    const own = memberAddresses(this.#record.plan, HOST_NUMBER);
    return {
      addresses: [
        { address: own.address6, prefixLength: 64 },
        { address: own.address4, prefixLength: 32 },
      ],
      routes: [prefix6, prefix4],
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

  #peerOf(publicKey: Uint8Array, candidates: readonly Endpoint[]): Peer | undefined {
    const { core, transport, localStatic, hasAes, hello, traffic } = this.#context;
    const key = publicKey.toHex();
    const known = this.#peers.get(key);
    if (known) return known;
    const member = this.members.byKey(publicKey);
    if (!member && this.#joiners() >= MAX_JOINERS) return undefined;
    const psk = member?.joinedBy?.psk ?? new Uint8Array(32); // a joiner calls us; we do not call it
    const id = core.takeVifId();
    if (id === undefined) {
      core.log.write("warn", "no room for another member's session", {});
      return undefined;
    }
    const peer = new Peer(core, transport, id, {
      name: member ? `peer-${member.number}` : `joiner-${key.slice(0, 8)}`,
      network: this,
      forwardsForOthers: false,
      traffic,
      session: {
        localStatic,
        remoteStatic: publicKey,
        psk,
        fromHost: true,
        hasAes,
        hello,
        candidates,
        mayInitiate: member !== undefined,
        giveUpAfter: GIVE_UP_MS,
      },
    });
    this.#peers.set(key, peer);
    return peer;
  }

  #joiners(): number {
    return [...this.#peers.values()].filter((peer) => !this.members.byKey(peer.publicKey)).length;
  }

  #established(peer: Peer): void {
    const { core } = this.#context;
    const key = peer.publicKey.toHex();
    const joining = this.#joining.get(key);
    this.#joining.delete(key);
    if (joining && !this.#takeIn(peer, joining)) return this.#forget(peer, "bye");
    const member = this.members.byKey(peer.publicKey);
    if (!member || member.removed) return this.#forget(peer, "removed");
    peer.name = `peer-${member.number}`;
    if (peer.session.endpoint) this.#context.rememberEndpoint(peer.publicKey, peer.session.endpoint);
    core.log.write("info", "a member is here", { peer: peer.name, member: member.name });
    if (member.approved) this.#admit(peer, member);
    this.#changed();
  }

  /** The joiner has proved its invite: its first packet under the handshake's keys is here. */
  #takeIn(peer: Peer, { inviteId }: Joining): boolean {
    const now = this.#context.core.clock.wall();
    const used = this.invites.use(inviteId, peer.publicKey, now);
    if (used?.status !== "open") return this.members.standing(peer.publicKey) === "member";
    const name = peer.session.peerHello?.name ?? "";
    const { id, serial, requireApproval } = used;
    const admitted = this.members.admit({
      publicKey: peer.publicKey,
      psk: used.psk,
      invite: { id, serial, requireApproval },
      name,
      now,
    });
    return admitted.ok;
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
    this.#peers.delete(peer.publicKey.toHex());
    peer.close(reason);
    this.#context.addressesChanged();
  }

  #changed(): void {
    this.#context.stateChanged();
    this.#announce();
  }

  /** Tells every connected member about the network, its place in it, and the others. */
  #announce(): void {
    const { name, plan, sharedRanges } = this.#record;
    const members = this.members.list().filter((member) => member.approved);
    const common: NetworkEntry[] = [
      { kind: "network", name, prefix6: plan.prefix6, prefix4: plan.prefix4, ranges: sharedRanges },
      { kind: "candidates", candidates: [...this.#candidates] },
      ...members.map((member): NetworkEntry => {
        const online = member.number === HOST_NUMBER || this.peerOfMember(member)?.session.up === true;
        return { kind: "member", number: member.number, name: member.name, online };
      }),
    ];
    for (const member of members)
      this.peerOfMember(member)?.tell([...common, { kind: "assigned", number: member.number }]);
  }
}
