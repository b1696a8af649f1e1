import type { Endpoint } from "#ports/endpoint.ts";
import type { Members } from "#protocol/addressing/members.ts";
import type { NetworkContext } from "./network-context.ts";
import { Peer, type PeerNetwork } from "./peer.ts";

/** Joiners that have not proved their invite yet, at one time. */
const MAX_JOINERS = 64;
/** A member that does not answer is not called for longer than this; it calls when it is back. */
const GIVE_UP_MS = 60_000;

/** The far ends of a hosted network's sessions: members, and a bounded number of joiners. */
export class HostedPeers {
  readonly #context: NetworkContext;
  readonly #members: Members;
  readonly #network: PeerNetwork;
  readonly #peers = new Map<string, Peer>(); // by public key, hexadecimal

  constructor(context: NetworkContext, members: Members, network: PeerNetwork) {
    this.#context = context;
    this.#members = members;
    this.#network = network;
  }

  byKey(publicKey: Uint8Array): Peer | undefined {
    return this.#peers.get(publicKey.toHex());
  }

  list(): Peer[] {
    return [...this.#peers.values()];
  }

  delete(peer: Peer): void {
    this.#peers.delete(peer.publicKey.toHex());
  }

  /** The one that is there, or a new one; undefined: there is no room. */
  of(publicKey: Uint8Array, candidates: readonly Endpoint[]): Peer | undefined {
    const { core, transport, localStatic, hasAes, hello, traffic } = this.#context;
    const key = publicKey.toHex();
    const known = this.#peers.get(key);
    if (known) return known;
    const member = this.#members.byKey(publicKey);
    if (!member && this.#joiners() >= MAX_JOINERS) return undefined;
    const psk = member?.joinedBy?.psk ?? new Uint8Array(32); // a joiner calls us; we do not call it
    const id = core.takeVifId();
    if (id === undefined) {
      core.log.write("warn", "no room for another member's session", {});
      return undefined;
    }
    const peer = new Peer(core, transport, id, {
      name: member ? `peer-${member.number}` : `joiner-${key.slice(0, 8)}`,
      network: this.#network,
      forwardsForOthers: false,
      traffic,
      maximum: member?.maximumBps,
      session: {
        localStatic,
        remoteStatic: publicKey,
        psk,
        caller: "host",
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
    return this.list().filter((peer) => !this.#members.byKey(peer.publicKey)).length;
  }
}
