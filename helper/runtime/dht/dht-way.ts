// The DHT's place among the ways to each other: what it takes from the engine, and when it is used.
import { MAX_CALLS } from "#dht/messages.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { dhtIdentity } from "#protocol/reach/dht-identity.ts";
import { DHT_RESPONSE } from "#wire/dht-ping.ts";
import type { Core } from "../core.ts";
import type { EnginePorts } from "../engine-ports.ts";
import type { Networks } from "../networks.ts";
import type { Reach } from "../reach/reach.ts";
import type { ReachSettings } from "../store/reach-settings.ts";
import type { Streams } from "../streams/streams.ts";
import { DhtRendezvous } from "./dht-rendezvous.ts";
import { frameStreams } from "./open-frame-stream.ts";

const NAME = "the DHT";

export interface DhtWayOptions {
  readonly core: Core;
  readonly networks: Networks;
  readonly reach: Reach;
  readonly streams: Streams;
  /** The machine's. */
  readonly privateKey: Uint8Array;
  readonly settings: () => ReachSettings;
  readonly ports: Pick<EnginePorts, "dhtLauncher" | "uidOf" | "streamSockets">;
  readonly sendDatagram: (to: Endpoint, data: Uint8Array) => void;
}

export class DhtWay {
  /** undefined: not on this system. */
  readonly rendezvous: DhtRendezvous | undefined;
  readonly #key: Uint8Array;
  readonly #settings: () => ReachSettings;

  constructor(options: DhtWayOptions) {
    const { core, networks, reach, streams, settings, sendDatagram } = options;
    const { dhtLauncher: launcher, uidOf, streamSockets } = options.ports;
    const { clock, entropy, log } = core;
    const identity = dhtIdentity(options.privateKey);
    this.#key = identity.publicKey;
    this.#settings = settings;
    if (!launcher) return;
    const way = new DhtRendezvous({
      name: NAME,
      identity,
      keyOf: (hostPublicKey) => networks.joinedBy(hostPublicKey)?.record.dhtKey,
      configuration: () => ({ bootstrap: settings().dhtBootstrap, relays: settings().dhtRelays }),
      launcher,
      uidOf,
      clock,
      entropy,
      log,
      events: reach.eventsFor("dht", () => NAME),
      sendDatagram,
      openStream: frameStreams(streamSockets, streams, NAME, MAX_CALLS),
      due: () => core.turn(),
    });
    this.rendezvous = way;
    core.scheduler.add(way);
    reach.add({
      way,
      serves: ({ dhtKey }) => dhtKey !== undefined && settings().dht,
      // A network into which nobody was invited has nobody who could call.
      hosts: () => settings().dht && networks.hosted?.hasBeenOpened === true,
    });
  }

  /** The key that invites name; undefined: none, because the way is off. */
  get invitedTo(): Uint8Array | undefined {
    return this.rendezvous && this.#settings().dht ? this.#key : undefined;
  }

  settingsChanged(): void {
    if (this.#settings().dht) this.rendezvous?.settingsChanged();
    else this.rendezvous?.close();
  }

  /** False: no datagram of the DHT's. */
  handleDatagram(data: Uint8Array, from: Endpoint): boolean {
    if (!this.rendezvous || data[0] !== DHT_RESPONSE) return false;
    this.rendezvous.handleDatagram(data, from);
    return true;
  }
}
