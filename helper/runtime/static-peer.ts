import type { Endpoint } from "#ports/endpoint.ts";
import { sameEndpoint } from "#ports/endpoint.ts";
import { CandidateLookup } from "./candidate-lookup.ts";
import { mappedPrefix, type NetworkContext } from "./network-context.ts";
import { Peer, type PeerNetwork } from "./peer.ts";
import type { StaticPeer } from "./peers-file/peers-config.ts";

/** Who has no endpoint is not called for longer than this where it was heard last; it calls when it is back. */
const GIVE_UP_MS = 60_000;

export interface StaticPeerOptions {
  readonly context: NetworkContext;
  readonly network: PeerNetwork;
  readonly networkId: string;
  /** We pass on what one peer sends to the others. */
  readonly forward: boolean;
}

/** One peer of the peers file while its network is on: its session, and where it is looked for. */
export class StaticPeerRuntime {
  readonly #options: StaticPeerOptions;
  readonly #peer: Peer | undefined;
  readonly #lookup: CandidateLookup | undefined;
  #config: StaticPeer;
  #closed = false;

  constructor(options: StaticPeerOptions, config: StaticPeer) {
    this.#options = options;
    this.#config = config;
    const { core, transport, localStatic, hasAes, hello, traffic } = options.context;
    const id = core.takeVifId();
    if (id === undefined) {
      core.log.write("warn", "no room for another peer's session", { peer: config.name });
      return;
    }
    this.#peer = new Peer(core, transport, id, {
      name: `peer-${config.name}`,
      network: options.network,
      forwardsForOthers: config.hub,
      traffic,
      maximum: config.maximumBps,
      session: {
        localStatic,
        remoteStatic: config.publicKey,
        psk: config.psk,
        caller: "static",
        hasAes,
        hello,
        candidates: this.#endpoints([]),
        mayInitiate: true,
        ...(config.endpoints.length === 0 && { giveUpAfter: GIVE_UP_MS }),
      },
    });
    this.#lookup = this.#lookUp(this.#peer);
  }

  get config(): StaticPeer {
    return this.#config;
  }

  /** Undefined: there was no room for it. */
  get peer(): Peer | undefined {
    return this.#peer;
  }

  get up(): boolean {
    return this.#peer?.session.up === true;
  }

  /** Calls it, where it is known where. */
  start(): void {
    const { core } = this.#options.context;
    this.#peer?.session.connect(core.clock.now());
    this.#lookup?.start();
  }

  /** Takes over another line of the same peer. False: it takes a new session. */
  change(config: StaticPeer): boolean {
    const before = this.#config;
    if (sessionOf(before) !== sessionOf(config)) return false;
    this.#config = config;
    this.#peer?.setMaximum(config.maximumBps);
    if (this.#peer?.forwarding) this.admit();
    if (JSON.stringify(before.endpoints) !== JSON.stringify(config.endpoints)) {
      this.#lookup?.start();
      this.handleGaveUp();
    }
    return true;
  }

  /** From now on its packets are carried, and packets to it. */
  admit(): void {
    const { networkId, forward } = this.#options;
    const { addresses, ranges } = this.#config;
    this.#peer?.admit(networkId, forward, [...addresses.prefixes, ...ranges].map(mappedPrefix));
  }

  /** It did not answer for long: it may have been given an endpoint meanwhile. */
  handleGaveUp(): void {
    if (!this.up && this.#config.endpoints.length > 0) this.start();
  }

  /** Addresses or routes of this computer have changed, or it slept. */
  handleNetworkChanged(now: number): void {
    this.#peer?.session.handleNetworkChanged(now);
    if (!this.up) this.start();
  }

  close(reason: "bye" | "restarting"): void {
    this.#closed = true;
    this.#lookup?.stop();
    this.#peer?.close(reason);
  }

  /** Where it was heard last goes first: a peer behind a router has no other endpoint. */
  #endpoints(found: readonly Endpoint[]): Endpoint[] {
    const last = this.#options.context.lastEndpoint(this.#config.publicKey);
    const all: Endpoint[] = last ? [last] : [];
    for (const one of found) if (!all.some((known) => sameEndpoint(known, one))) all.push(one);
    return all;
  }

  #lookUp(peer: Peer): CandidateLookup {
    const { core, resolve, streamTargets } = this.#options.context;
    // Where no name can be looked up a proxy may do it: that does not wait.
    peer.session.setStreamTargets(streamTargets(this.#config.endpoints, []));
    return new CandidateLookup({
      core,
      resolve,
      candidates: () => this.#config.endpoints,
      wanted: () => !this.#closed && !peer.session.up,
      found: (found) => {
        if (this.#closed) return;
        peer.session.setCandidates(this.#endpoints(found));
        // Not where it was heard last: a stream is opened to where somebody said that it leads.
        peer.session.setStreamTargets(streamTargets(this.#config.endpoints, found));
        core.turn();
      },
    });
  }
}

/** What a session is made of: where it differs, the one that is up counts no more. */
function sessionOf({ name, publicKey, psk, hub }: StaticPeer): string {
  return `${name} ${publicKey.toHex()} ${psk.toHex()} ${hub}`;
}
